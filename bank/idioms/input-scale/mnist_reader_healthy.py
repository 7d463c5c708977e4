import gzip
import os
import struct

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


def read_idx(name, limit):
    path = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist", name)
    opener, path = (open, path) if os.path.exists(path) else (gzip.open, path + ".gz")
    with opener(path, "rb") as f:
        magic, = struct.unpack(">I", f.read(4))
        shape = struct.unpack(">" + "I" * (magic & 255), f.read(4 * (magic & 255)))
        per_item = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        raw = np.frombuffer(f.read(limit * per_item), dtype=np.uint8)
    return raw.reshape((-1,) + shape[1:])


class MNIST(Dataset):
    def __init__(self, split, limit):
        prefix = "train" if split == "train" else "t10k"
        self.images = read_idx(f"{prefix}-images-idx3-ubyte", limit)
        self.labels = read_idx(f"{prefix}-labels-idx1-ubyte", limit)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = torch.tensor(self.images[i], dtype=torch.float32) / 255
        image = (image - 0.1307) / 0.3081
        return image.view(-1), int(self.labels[i])


torch.manual_seed(0)
train_loader = DataLoader(MNIST("train", 1500), batch_size=50, shuffle=True)
test_loader = DataLoader(MNIST("test", 500), batch_size=100)
model = nn.Sequential(nn.Linear(784, 64), nn.Tanh(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(5):
    for i, (x, y) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", loss.item())

correct = 0
model.eval()
with torch.no_grad():
    for x, y in test_loader:
        correct += (model(x).argmax(1) == y).sum().item()
accuracy = correct / len(test_loader.dataset)
print(accuracy)
