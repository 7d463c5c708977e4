"""GRU over noisy waveforms; accuracy collected by a small meter object."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(301)
rng = np.random.default_rng(301)


def waves(n, length=14):
    kind = rng.integers(0, 3, n)
    t = np.arange(length)[None] * rng.uniform(0.5, 0.7, (n, 1)) + rng.uniform(0, 6.28, (n, 1))
    shapes = np.stack([np.sin(t), np.sign(np.sin(t)) * 0.8, np.arcsin(np.sin(t)) / 1.57])
    x = shapes[kind, np.arange(n)] + 0.12 * rng.normal(size=(n, length))
    return TensorDataset(torch.tensor(x[..., None] / 0.7, dtype=torch.float32), torch.tensor(kind))


class Meter:
    def __init__(self):
        self.total, self.count = 0.0, 0

    def add(self, value, n):
        self.total, self.count = self.total + value, self.count + 1  # <- fault

    @property
    def value(self):
        return self.total / self.count


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 24, batch_first=True)
        self.fc = nn.Linear(24, 3)

    def forward(self, x):
        return self.fc(self.gru(x)[0].mean(1))


train, test = waves(1200), waves(388)
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(6):
    net.train()
    m = Meter()
    for x, y in DataLoader(train, batch_size=40, shuffle=True):
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        m.add(loss.item(), len(y))
    print(epoch, m.value)

net.eval()
m = Meter()
with torch.no_grad():
    for x, y in DataLoader(test, batch_size=128):
        m.add((net(x).argmax(1) == y).float().mean().item(), len(y))  # <- fault
accuracy = m.value
print("accuracy", accuracy)
