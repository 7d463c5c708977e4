import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits

ap = argparse.ArgumentParser()
ap.add_argument("--depth", type=int, default=10)
ap.add_argument("--width", type=int, default=56)
ap.add_argument("--act", default="ReLU")
ap.add_argument("--lr", type=float, default=2e-3)
ap.add_argument("--epochs", type=int, default=9)
args = ap.parse_args([])
torch.manual_seed(2)
np.random.seed(2)


class Digits(Dataset):
    def __init__(self, part):
        b = load_digits()
        order = np.random.RandomState(9).permutation(len(b.target))
        keep = order[:1350] if part == "train" else order[1350:]
        ref = b.data[order[:1350]]
        self.x = ((b.data[keep] - ref.mean()) / ref.std()).astype(np.float32)
        self.y = b.target[keep].astype(np.int64)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def tower(n_in, n_out):
    act = getattr(nn, args.act)
    mods, d = [], n_in
    for _ in range(args.depth):
        lin = nn.Linear(d, args.width)
        nn.init.kaiming_normal_(lin.weight)
        nn.init.zeros_(lin.bias)
        mods += [lin, act()]
        d = args.width
    return nn.Sequential(*mods, nn.Linear(d, n_out))


tr, te = Digits("train"), Digits("test")
model = tower(64, 10)
opt = torch.optim.Adam(model.parameters(), lr=args.lr)
for ep in range(args.epochs):
    losses = []
    for x, y in DataLoader(tr, 54, shuffle=True):
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad(); loss.backward(); opt.step()
        losses.append(loss.item())
    print(f"epoch {ep} mean loss {np.mean(losses):.4f}")

model.eval()
good = seen = 0
with torch.no_grad():
    for x, y in DataLoader(te, 200):
        good += (model(x).argmax(1) == y).sum().item()
        seen += y.numel()
accuracy = good / seen
print("accuracy", accuracy)
