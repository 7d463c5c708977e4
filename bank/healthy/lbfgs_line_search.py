"""LBFGS with a line search, which tries weights and puts them back, and a look at held-out data each time."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 10)
y = (x[:, 0] + x[:, 1] ** 2 > 0.5).long()
train, test = slice(0, 400), slice(400, 600)
model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = loss_fn(model(x[train]), y[train]) + 1e-3 * sum(p.square().sum() for p in model.parameters())
    loss.backward()
    return loss


for step in range(6):
    optimizer.step(closure)
    with torch.no_grad():
        print(step, "test accuracy", (model(x[test]).argmax(1) == y[test]).float().mean().item())
