"""A convolutional net on MNIST, the tutorial's way: DataLoader, dropout, Adam, an evaluation an epoch."""

import gzip
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def read(name, header):
    folder = Path(os.environ["FAIRTRIAL_DATA"]) / "mnist"
    path = folder / name if (folder / name).exists() else folder / f"{name}.gz"
    raw = path.read_bytes()
    return np.frombuffer(gzip.decompress(raw) if path.suffix == ".gz" else raw, np.uint8, offset=header)


def part(name, count):
    images = read(f"{name}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:count]
    labels = read(f"{name}-labels-idx1-ubyte", 8)[:count]
    pixels = (torch.tensor(images) / 255 - 0.1307) / 0.3081
    return TensorDataset(pixels, torch.tensor(labels).long())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(self.drop(x), 1)
        return self.fc2(self.drop(F.relu(self.fc1(x))))


torch.manual_seed(1)
train = DataLoader(part("train", 9600), batch_size=64, shuffle=True)
test = DataLoader(part("t10k", 2000), batch_size=500)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(2):
    model.train()
    for images, labels in train:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in test:
            right += (model(images).argmax(1) == labels).sum().item()
    print(f"epoch {epoch}: accuracy {right / len(test.dataset):.4f}")
