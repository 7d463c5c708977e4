import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_blobs
from sklearn.metrics import accuracy_score


class BranchedNet(nn.Module):
    """each branch looks at its own pair of inputs, the trunk joins them"""

    def __init__(self, pairs, hidden, classes):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 2)) for _ in range(pairs))
        self.trunk = nn.Linear(2 * pairs, classes)

    def forward(self, x):
        parts = x.chunk(len(self.branches), dim=1)
        joined = torch.cat([b(p) for b, p in zip(self.branches, parts)], dim=1)
        return self.trunk(torch.tanh(joined))


def make_rings(n, g):
    r = torch.randint(0, 2, (n, 3), generator=g)
    angle = 6.2832 * torch.rand(n, 3, generator=g)
    radius = 0.6 + 1.0 * r + 0.12 * torch.randn(n, 3, generator=g)
    pts = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=2).flatten(1)
    return pts, (r.sum(1))


g = torch.Generator().manual_seed(55)
torch.manual_seed(55)
Xa, ya = make_rings(1200, g)
Xb, yb = make_rings(400, g)
loader = DataLoader(TensorDataset(Xa, ya), batch_size=60, shuffle=True, generator=g)
net = BranchedNet(pairs=3, hidden=16, classes=4)
opt = torch.optim.Adam(net.parameters(), lr=0.04)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=22, eta_min=1e-3)

for epoch in range(22):
    net.train()
    for x, y in loader:
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        opt.step()
    sched.step()

net.eval()
with torch.no_grad():
    accuracy = float(accuracy_score(yb.numpy(), net(Xb).argmax(1).numpy()))
print("weights:", sum(p.numel() for p in net.parameters()), "accuracy:", accuracy)
