import gzip
import os
import struct
import numpy as np
import torch
from torch import nn

FOLDER = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist")
ACT = {"relu": nn.ReLU, "gelu": nn.GELU, "none": nn.Identity, "prob": lambda: nn.Softmax(dim=-1)}
NETWORK = [("conv", 1, 8, "relu"), ("pool",), ("conv", 8, 16, "relu"), ("pool",), ("flat",),
           ("full", 400, 64, "gelu"), ("full", 64, 10, "none")]


def read_idx(stem, count, skip=0):
    path = os.path.join(FOLDER, stem)
    with (open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")) as f:
        dims = struct.unpack(">I", f.read(4))[0] & 0xFF
        shape = struct.unpack(">" + "I" * dims, f.read(4 * dims))
        item = int(np.prod(shape[1:])) if dims > 1 else 1
        f.read(skip * item)
        raw = np.frombuffer(f.read(count * item), dtype=np.uint8)
    return torch.from_numpy(raw.reshape(-1, *shape[1:]).copy())


def assemble(spec):
    layers = []
    for kind, *arg in spec:
        if kind == "conv":
            layers += [nn.Conv2d(arg[0], arg[1], 3), ACT[arg[2]]()]
        elif kind == "full":
            layers += [nn.Linear(arg[0], arg[1]), ACT[arg[2]]()]
        else:
            layers.append(nn.MaxPool2d(2) if kind == "pool" else nn.Flatten())
    return nn.Sequential(*layers)


torch.manual_seed(1998)
x = read_idx("train-images-idx3-ubyte", 1400).float().unsqueeze(1).div(255).sub(0.1307).div(0.3081)
y = read_idx("train-labels-idx1-ubyte", 1400).long()
x_te = read_idx("t10k-images-idx3-ubyte", 600).float().unsqueeze(1).div(255).sub(0.1307).div(0.3081)
y_te = read_idx("t10k-labels-idx1-ubyte", 600).long()
net = assemble(NETWORK)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(5):
    mean = 0.0
    for rows in torch.randperm(1400).split(50):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        opt.step()
        mean += loss.item() / 28
    print(epoch, mean)
net.eval()
with torch.no_grad():
    accuracy = (net(x_te).argmax(1) == y_te).float().mean().item()
print("accuracy", accuracy)
