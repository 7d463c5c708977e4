"""A generator and a discriminator: two optimizers, gradients that cross."""

import torch
from torch import nn

torch.manual_seed(0)
make = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
make_steps = torch.optim.Adam(make.parameters(), 1e-3, betas=(0.5, 0.999))
judge_steps = torch.optim.Adam(judge.parameters(), 1e-3, betas=(0.5, 0.999))
loss = nn.BCEWithLogitsLoss()
for step in range(150):
    real = torch.randn(32, 2) * 0.3 + 2
    fake = make(torch.randn(32, 4))
    judge_steps.zero_grad()
    error = loss(judge(real), torch.ones(32, 1)) + loss(judge(fake.detach()), torch.zeros(32, 1))
    error.backward()
    judge_steps.step()
    make_steps.zero_grad()
    loss(judge(fake), torch.ones(32, 1)).backward()
    make_steps.step()
print("made", fake.mean(0))
