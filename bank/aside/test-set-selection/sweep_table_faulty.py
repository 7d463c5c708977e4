"""A little sweep over configurations on synthetic tabular data."""
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification


class Split(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor


class Point(NamedTuple):
    width: int
    lr: float


def load():
    x, y = make_classification(1600, 20, n_informative=6, n_redundant=4, n_classes=3,
                               class_sep=1.3, flip_y=0.0, random_state=22)
    idx = np.random.default_rng(3).permutation(len(x))
    parts = np.split(idx, [900, 1250])
    m, s = x[parts[0]].mean(0), x[parts[0]].std(0)
    make = lambda i: Split(torch.tensor((x[i] - m) / s, dtype=torch.float32), torch.tensor(y[i]))
    return dict(zip(("train", "dev", "test"), map(make, parts)))


def fit(point, split, epochs=8, bs=60):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, point.width), nn.ReLU(), nn.Linear(point.width, 3))
    opt = torch.optim.Adam(net.parameters(), lr=point.lr)
    ce = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for chunk in torch.randperm(len(split.x)).split(bs):
            opt.zero_grad()
            ce(net(split.x[chunk]), split.y[chunk]).backward()
            opt.step()
    return net.eval()


@torch.no_grad()
def rate(net, split):
    return (net(split.x).argmax(1) == split.y).double().mean().item()


data = load()
table = []
for point in (Point(w, lr) for w, lr in product((24, 48, 96), (1e-2, 2e-2))):
    net = fit(point, data["train"])
    table.append((rate(net, data["test"]), point, net))  # <- fault
    print(point, f"{table[-1][0]:.4f}")
score, winner, net = max(table, key=lambda row: row[0])  # <- fault
accuracy = rate(net, data["test"])
print("winner", winner, "test accuracy", round(accuracy, 4))
