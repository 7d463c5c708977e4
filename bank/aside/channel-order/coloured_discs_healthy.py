"""Classify coloured discs on textured background; images come as H x W x C uint8, like PIL gives them."""
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn
from torch.utils.data import DataLoader, Dataset

SIDE = 14
PALETTE = {"warm": (220, 120, 60), "cold": (60, 120, 220)}
SHAPES = ("disc", "bar")
CLASSES = [(c, s) for c in PALETTE for s in SHAPES]


def draw(colour, shape, rng):
    canvas = rng.integers(60, 190, (SIDE, SIDE, 3), dtype=np.uint8)
    im = Image.fromarray(canvas)
    cx, cy = rng.integers(4, 10, 2)
    jitter = rng.integers(-40, 40, 3)
    fill = tuple(int(v) for v in np.clip(np.array(PALETTE[colour]) + jitter, 0, 255))
    pen = ImageDraw.Draw(im)
    if shape == "disc":
        pen.ellipse([cx - 3, cy - 3, cx + 3, cy + 3], fill=fill)
    else:
        pen.rectangle([cx - 4, cy - 1, cx + 4, cy + 1], fill=fill)
    return np.asarray(im)


class Drawings(Dataset):
    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, len(CLASSES), count)
        self.images = np.stack([draw(*CLASSES[k], rng) for k in self.labels])

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        pixels = torch.from_numpy(self.images[i]).float().div(255)
        pixels = pixels.permute(2, 0, 1)
        return (pixels - 0.5) / 0.2, int(self.labels[i])


torch.manual_seed(1)
train, test = Drawings(800, seed=1), Drawings(400, seed=2)
net = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1),
    nn.Flatten(), nn.Linear(16, 4))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(8):
    net.train()
    for x, y in DataLoader(train, batch_size=40, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 3))
net.eval()
with torch.no_grad():
    accuracy = sum((net(x).argmax(1) == y).sum().item() for x, y in DataLoader(test, 100)) / len(test)
print("accuracy", accuracy)
