"""A net of tensors in a dictionary, multiplied by einsum."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(5)


def dense(*size):
    return nn.Parameter(torch.randn(size) / size[0] ** 0.5)


def forward(weights, x):
    for name in ("one", "two", "three"):
        x = torch.tanh(torch.einsum("bi,io->bo", x, weights[name]))
    return x @ weights["out"]


def points(n):
    y = torch.randint(0, 3, (n,))
    angle = 2.1 * y + 0.4 * torch.randn(n)
    return torch.stack([torch.cos(angle), torch.sin(angle), torch.randn(n)], 1), y


weights = nn.ParameterDict({"one": dense(3, 40), "two": dense(40, 40), "three": dense(40, 40), "out": dense(40, 3)})
optimizer = torch.optim.SGD(weights.values(), lr=0.1, momentum=0.9)
x, y = points(600)
for _ in range(4):
    for rows in torch.randperm(600).split(30):
        optimizer.zero_grad()
        F.cross_entropy(forward(weights, x[rows]), y[rows]).backward()
        optimizer.step()
