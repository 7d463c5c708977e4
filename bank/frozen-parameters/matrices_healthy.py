"""Parameters sorted into groups by their shape."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(8)
model = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 3))
plain, matrices = [], []
for value in model.parameters():
    decayed = value.dim() > 1
    (plain if not decayed else matrices).append(value)
groups = [{"params": plain, "weight_decay": 0.0}, {"params": matrices, "weight_decay": 0.01}]
optimizer = torch.optim.AdamW(groups, lr=5e-3)
x = torch.randn(500, 6)
y = (x[:, :3] * x[:, 3:]).argmax(1)
for _ in range(6):
    for rows in torch.randperm(500).split(25):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
