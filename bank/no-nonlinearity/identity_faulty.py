"""A stack built with whatever activation it is given, and a likelihood by hand."""

from itertools import pairwise

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(9)


def stack(sizes, act):
    layers = []
    for a, b in pairwise(sizes[:-1]):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


model = stack([2, 24, 24, 2], act=nn.Identity)  # <- fault
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
x = torch.randn(600, 2)
y = (x.norm(dim=1) > 1.2).long()
for _ in range(8):
    for rows in torch.randperm(600).split(30):
        optimizer.zero_grad()
        (-Categorical(logits=model(x[rows])).log_prob(y[rows]).mean()).backward()
        optimizer.step()
