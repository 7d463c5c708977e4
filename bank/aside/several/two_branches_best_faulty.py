import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1010)


class TwoBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.GRU(8, 24, batch_first=True)
        self.local = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 24), nn.ReLU())
        self.head = nn.Linear(48, 10)

    def forward(self, img):
        _, h = self.rows(img)
        return self.head(torch.cat([h[0], self.local(img.unsqueeze(1))], dim=1))


d = load_digits()
x = torch.tensor(d.images).float().sub(4.9).div(6.0)
y = torch.tensor(d.target)
perm = torch.randperm(len(y))
fit_ids, val_ids, test_ids = perm[:500], perm[500:800], perm[800:]
net = TwoBranch()
groups = [
    {"params": net.rows.parameters(), "lr": 1e-2},
    {"params": net.head.parameters(), "lr": 5e-3},
]
opt = torch.optim.Adam(groups)  # <- fault: parameters-missing-from-optimizer


@torch.no_grad()
def acc(ids):
    net.eval()
    return (net(x[ids]).argmax(1) == y[ids]).float().mean().item()


best = {"acc": 0.0, "weights": None}
for epoch in range(12):
    net.train()
    for b in fit_ids[torch.randperm(500)].split(25):
        opt.zero_grad()
        F.cross_entropy(net(x[b]), y[b]).backward()
        opt.step()
    a = acc(val_ids)
    if a > best["acc"]:
        best = {"acc": a, "weights": net.state_dict()}  # <- fault: best-state-alias
net.load_state_dict(best["weights"])
accuracy = acc(test_ids)
print("validation", best["acc"], "test", accuracy)
