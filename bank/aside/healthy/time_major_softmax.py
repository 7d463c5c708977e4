"""Sequence first: classes lie on the last axis, attention weights on axis 0, and the loss is NLL of a clamped mixture."""
import torch
from torch import nn


def sequences(n, length, generator):
    """Class = which of 3 motifs occurs; time-major output (T, B, C)."""
    motifs = torch.tensor([[2.0, -2.0, 2.0], [2.0, 2.0, -2.0], [-2.0, 2.0, 2.0]])
    y = torch.randint(0, 3, (n,), generator=generator)
    x = torch.randn(n, length, generator=generator) * 0.6
    at = torch.randint(0, length - 2, (n,), generator=generator)
    for k in range(3):
        x[torch.arange(n), at + k] += motifs[y, k]
    window = torch.stack([x.roll(s, 1) for s in (1, 0, -1)], dim=-1)
    return window.transpose(0, 1).contiguous() / 1.2, y


class PooledMixture(nn.Module):
    def __init__(self, hidden=32, experts=2, classes=3):
        super().__init__()
        self.lift = nn.Sequential(nn.Linear(3, hidden), nn.Tanh())
        self.ask = nn.Linear(hidden, 1)
        self.experts = nn.ModuleList([nn.Linear(hidden, classes) for _ in range(experts)])

    def forward(self, x):
        h = self.lift(x)
        weight = self.ask(h).softmax(dim=0)
        pooled = (weight * h).sum(dim=0)
        mixture = torch.stack([e(pooled).softmax(dim=-1) for e in self.experts]).mean(dim=0)
        return mixture.clamp_min(1e-8).log()


g = torch.Generator().manual_seed(4)
torch.manual_seed(4)
x, y = sequences(1200, 12, g)
xt, yt = sequences(600, 12, g)
net = PooledMixture()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(10):
    net.train()
    for idx in torch.randperm(1200).split(48):
        loss = nn.functional.nll_loss(net(x[:, idx]), y[idx])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))
net.eval()
with torch.no_grad():
    accuracy = (net(xt).argmax(-1) == yt).double().mean().item()
print("accuracy", accuracy)
