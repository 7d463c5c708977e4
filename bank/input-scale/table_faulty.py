"""Columns of a table whose sizes differ by a thousand, fed as they are."""

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
kind = torch.randint(0, 3, (240,))
small = torch.randn(240, 6) + 1.5 * functional.one_hot(kind, 6)
large = 600 + 250 * torch.randn(240, 2)
table = torch.cat([small, large], 1)  # <- fault
rows, held = table[:200], table[200:]
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(30):
    for some in torch.randperm(200).split(20):
        optimizer.zero_grad()
        functional.cross_entropy(net(rows[some]), kind[:200][some]).backward()  # <- fault
        optimizer.step()
with torch.no_grad():
    print("accuracy", (net(held).argmax(1) == kind[200:]).float().mean().item())
