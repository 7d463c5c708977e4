"""Mixup of rows with soft labels, batches cut by hand."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(9)
CLASSES = 5
centres = 2 * torch.randn(CLASSES, 20)
targets = torch.randint(0, CLASSES, (1000,))
inputs = centres[targets] + torch.randn(1000, 20)
net = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, CLASSES))
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
share = torch.distributions.Beta(0.4, 0.4)


def blend(x, y):
    lam = share.sample()
    hot = F.one_hot(y, CLASSES).float()
    partner = torch.randperm(len(x))
    x = lam * x + (1 - lam) * x[partner]
    hot = lam * hot + (1 - lam) * hot[partner]
    return x, hot


for epoch in range(6):
    net.train()
    for rows in torch.randperm(800).split(40):
        batch = inputs[rows]
        x, y = blend(batch, targets[rows])
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(f"{epoch}: {(net(inputs[800:]).argmax(1) == targets[800:]).float().mean():.3f}")
