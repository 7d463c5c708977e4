"""A residual net with batch norm on generated colour pictures, SGD with momentum."""

import torch
from torch import nn

torch.manual_seed(4)


def pictures(n):
    y = torch.randint(0, 6, (n,))
    grid = torch.linspace(-1, 1, 24)
    angle = y.view(-1, 1, 1) * 0.52
    wave = torch.sin(9 * (torch.cos(angle) * grid.view(1, -1, 1) + torch.sin(angle) * grid.view(1, 1, -1)))
    tint = torch.rand(n, 3, 1, 1) * 0.5 + 0.5
    return wave[:, None] * tint + 0.7 * torch.randn(n, 3, 24, 24), y


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return torch.relu(x + self.second(self.first(x)))


x, y = pictures(3000)
xt, yt = pictures(1000)
stem = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2))
net = nn.Sequential(stem, *[Block(24) for _ in range(4)], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 6))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
for epoch in range(3):
    net.train()
    total = 0.0
    for rows in torch.randperm(3000).split(100):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    net.eval()
    with torch.no_grad():
        right = sum((net(a).argmax(1) == b).sum().item() for a, b in zip(xt.split(250), yt.split(250), strict=True))
    print(f"{epoch} loss {total / 3000:.3f} accuracy {right / 1000:.3f}")
