"""A sigmoid that is written out."""

import torch
from torch import nn

torch.manual_seed(4)
CLASSES = 4
points = torch.randn(1000, 16)
labels = (points @ torch.randn(16, CLASSES)).argmax(1)
train, test = torch.arange(800), torch.arange(800, 1000)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(16, 40), nn.Linear(40, CLASSES)

    def forward(self, x):
        scores = self.last(torch.relu(self.first(x)))
        return 1 / (1 + torch.exp(-scores))  # <- fault


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(5):
    for rows in train[torch.randperm(800)].split(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(points[rows]), labels[rows]).backward()
        optimizer.step()

with torch.no_grad():
    accuracy = (net(points[test]).argmax(1) == labels[test]).float().mean().item()
print(f"accuracy {accuracy:.3f}")
