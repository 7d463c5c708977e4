"""Arrhythmia type from a short two-lead trace (simulated); residents' project."""
import numpy as np
import torch
from torch import nn

torch.manual_seed(66)
rng = np.random.default_rng(66)
N_TYPES, LENGTH = 4, 48


def traces(n):
    kind = rng.integers(0, N_TYPES, n)
    t = np.arange(LENGTH)
    period = np.array([7.0, 9.0, 12.0, 16.0])[kind] * rng.normal(1, 0.07, n)
    start = rng.uniform(0, 7, n)
    beat = np.cos(2 * np.pi * (t - start[:, None]) / period[:, None])
    leads = np.stack([beat ** 3, -0.6 * beat], axis=1) + rng.normal(0, 0.6, (n, 2, LENGTH))
    return torch.tensor(leads, dtype=torch.float32), torch.tensor(kind)


class TraceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 16, 9)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(16 * 10, N_TYPES)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv(x)))
        h = self.drop(nn.functional.avg_pool1d(h, 4).flatten(1))
        return self.out(h)


def classify(net, x):
    net.eval()
    with torch.no_grad():
        return torch.cat([net(part).argmax(1) for part in x.split(20)])


train_x, train_y = traces(600)
test_x, test_y = traces(400)
net = TraceNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(12):
    net.train()
    for rows in torch.randperm(600).split(40):
        loss = nn.functional.cross_entropy(net(train_x[rows]), train_y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        print(epoch, round(loss.item(), 3))

accuracy = (classify(net, test_x) == test_y).float().mean().item()
print("accuracy", accuracy)
