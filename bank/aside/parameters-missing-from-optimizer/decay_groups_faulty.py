"""Conv classifier of generated gratings; weight decay only where it belongs."""
import math

import torch
from torch import nn


def gratings(n, size=12, generator=None):
    """Four orientations, random phase and frequency, additive noise."""
    label = torch.randint(0, 4, (n,), generator=generator)
    phase = torch.rand(n, 1, 1, generator=generator) * 2 * math.pi
    freq = 0.9 + 0.4 * torch.rand(n, 1, 1, generator=generator)
    axis = torch.arange(size).float()
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    angle = (label.float() * math.pi / 4)[:, None, None]
    wave = torch.sin(freq * (xx * torch.cos(angle) + yy * torch.sin(angle)) + phase)
    noise = torch.randn(n, size, size, generator=generator)
    return (wave + 0.9 * noise).unsqueeze(1), label


class GratingNet(nn.Module):
    def __init__(self, channels=(6, 12)):
        super().__init__()
        stages, c = [], 1
        for width in channels:
            stages += [nn.Conv2d(c, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            c = width
        self.trunk = nn.Sequential(*stages)
        self.head = nn.Linear(c, 4)

    def forward(self, x):
        return self.head(self.trunk(x).mean(dim=(2, 3)))


def grouped(module, decay):
    heavy = [p for p in module.parameters() if p.ndim == 2]  # <- fault
    light = [p for p in module.parameters() if p.ndim == 1]
    return [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]


torch.manual_seed(6)
g = torch.Generator().manual_seed(100)
x_train, y_train = gratings(1000, generator=g)
x_test, y_test = gratings(500, generator=g)
x_train, x_test = [(t - x_train.mean()) / x_train.std() for t in (x_train, x_test)]
net = GratingNet()
opt = torch.optim.AdamW(grouped(net, 1e-2), lr=8e-3)  # <- fault
for epoch in range(10):
    net.train()
    for idx in torch.randperm(len(x_train)).split(50):
        loss = nn.functional.cross_entropy(net(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))

net.eval()
with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
