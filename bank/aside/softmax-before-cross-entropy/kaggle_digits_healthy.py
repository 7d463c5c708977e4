# === Digit recogniser, kernel v4 ===
import os, gzip, struct, random
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

SEED = 1337
BS = 64
EPOCHS = 8


def seed_everything(s):
    random.seed(s)
    np.random.seed(s)
    torch.manual_seed(s)


def read_idx(stem, limit):
    base = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist", stem)
    opener, path = (gzip.open, base + ".gz") if os.path.exists(base + ".gz") else (open, base)
    with opener(path, "rb") as fh:
        magic, = struct.unpack(">I", fh.read(4))
        shape = struct.unpack(">" + "I" * (magic & 255), fh.read(4 * (magic & 255)))
        n = min(limit, shape[0])
        raw = fh.read(n * int(np.prod(shape[1:])))
    return np.frombuffer(raw, np.uint8).reshape((n,) + shape[1:])


class DigitDS(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        img = torch.from_numpy(self.x[i].astype(np.float32) / 255.0)
        return (img[None] - 0.1307) / 0.3081, int(self.y[i])


seed_everything(SEED)
X, Y = read_idx("train-images-idx3-ubyte", 1600), read_idx("train-labels-idx1-ubyte", 1600)
XT, YT = read_idx("t10k-images-idx3-ubyte", 400), read_idx("t10k-labels-idx1-ubyte", 400)
tr = DataLoader(DigitDS(X, Y), batch_size=BS, shuffle=True)
te = DataLoader(DigitDS(XT, YT), batch_size=200)

model = nn.Sequential(
    nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(8 * 6 * 6, 64), nn.ReLU(), nn.Dropout(0.1),
    nn.Linear(64, 10),
)
criterion = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)

for ep in range(EPOCHS):
    model.train()
    run = 0
    for xb, yb in tr:
        opt.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        opt.step()
        run += loss.item() * len(yb)
    print(f"ep{ep} loss={run / len(X):.4f}")

model.eval()
hits = 0
with torch.no_grad():
    for xb, yb in te:
        hits += int((model(xb).argmax(1) == yb).sum())
accuracy = hits / len(YT)
print("LB (local):", accuracy)
