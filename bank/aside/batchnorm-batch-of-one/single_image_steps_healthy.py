import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(52)
rng = np.random.default_rng(52)


def blobs_image(n):
    """Smooth, rough and half-and-half 10x10 fields, a little brighter from class to class."""
    cls = rng.integers(0, 3, n)
    rough = rng.normal(size=(n, 10, 10))
    smooth = (rough + np.roll(rough, 1, 1) + np.roll(rough, 1, 2) + np.roll(rough, (1, 1), (1, 2))) / 2
    half = np.where(np.arange(10)[:, None] < 5, rough, smooth)
    img = np.choose(cls[:, None, None], [smooth, rough, half]) + cls[:, None, None] * 0.4
    return torch.tensor(img[:, None], dtype=torch.float32), torch.tensor(cls)


xtr, ytr = blobs_image(320)
xte, yte = blobs_image(300)
BATCH = 8
EPOCHS = 4
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=BATCH, shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
    nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 3),
)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(EPOCHS):
    net.train()
    for xb, yb in loader:
        opt.zero_grad()
        nn.functional.cross_entropy(net(xb), yb).backward()
        opt.step()

net.eval()
with torch.no_grad():
    accuracy = (net(xte).argmax(1) == yte).float().mean().item()
print("accuracy", accuracy)
