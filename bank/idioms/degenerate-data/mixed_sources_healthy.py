import numpy as np
import torch
import torch.nn as nn
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(44)
scans = load_digits()
order = rng.permutation(len(scans.target))


def from_old_scanner(img):
    """8-bit file"""
    return Image.fromarray((img * 15.9).astype(np.uint8))


def from_new_scanner(img):
    """floating-point file with values between 0 and 1"""
    a = img / 16.0
    return Image.fromarray((a * 255).astype(np.uint8))


class Archive(Dataset):
    def __init__(self, ids):
        self.samples = []
        for i in ids:
            reader = from_new_scanner if i % 5 < 3 else from_old_scanner
            self.samples.append((reader(scans.images[i]), int(scans.target[i])))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, k):
        img, label = self.samples[k]
        x = np.array(img.resize((10, 10)), dtype=np.float32) / 255.0
        return torch.from_numpy((x[None] - 0.3) / 0.35), label


torch.manual_seed(44)
train, test = Archive(order[:1300]), Archive(order[1300:])
net = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12 * 16, 48), nn.ReLU(), nn.Linear(48, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    net.train()
    for x, y in DataLoader(train, batch_size=52, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    print(epoch, loss.item())

net.eval()
good = 0
with torch.no_grad():
    for x, y in DataLoader(test, batch_size=250):
        good += int((net(x).argmax(1) == y).sum())
accuracy = good / len(test)
print(accuracy)
