import os, gzip
import numpy as np
import torch
from torch import nn

BASE = os.environ["FAIRTRIAL_DATA"]


def idx(fname, offset, count, width=1):
    p = os.path.join(BASE, "mnist", fname)
    f = gzip.open(p + ".gz") if os.path.exists(p + ".gz") else open(p, "rb")
    with f:
        f.seek(offset)
        return np.frombuffer(f.read(count * width), np.uint8)


def images(fname, count):
    x = idx(fname, 16, count, 784).reshape(count, 1, 28, 28)[:, :, ::2, ::2]
    return torch.from_numpy(x.astype(np.float32) / 255.)


tx, ty = images("train-images-idx3-ubyte", 1600), torch.from_numpy(idx("train-labels-idx1-ubyte", 8, 1600).astype(np.int64))
vx, vy = images("t10k-images-idx3-ubyte", 400), torch.from_numpy(idx("t10k-labels-idx1-ubyte", 8, 400).astype(np.int64))
m, s = tx.mean(), tx.std()
tx, vx = (tx - m) / s, (vx - m) / s


def make_optimizer(net):
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.95)


def fit_one_epoch(net, loss_fn, opt, batch=100):
    net.train()
    perm, tot = torch.randperm(len(tx)), 0.
    for k in range(0, len(tx), batch):
        rows = perm[k:k + batch]
        opt.zero_grad()
        out = loss_fn(net(tx[rows]), ty[rows])
        out.backward()
        opt.step()
        tot += out.item()
    return tot * batch / len(tx)


torch.manual_seed(29)
net = nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 25, 50), nn.ReLU(), nn.Linear(50, 10))
loss_fn = nn.CrossEntropyLoss()
opt = make_optimizer(net)
for epoch in range(1, 11):
    print("epoch %d loss %.4f" % (epoch, fit_one_epoch(net, loss_fn, opt)))

net.eval()
with torch.no_grad():
    accuracy = float((net(vx).argmax(1) == vy).float().mean())
print("test %.4f" % accuracy)
