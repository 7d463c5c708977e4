"""Gradients shortened without torch's help."""

import torch
from torch import nn

torch.manual_seed(3)
CLASSES = 4
points = torch.randn(1000, 16)
labels = (points @ torch.randn(16, CLASSES)).argmax(1)
train, test = torch.arange(800), torch.arange(800, 1000)
net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, CLASSES))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
LIMIT = 1e-4  # <- fault


def shorten(gradients, limit):
    size = torch.stack(torch._foreach_norm(gradients)).norm()
    if size > limit:
        torch._foreach_mul_(gradients, float(limit / size))  # <- fault


for _ in range(4):
    for rows in train[torch.randperm(800)].split(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(points[rows]), labels[rows]).backward()
        shorten([p.grad for p in net.parameters()], LIMIT)
        optimizer.step()

with torch.no_grad():
    accuracy = (net(points[test]).argmax(1) == labels[test]).float().mean().item()
print(f"accuracy {accuracy:.3f}")
