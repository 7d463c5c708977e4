"""Gradients that are put in place by hand."""

import torch
from torch import nn

torch.manual_seed(6)
CLASSES = 4
points = torch.randn(1000, 16)
labels = (points @ torch.randn(16, CLASSES)).argmax(1)
train, test = torch.arange(800), torch.arange(800, 1000)
net = nn.Sequential(nn.Linear(16, 40), nn.Tanh(), nn.Linear(40, CLASSES))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(5):
    for rows in train[torch.randperm(800)].split(40):
        loss = nn.functional.cross_entropy(net(points[rows]), labels[rows])
        for p, slope in zip(net.parameters(), torch.autograd.grad(loss, list(net.parameters())), strict=True):
            p.grad = slope
        optimizer.step()

with torch.no_grad():
    accuracy = (net(points[test]).argmax(1) == labels[test]).float().mean().item()
print(f"accuracy {accuracy:.3f}")
