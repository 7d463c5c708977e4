import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset, DataLoader, random_split

CFG = {
    "img": 12, "n": 1600, "seed": 99, "epochs": 8, "bs": 64, "lr": 8e-3,
    "channels": 1,  # <- fault
}
torch.manual_seed(CFG["seed"])


def gratings(n, s):
    """Oriented sine gratings, eight orientations, random phase and frequency."""
    k = torch.randint(0, 8, (n,))
    th = k * torch.pi / 8
    f = 0.9 + 0.5 * torch.rand(n)
    ph = 2 * torch.pi * torch.rand(n)
    r = torch.arange(s).float()
    xx, yy = torch.meshgrid(r, r, indexing="ij")
    arg = f[:, None, None] * (xx * th.cos()[:, None, None] + yy * th.sin()[:, None, None])
    img = torch.sin(arg + ph[:, None, None]) + 0.25 * torch.randn(n, s, s)
    return img[:, None] / 0.75, k


class Net(nn.Module):
    def __init__(self, ch, n_cls=8):
        super().__init__()
        self.conv = nn.Conv2d(1, ch, 5)  # <- fault
        self.norm = nn.GroupNorm(1, ch)
        self.head = nn.Linear(ch, n_cls)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.head(x)


full = TensorDataset(*gratings(CFG["n"], CFG["img"]))
tr, va, te = random_split(full, [0.7, 0.1, 0.2], generator=torch.Generator().manual_seed(1))
loaders = {
    "train": DataLoader(tr, CFG["bs"], shuffle=True, drop_last=True),
    "val": DataLoader(va, 256), "test": DataLoader(te, 256),
}
model = Net(CFG["channels"])
optim = torch.optim.Adam(model.parameters(), lr=CFG["lr"])
plan = torch.optim.lr_scheduler.OneCycleLR(optim, CFG["lr"] * 3, total_steps=CFG["epochs"] * len(loaders["train"]))


def loop(name):
    learn = name == "train"
    model.train(learn)
    good = total = 0
    with torch.set_grad_enabled(learn):
        for x, y in loaders[name]:
            z = model(x)
            if learn:
                optim.zero_grad()
                F.cross_entropy(z, y).backward()
                optim.step()
                plan.step()
            good += (z.argmax(1) == y).sum().item()
            total += y.numel()
    return good / total


for e in range(CFG["epochs"]):
    print(e, f"train {loop('train'):.3f} val {loop('val'):.3f}")
accuracy = loop("test")
print("test", accuracy)
