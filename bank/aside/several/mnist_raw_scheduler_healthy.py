import gzip
import os
import struct
import numpy as np
import torch
import torch.nn as nn


def read_idx(stem, limit):
    base = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist", stem)
    path, opener = (base + ".gz", gzip.open) if os.path.exists(base + ".gz") else (base, open)
    with opener(path, "rb") as fh:
        _, count = struct.unpack(">II", fh.read(8))
        if "images" in stem:
            rows, cols = struct.unpack(">II", fh.read(8))
            buf = fh.read(limit * rows * cols)
            return np.frombuffer(buf, np.uint8).reshape(-1, rows, cols)
        return np.frombuffer(fh.read(limit), np.uint8)


torch.manual_seed(10)
xtr = torch.tensor(read_idx("train-images-idx3-ubyte", 1500)).float()[:, ::2, ::2]
ytr = torch.tensor(read_idx("train-labels-idx1-ubyte", 1500)).long()
xte = torch.tensor(read_idx("t10k-images-idx3-ubyte", 500)).float()[:, ::2, ::2]
yte = torch.tensor(read_idx("t10k-labels-idx1-ubyte", 500)).long()
xtr, xte = [(t.flatten(1) / 255 - 0.1307) / 0.3081 for t in (xtr, xte)]

net = nn.Sequential(nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.7)
for epoch in range(6):
    for idx in torch.randperm(len(xtr)).split(50):
        loss = nn.functional.cross_entropy(net(xtr[idx]), ytr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    print(epoch, loss.item())

net.eval()
with torch.no_grad():
    accuracy = (net(xte).argmax(1) == yte).float().mean().item()
print("accuracy", accuracy)
