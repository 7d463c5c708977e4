"""Pairs out of a zip, in rounds with a score after each."""

import torch
from torch import nn

torch.manual_seed(5)
centres = torch.randn(4, 8)
labels = torch.randint(0, 4, (600,))
points = centres[labels] + 0.8 * torch.randn(600, 8)
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)


def fit(pairs):
    net.train()
    for x, y in pairs:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()


def score():
    net.eval()
    with torch.no_grad():
        return (net(points[400:]).argmax(1) == labels[400:]).float().mean()


pairs = list(zip(points[:400].split(20), labels[:400].split(20), strict=True))
for turn in range(8):
    fit(pairs)
    print(f"round {turn}: {score():.3f}")
