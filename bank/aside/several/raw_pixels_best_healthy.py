import os, gzip, copy
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

ROOT = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist")


def ubyte(name, skip, want):
    path = os.path.join(ROOT, name)
    if os.path.exists(path):
        with open(path, "rb") as f:
            return np.frombuffer(f.read(skip + want)[skip:], np.uint8)
    with gzip.open(path + ".gz", "rb") as f:
        return np.frombuffer(f.read(skip + want)[skip:], np.uint8)


def mnist(prefix, n):
    im = ubyte(prefix + "-images-idx3-ubyte", 16, n * 784).reshape(n, 784)
    lb = ubyte(prefix + "-labels-idx1-ubyte", 8, n)
    return torch.from_numpy(im.astype("float32") / 255 - 0.13) / 0.31, torch.from_numpy(lb.astype("int64"))


torch.manual_seed(1)
x, y = mnist("train", 1700)
x_test, y_test = mnist("t10k", 300)
x_train, x_val = x[:1400], x[1400:]
y_train, y_val = y[:1400], y[1400:]

net = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Dropout(0.2), nn.Linear(100, 10))
optimizer = optim.Adam(net.parameters(), lr=1.5e-3)
best_val, best_weights = -1.0, None
for epoch in range(12):
    net.train()
    for rows in torch.randperm(1400).split(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x_train[rows]), y_train[rows]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        val = (net(x_val).argmax(1) == y_val).float().mean().item()
    if val > best_val:
        best_val = val
        best_weights = copy.deepcopy(net.state_dict())
    print("epoch %d val %.3f best %.3f" % (epoch, val, best_val))

net.load_state_dict(best_weights)
net.eval()
with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
print("test %.3f" % accuracy)
