import gzip
import os
import numpy as np
import torch
from torch import nn


def idx_file(name, header, count):
    root = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist")
    full = os.path.join(root, name)
    f = open(full, "rb") if os.path.exists(full) else gzip.open(full + ".gz", "rb")
    with f:
        f.read(header)
        return torch.from_numpy(np.frombuffer(f.read(count), dtype=np.uint8).copy())


N, M = 1300, 400
images = idx_file("train-images-idx3-ubyte", 16, (N + M) * 784).view(-1, 1, 28, 28).float() / 255
labels = idx_file("train-labels-idx1-ubyte", 8, N + M).long()
images = nn.functional.avg_pool2d(images, 2)
images = (images - images[:N].mean()) / images[:N].std()

torch.manual_seed(18)
net = nn.Sequential(
    nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.GroupNorm(3, 12), nn.ReLU(),
    nn.Flatten(), nn.Linear(588, 32), nn.ReLU(), nn.Linear(32, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
# one picture at a time, a single pass
net.train()
for i in torch.randperm(N):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(images[i:i + 1]), labels[i:i + 1])
    loss.backward()
    opt.step()

net.eval()
with torch.inference_mode():
    accuracy = (net(images[N:]).argmax(1) == labels[N:]).float().mean().item()
print("accuracy after one pass:", accuracy)
