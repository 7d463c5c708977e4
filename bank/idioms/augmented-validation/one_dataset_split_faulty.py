import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, random_split
from sklearn.datasets import load_digits

torch.manual_seed(191)
np.random.seed(191)


def jitter(img):
    """Random shift, occlusion and gain."""
    img = np.roll(img, (np.random.randint(-1, 2), np.random.randint(-1, 2)), (0, 1))
    r, c = np.random.randint(0, 6, 2)
    img = img.copy()
    img[r:r + 2, c:c + 2] = 0
    return img * np.random.uniform(0.8, 1.2)


class DigitImages(Dataset):
    def __init__(self, transform=None):
        b = load_digits()
        self.img, self.lab, self.transform = b.images / 16.0, b.target, transform

    def __len__(self):
        return len(self.lab)

    def __getitem__(self, k):
        im = self.img[k]
        if self.transform is not None:
            im = self.transform(im)
        return torch.tensor((im - 0.3) / 0.37, dtype=torch.float32)[None], self.lab[k]


full = DigitImages(transform=jitter)
train_part, val_part = random_split(full, [1437, 360])  # <- fault
train_dl = DataLoader(train_part, batch_size=48, shuffle=True)
val_dl = DataLoader(val_part, batch_size=120)

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)


def validate():
    net.eval()
    ok = 0
    with torch.no_grad():
        for a, b in val_dl:
            ok += (net(a).argmax(1) == b).sum().item()
    return ok / len(val_part)


for epoch in range(5):
    net.train()
    for a, b in train_dl:
        opt.zero_grad()
        nn.functional.cross_entropy(net(a), b).backward()
        opt.step()
    accuracy = validate()
    print(f"epoch {epoch} validation {accuracy:.3f}")
