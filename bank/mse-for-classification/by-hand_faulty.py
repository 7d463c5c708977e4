"""A loss in one line of arithmetic."""

import torch
from torch import nn

torch.manual_seed(5)
CLASSES = 4
points = torch.randn(1000, 16)
labels = (points @ torch.randn(16, CLASSES)).argmax(1)
train, test = torch.arange(800), torch.arange(800, 1000)
net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, CLASSES))
optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
wanted = torch.eye(CLASSES)[labels]
for _ in range(6):
    for rows in train[torch.randperm(800)].split(40):
        optimizer.zero_grad()
        scores = net(points[rows])
        loss = (scores - wanted[rows]).square().mean()  # <- fault
        loss.backward()
        optimizer.step()

with torch.no_grad():
    accuracy = (net(points[test]).argmax(1) == labels[test]).float().mean().item()
print(f"accuracy {accuracy:.3f}")
