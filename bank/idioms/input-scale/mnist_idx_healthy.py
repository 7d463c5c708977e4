"""A slice of MNIST from the IDX files."""
import gzip
import os
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

ROOT = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist")
torch.manual_seed(171)


def idx(stem, offset, shape):
    for name, op in ((stem, open), (stem + ".gz", gzip.open)):
        path = os.path.join(ROOT, name)
        if os.path.exists(path):
            with op(path, "rb") as f:
                f.seek(offset)
                return np.frombuffer(f.read(int(np.prod(shape))), np.uint8).reshape(shape)
    raise FileNotFoundError(stem)


def load(kind, n):
    pix = idx(f"{kind}-images-idx3-ubyte", 16, (n, 28, 28))
    lab = idx(f"{kind}-labels-idx1-ubyte", 8, (n,))
    x = torch.from_numpy(pix.astype(np.float32) / 255.0)
    return TensorDataset(F.avg_pool2d(x[:, None], 2), torch.from_numpy(lab.astype(np.int64)))


def to_unit(batch):
    return (batch - 0.13) / 0.28


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.f1 = nn.Linear(8 * 49, 64)
        self.f2 = nn.Linear(64, 10)

    def forward(self, x):
        h = F.relu(self.c1(to_unit(x)))
        h = F.relu(self.f1(h.flatten(1)))
        return self.f2(h)


train, test = load("train", 1500), load("t10k", 500)
net = Small()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(4):
    for x, y in DataLoader(train, 50, shuffle=True):
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())

net.eval()
with torch.no_grad():
    x, y = test.tensors
    accuracy = (net(x).argmax(1) == y).float().mean().item()
print("accuracy", accuracy)
