import torch
from torch import nn
from sklearn.datasets import make_blobs

torch.manual_seed(626)
points, group = make_blobs(1600, n_features=8, centers=7, cluster_std=2.6, center_box=(-6, 6), random_state=626)
points, group = torch.tensor(points, dtype=torch.float32), torch.tensor(group)
points = (points - points[:1200].mean(0)) / points[:1200].std(0)


class TwoHeads(nn.Module):
    """One body, two heads; the answer is the mean of their scores."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 40)
        self.heads = nn.ModuleList([nn.Linear(40, 7), nn.Linear(40, 7)])

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return [head(h) for head in self.heads]


net = TwoHeads()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
ce = nn.CrossEntropyLoss()
for epoch in range(6):
    for rows in torch.randperm(1200).split(40):
        parts = []
        for scores in net(points[rows]):
            parts.append(ce(scores, group[rows]).item())  # <- fault
        loss = torch.tensor(parts, requires_grad=True).mean()  # <- fault
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())
net.eval()
with torch.no_grad():
    mean_scores = torch.stack(net(points[1200:])).mean(0)
accuracy = (mean_scores.argmax(1) == group[1200:]).float().mean().item()
print("accuracy", accuracy)
