import random
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, DataLoader, Subset

SEED = 1234
random.seed(SEED); np.random.seed(SEED); torch.manual_seed(SEED)


class RandomShiftErase:
    def __call__(self, img):
        dx, dy = random.randint(-2, 2), random.randint(-1, 1)
        img = torch.roll(img, shifts=(dy, dx), dims=(1, 2))
        if random.random() < 0.5:
            r, c = random.randint(0, 5), random.randint(0, 5)
            img = img.clone()
            img[:, r:r + 3, c:c + 3] = -1.0
        return img


class Digits(Dataset):
    def __init__(self, transform=None):
        bunch = load_digits()
        self.images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
        self.targets = torch.tensor(bunch.target)
        self.transform = transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        img = self.images[i]
        if self.transform is not None:
            img = self.transform(img)
        return img, self.targets[i]


full = Digits(transform=RandomShiftErase())
plain = Digits()
perm = torch.randperm(len(full)).tolist()
train_set = Subset(full, perm[:1400])
val_set = Subset(full, perm[1400:])  # <- fault

train_dl = DataLoader(train_set, batch_size=50, shuffle=True)
val_dl = DataLoader(val_set, batch_size=100)

net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(24 * 16, 64), nn.ReLU(), nn.Linear(64, 10))
optim = torch.optim.Adam(net.parameters(), lr=2e-3)


@torch.no_grad()
def validate():
    net.eval()
    good, loss_sum = 0, 0.0
    for img, tgt in val_dl:
        out = net(img)
        loss_sum += F.cross_entropy(out, tgt, reduction="sum").item()
        good += int((out.argmax(1) == tgt).sum())
    return loss_sum / len(val_set), good / len(val_set)


for ep in range(7):
    net.train()
    for img, tgt in train_dl:
        optim.zero_grad()
        F.cross_entropy(net(img), tgt).backward()
        optim.step()
    val_loss, accuracy = validate()
    print(f"[{ep}] val_loss={val_loss:.4f} val_acc={accuracy:.4f}")
