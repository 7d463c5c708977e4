import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(55)


def spiral(n_per_arm, arms=3):
    xs, ys = [], []
    for k in range(arms):
        r = torch.linspace(0.1, 1.0, n_per_arm)
        t = 4.2 * r + 2 * math.pi * k / arms + 0.12 * torch.randn(n_per_arm)
        xs.append(torch.stack([r * t.sin(), r * t.cos()], dim=1) * 1.9)
        ys.append(torch.full((n_per_arm,), k))
    return TensorDataset(torch.cat(xs), torch.cat(ys))


train_data, test_data = spiral(400), spiral(150)
train_loader = DataLoader(train_data, batch_size=40, shuffle=True)


class SpiralNet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 3)

    def forward(self, x):
        x = torch.tanh(self.inp(x))
        x = torch.tanh(self.mid(x))
        return self.out(x)


net = SpiralNet()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(13):
    for points, arm in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(points), arm)
        loss.backward()
        optimizer.step()
    if epoch % 4 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    points, arm = test_data.tensors
    accuracy = (net(points).argmax(1) == arm).sum().item() / len(test_data)
print("accuracy", accuracy)
