import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from functools import partial
from torch.utils.data import DataLoader, Dataset, Subset, default_collate
from sklearn.datasets import load_digits

torch.manual_seed(90)


class Glyphs(Dataset):
    def __init__(self):
        d = load_digits()
        self.x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
        self.y = torch.tensor(d.target)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def collate(samples, degrees=0.0, shift=0.0):
    x, y = default_collate(samples)
    if degrees or shift:
        a = (torch.rand(len(x)) * 2 - 1) * math.radians(degrees)
        t = (torch.rand(len(x), 2) * 2 - 1) * shift
        row1 = torch.stack([a.cos(), -a.sin(), t[:, 0]], 1)
        row2 = torch.stack([a.sin(), a.cos(), t[:, 1]], 1)
        grid = F.affine_grid(torch.stack([row1, row2], 1), list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, align_corners=False)
    return (x - 0.305) / 0.376, y


data = Glyphs()
ids = torch.randperm(len(data)).tolist()
parts = {"train": ids[:1200], "valid": ids[1200:1450], "test": ids[1450:]}
warp = partial(collate, degrees=30.0, shift=0.25)
make = lambda part, fn, **kw: DataLoader(Subset(data, parts[part]), collate_fn=fn, **kw)
train_dl = make("train", warp, batch_size=48, shuffle=True)
valid_dl = make("valid", collate, batch_size=125)
test_dl = make("test", collate, batch_size=125)

net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
opt = torch.optim.AdamW(net.parameters(), lr=4e-3)


def assess(dl):
    net.eval()
    with torch.no_grad():
        pairs = [(net(x).argmax(1), y) for x, y in dl]
    p, t = map(torch.cat, zip(*pairs))
    return (p == t).float().mean().item()


best, kept = -1.0, None
for epoch in range(6):
    net.train()
    for x, y in train_dl:
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    v = assess(valid_dl)
    if v > best:
        best, kept = v, {k: t.clone() for k, t in net.state_dict().items()}
    print(f"{epoch} valid {v:.4f}")
net.load_state_dict(kept)
accuracy = assess(test_dl)
print(f"best valid {best:.4f}, test {accuracy:.4f}")
