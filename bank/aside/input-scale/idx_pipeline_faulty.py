"""MNIST from IDX files with a composable preprocessing pipeline."""
import functools
import gzip
import os
import struct
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(os.environ["FAIRTRIAL_DATA"]) / "mnist"


def read_idx(stem, limit):
    path = next(p for p in (ROOT / stem, ROOT / f"{stem}.gz") if p.exists())
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as fh:
        _, _, ndim = struct.unpack(">HBB", fh.read(4))
        shape = struct.unpack(f">{ndim}I", fh.read(4 * ndim))
        count = limit * int(np.prod(shape[1:]))
        return np.frombuffer(fh.read(count), dtype=np.uint8).reshape(limit, *shape[1:])


def to_unit(a):
    return a.astype(np.float32) / 255  # <- fault


def halve(a):
    return a.reshape(len(a), 14, 2, 14, 2).mean(axis=(2, 4))


def centre(a):
    return (a - 0.1307) / 0.28


def flatten(a):
    return torch.from_numpy(np.ascontiguousarray(a.reshape(len(a), -1), dtype=np.float32))


def compose(*fns):
    return lambda a: functools.reduce(lambda acc, fn: fn(acc), fns, a)


pipeline = compose(to_unit, halve, to_unit, flatten)  # <- fault

torch.manual_seed(64)
x, y = pipeline(read_idx("train-images-idx3-ubyte", 1500)), torch.from_numpy(read_idx("train-labels-idx1-ubyte", 1500).astype(np.int64))
x_test, y_test = pipeline(read_idx("t10k-images-idx3-ubyte", 500)), torch.from_numpy(read_idx("t10k-labels-idx1-ubyte", 500).astype(np.int64))

net = nn.Sequential(nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(8):
    net.train()
    for idx in torch.randperm(len(x)).split(50):
        loss = nn.functional.cross_entropy(net(x[idx]), y[idx])  # <- fault
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")
net.eval()
with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == y_test).double().mean().item()
print("accuracy", accuracy)
