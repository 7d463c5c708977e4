"""Lesion type from 12-bit CT crops (simulated).  Hounsfield-like integers, air = 24, soft tissue ~ 1064, bone ~ 2000."""
from pathlib import Path
import tempfile
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

SEED, CROP = 314, 14
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
KINDS = ("cyst", "calcification", "ground_glass", "clear")


def acquire(kind):
    r2 = ((np.indices((CROP, CROP)) - rng.uniform(5, 9, (2, 1, 1))) ** 2).sum(0)
    hu = np.full((CROP, CROP), 1064.0)
    if kind == 0:
        hu -= 110 * (r2 < rng.uniform(8, 16))
    elif kind == 1:
        hu += 600 * (r2 < rng.uniform(1.5, 4))
    elif kind == 2:
        hu += 90 * np.exp(-r2 / 30) * (1 + rng.normal(0, 1.0, r2.shape))
    return (hu + rng.normal(0, 38, hu.shape)).clip(0, 4095).astype(np.uint16)


class Crops(Dataset):
    def __init__(self, folder, level=1064.0, window=160.0):
        self.files = sorted(Path(folder).glob("*.npy"))
        self.level, self.window = level, window

    def __len__(self):
        return len(self.files)

    def __getitem__(self, k):
        f = self.files[k]
        hu = torch.from_numpy(np.load(f).astype(np.int32)).float()
        return hu.unsqueeze(0), int(f.stem.split("_")[1])  # <- fault


class SmallCT(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = torch.nn.Conv2d(1, 10, 3)
        self.c2 = torch.nn.Conv2d(10, 16, 3, stride=2)
        self.head = torch.nn.Linear(16 * 4, len(KINDS))

    def forward(self, x):
        x = torch.relu(self.c2(torch.relu(self.c1(x))))
        return self.head(torch.nn.functional.adaptive_max_pool2d(x, 2).flatten(1))


with tempfile.TemporaryDirectory() as tmp:
    for split, n in (("train", 320), ("test", 160)):
        (Path(tmp) / split).mkdir()
        for i in range(n):
            np.save(Path(tmp) / split / f"{i:04d}_{i % 4}.npy", acquire(i % 4))
    net = SmallCT()
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    for xb, yb in (b for _ in range(10) for b in DataLoader(Crops(Path(tmp) / "train"), 16, shuffle=True)):  # <- fault
        opt.zero_grad()
        torch.nn.functional.cross_entropy(net(xb), yb).backward()
        opt.step()
    correct = total = 0
    with torch.no_grad():
        for xb, yb in DataLoader(Crops(Path(tmp) / "test"), 64):
            correct += net(xb).argmax(1).eq(yb).sum().item()
            total += len(yb)
accuracy = correct / total
print(f"{correct}/{total}")
