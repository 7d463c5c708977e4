"""Digits are stored as PNG bytes and decoded once, chunk by chunk, into a preallocated cache."""
import io

import numpy as np
import torch
from PIL import Image
from torch import nn
from sklearn.datasets import load_digits

CHUNK = 100
LIMIT = 4000


def encode(image):
    buf = io.BytesIO()
    Image.fromarray((image * 15).astype(np.uint8)).save(buf, format="PNG")
    return buf.getvalue()


def decode(blob):
    return np.asarray(Image.open(io.BytesIO(blob)), dtype=np.float32) / 255


def build_cache(blobs, side=8, chunk=CHUNK):
    cache = np.zeros((len(blobs), side, side), dtype=np.float32)
    for start in range(0, min(LIMIT, len(blobs)), chunk):
        part = blobs[start:start + chunk]
        cache[start:start + len(part)] = np.stack([decode(b) for b in part])
    return cache


class Arrays:
    """Minimal loader over arrays: reshuffles on every pass."""

    def __init__(self, x, y, size, seed):
        self.x, self.y, self.size = torch.from_numpy(x).unsqueeze(1), torch.from_numpy(y), size
        self.rng = torch.Generator().manual_seed(seed)

    def __iter__(self):
        for idx in torch.randperm(len(self.y), generator=self.rng).split(self.size):
            yield self.x[idx], self.y[idx]


raw = load_digits()
order = np.random.default_rng(12).permutation(len(raw.target))
train_i, test_i = order[:1300], order[1300:]
train_x = build_cache([encode(raw.images[i]) for i in train_i])
test_x = np.stack([decode(encode(raw.images[i])) for i in test_i])
mean, std = 0.287, 0.354
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std

torch.manual_seed(12)
net = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 24, 3), nn.ReLU(), nn.Flatten(), nn.Linear(384, 10))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
batches = Arrays(train_x, raw.target[train_i], 50, seed=2)
for epoch in range(9):
    net.train()
    losses = []
    for xb, yb in batches:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(epoch, round(float(np.mean(losses)), 4))
net.eval()
with torch.no_grad():
    pred = net(torch.from_numpy(test_x).unsqueeze(1)).argmax(1).numpy()
accuracy = float((pred == raw.target[test_i]).mean())
print("accuracy", accuracy)
