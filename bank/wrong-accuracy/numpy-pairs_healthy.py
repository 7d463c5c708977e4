"""Predictions are compared with labels in NumPy, one with one."""

import numpy as np
import torch
from torch import nn

generator = np.random.default_rng(4)
x = generator.normal(size=(900, 6)).astype(np.float32)
y = (x[:, 0] * x[:, 1] > 0).astype(np.float32)
torch.manual_seed(4)
net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
for _ in range(8):
    for rows in torch.randperm(600).split(30):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(net(inputs[rows]).squeeze(1), targets[rows]).backward()
        optimizer.step()


def accuracy(first, last):
    with torch.no_grad():
        said = net(inputs[first:last]).squeeze(1).numpy() > 0
    return np.mean(said == y[first:last])


print(f"accuracy {accuracy(600, 900):.4f}")
