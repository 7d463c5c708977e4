import os
import tempfile
from dataclasses import dataclass, field

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Settings:
    width: int = 64
    depth: int = 4
    lr: float = 8e-3
    epochs: int = 9
    batch_size: int = 45
    folder: str = field(default_factory=tempfile.mkdtemp)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lin, self.act = nn.Linear(width, width), nn.ReLU()

    def forward(self, x):
        return x + 0.5 * self.act(self.lin(x))


def build(s):
    blocks = [Block(s.width) for _ in range(s.depth)]
    return nn.Sequential(nn.Linear(64, s.width), *blocks, nn.Linear(s.width, 10))


def measure(net, loader):
    net.eval()
    hit, loss = 0, 0.0
    with torch.no_grad():
        for x, y in loader:
            z = net(x)
            hit += (z.argmax(1) == y).sum().item()
            loss += nn.functional.cross_entropy(z, y, reduction="sum").item()
    return hit / len(loader.dataset), loss / len(loader.dataset)


def main(s):
    torch.manual_seed(71)
    d = load_digits()
    perm = torch.randperm(len(d.target))
    x, y = (torch.tensor(d.data).float()[perm] - 4.88) / 6.02, torch.tensor(d.target)[perm]
    cut = [(0, 900), (900, 1300), (1300, 1797)]
    train, val, test = [DataLoader(TensorDataset(x[a:b], y[a:b]), s.batch_size, shuffle=a == 0) for a, b in cut]
    net = build(s)
    opt = torch.optim.Adam(net.parameters(), lr=s.lr)
    path, lowest = os.path.join(s.folder, "model.pt"), 1e9
    for epoch in range(s.epochs):
        net.train()
        for xb, yb in train:
            opt.zero_grad()
            nn.functional.cross_entropy(net(xb), yb).backward()
            opt.step()
        acc, loss = measure(net, val)
        print(epoch, acc, loss)
        if loss < lowest:
            lowest = loss
            torch.save(net.state_dict(), path)
    net.load_state_dict(torch.load(path))
    return measure(net, test)[0]


accuracy = main(Settings())
print("test accuracy", accuracy)
