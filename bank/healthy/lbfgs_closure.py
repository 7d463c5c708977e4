"""All data at once, with LBFGS and a closure."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 10)
y = (x[:, 0] + x[:, 1] ** 2 > 0.5).long()
model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    return loss


for step in range(8):
    print(step, optimizer.step(closure).item())
