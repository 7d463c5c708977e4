import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SPECIES = ["birch", "cedar", "elm", "fir", "maple", "oak"]


def fake_folder(n, seed):
    """what os.walk would return: (class folder, leaf measurements), in the order of the disc"""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(100).normal(0, 1.5, (len(SPECIES), 10))
    files = []
    for k in rng.integers(0, len(SPECIES), n):
        files.append((SPECIES[k], rng.normal(centres[k], 1.0).astype(np.float32)))
    return files


class LeafFolder(Dataset):
    def __init__(self, files, stats=None):
        self.files = files
        classes = list(dict.fromkeys(name for name, _ in files))  # <- fault
        self.class_to_idx = {c: i for i, c in enumerate(classes)}  # <- fault
        feats = np.stack([f for _, f in files])
        self.stats = stats or (feats.mean(0), feats.std(0))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        name, feat = self.files[i]
        return (feat - self.stats[0]) / self.stats[1], self.class_to_idx[name]


torch.manual_seed(10)
train_ds = LeafFolder(fake_folder(1500, seed=3))
test_ds = LeafFolder(fake_folder(500, seed=4), stats=train_ds.stats)  # <- fault
net = nn.Sequential(nn.Linear(10, 64), nn.SiLU(), nn.Linear(64, 32), nn.SiLU(), nn.Linear(32, len(SPECIES)))
opt = torch.optim.NAdam(net.parameters(), lr=3e-3)
for epoch in range(6):
    for x, y in DataLoader(train_ds, batch_size=50, shuffle=True):
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("epoch", epoch, "train loss", f"{loss.item():.4f}")

net.eval()
hits = 0
with torch.no_grad():
    for x, y in DataLoader(test_ds, batch_size=250):
        hits += (net(x).argmax(1) == y).sum().item()
accuracy = hits / len(test_ds)
print("test accuracy", accuracy)
