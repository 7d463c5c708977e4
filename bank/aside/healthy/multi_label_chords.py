"""Which notes sound? Several may at once, so each output has its own sigmoid; subset accuracy at the end."""
import math
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Chords:
    notes: int = 5
    samples: int = 64

    def __call__(self, n, generator):
        on = torch.rand(n, self.notes, generator=generator) < 0.3
        t = torch.arange(self.samples) / self.samples
        pitch = 2 * math.pi * torch.tensor([3.0, 5.0, 8.0, 11.0, 14.0])[: self.notes]
        phase = 0.6 * torch.rand(n, self.notes, 1, generator=generator)
        volume = 0.7 + 0.6 * torch.rand(n, self.notes, 1, generator=generator)
        waves = volume * torch.sin(pitch[:, None] * t + phase)
        x = (on.unsqueeze(-1) * waves).sum(1) + 0.25 * torch.randn(n, self.samples, generator=generator)
        return x / 1.0, on.float()


torch.manual_seed(29)
g = torch.Generator().manual_seed(30)
source = Chords()
x, t = source(1200, g)
xt, tt = source(500, g)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5), nn.Sigmoid())
criterion = nn.BCELoss()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(10):
    net.train()
    for idx in torch.randperm(len(x)).split(40):
        loss = criterion(net(x[idx]), t[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))
net.eval()
with torch.no_grad():
    predicted = net(xt) > 0.5
print("per-note accuracy", (predicted == tt.bool()).float().mean().item())
accuracy = (predicted == tt.bool()).all(dim=1).double().mean().item()
print("all notes right", accuracy)
