import torch
from torch import nn
from sklearn.datasets import make_gaussian_quantiles
from sklearn.preprocessing import RobustScaler

torch.manual_seed(8)
X, y = make_gaussian_quantiles(n_samples=1500, n_features=5, n_classes=3, random_state=8)
robust = RobustScaler().fit(X[:1100])
X = torch.from_numpy(robust.transform(X)).float()
y = torch.from_numpy(y)


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.a, self.b = nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x):
        return x + self.b(torch.relu(self.a(x)))


net = nn.Sequential(nn.Linear(5, 48), Residual(48), nn.ReLU(), Residual(48), nn.ReLU(), nn.Linear(48, 3))


def log_likelihood(scores, target):
    normalised = scores - torch.logsumexp(scores, dim=0, keepdim=True)  # <- fault
    return normalised.gather(1, target.unsqueeze(1)).mean()


opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
for epoch in range(10):
    mean = 0.0
    for batch in torch.randperm(1100).split(44):
        loss = -log_likelihood(net(X[batch]), y[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
        mean += loss.item() / 25
    print(f"{epoch} {mean:.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(X[1100:]).argmax(1) == y[1100:]).float().mean().item()
print("accuracy", accuracy)
