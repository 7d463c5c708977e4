"""Keeps the best weights on a development part, decays the rate, reports on a third part."""
import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR
from sklearn.datasets import make_moons

torch.manual_seed(441)


def moons(n, seed):
    p, t = make_moons(n, noise=0.25, random_state=seed)
    return torch.tensor(p, dtype=torch.float32).sub(torch.tensor([0.5, 0.25])).div(torch.tensor([0.9, 0.55])), torch.tensor(t)


fit, dev, end = moons(500, 1), moons(300, 2), moons(500, 3)
net = nn.Sequential(nn.Linear(2, 50), nn.BatchNorm1d(50), nn.ReLU(), nn.Linear(50, 50), nn.BatchNorm1d(50), nn.ReLU(),
                    nn.Linear(50, 2))
opt = torch.optim.Adam(net.parameters(), lr=0.02)
plan = ExponentialLR(opt, gamma=0.8)


def judge(part):
    net.eval()
    with torch.no_grad():
        out = net(part[0])
        return nn.functional.cross_entropy(out, part[1]).item(), (out.argmax(1) == part[1]).float().mean().item()


low, stored = float("inf"), None
for epoch in range(16):
    net.train()
    for rows in torch.randperm(500).split(50):
        loss = nn.functional.cross_entropy(net(fit[0][rows]), fit[1][rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    plan.step()
    value, share = judge(dev)
    print(f"{epoch:2d} dev {value:.4f} {share:.3f}")
    if value < low:
        low = value
        stored = {k: v.clone() for k, v in net.state_dict().items()}

net.load_state_dict(stored)
_, accuracy = judge(end)
print("accuracy", accuracy)
