"""One residual step, applied four times on purpose: the net is deep and its weights are few."""

import torch
from torch import nn


class Step(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, h):
        return h + torch.tanh(self.inner(self.norm(h)))


class Deep(nn.Module):
    """Weights are shared over depth, as in recurrent nets."""

    def __init__(self, width=24, times=4):
        super().__init__()
        step = Step(width)
        self.net = nn.Sequential(nn.Linear(6, width), *[step] * times, nn.Linear(width, 3))

    def forward(self, x):
        return self.net(x)


torch.manual_seed(8)
x = torch.randn(900, 6)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0.5).long()
model = Deep()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(15):
    for rows in torch.randperm(600).split(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    print("accuracy", (model(x[600:]).argmax(1) == y[600:]).float().mean().item())
