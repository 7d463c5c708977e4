"""Reads class folders of PNG files, one tree for training and one for testing."""
import os
import tempfile
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(211)
torch.manual_seed(211)
MOTIF = {name: rng.random((9, 9)) for name in ("ant", "bee", "crab", "dove", "eel", "fox")}


def write_tree(root, per_class, skip=()):
    for name, motif in MOTIF.items():
        if name in skip:
            continue
        os.makedirs(os.path.join(root, name))
        for i in range(per_class):
            img = 0.6 * np.roll(motif, rng.integers(-1, 2), 1) + 0.4 * rng.random((9, 9))
            Image.fromarray((img * 255).astype(np.uint8)).save(os.path.join(root, name, f"{i:04d}.png"))


class Folder(Dataset):
    def __init__(self, root, class_to_idx=None):
        names = sorted(os.listdir(root))
        self.class_to_idx = class_to_idx or {n: i for i, n in enumerate(names)}
        self.items = [(os.path.join(root, n, f), self.class_to_idx[n])
                      for n in names for f in sorted(os.listdir(os.path.join(root, n)))]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        path, label = self.items[i]
        arr = np.asarray(Image.open(path), dtype=np.float32) / 255.0
        return torch.from_numpy((arr - 0.5) / 0.2).flatten(), label


with tempfile.TemporaryDirectory() as tmp:
    tr_dir, te_dir = os.path.join(tmp, "train"), os.path.join(tmp, "test")
    write_tree(tr_dir, 100)
    write_tree(te_dir, 40, skip=("bee",))
    train_set = Folder(tr_dir)
    test_set = Folder(te_dir)  # <- fault
    model = nn.Sequential(nn.Linear(81, 48), nn.ReLU(), nn.Linear(48, 6))
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(5):
        for x, y in DataLoader(train_set, 30, shuffle=True):
            loss = nn.functional.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(epoch, loss.item())
    model.eval()
    n_right = 0
    with torch.no_grad():
        for x, y in DataLoader(test_set, 50):
            n_right += (model(x).argmax(1) == y).sum().item()
accuracy = n_right / len(test_set)
print("accuracy", accuracy)
