"""Patch classifier for stained tissue (synthetic phantom). Weight decay only on matrices, as in our transformer code."""
from types import SimpleNamespace
import torch
import torch.nn as nn
import torch.nn.functional as F

cfg = SimpleNamespace(seed=7, n_train=480, n_test=200, size=16, lr=8e-3, wd=0.02, bs=32, epochs=9)
torch.manual_seed(cfg.seed)


def phantom(n):
    """class 0: round nuclei, 1: elongated nuclei, 2: ring-shaped glands; random position, stain and noise."""
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, cfg.size), torch.linspace(-1, 1, cfg.size), indexing="ij")
    target = torch.randint(0, 3, (n,))
    cx, cy = (torch.rand(2, n, 1, 1) - 0.5) * 0.9
    th = torch.rand(n, 1, 1) * 3.1416
    u = (xx - cx) * th.cos() + (yy - cy) * th.sin()
    v = -(xx - cx) * th.sin() + (yy - cy) * th.cos()
    blob = torch.exp(-(u ** 2 + v ** 2) / 0.06)
    rod = torch.exp(-(u ** 2 / 0.25 + v ** 2 / 0.015))
    r = (u ** 2 + v ** 2).sqrt()
    ring = torch.exp(-((r - 0.35) ** 2) / 0.008)
    shape = torch.stack([blob, rod, ring])[target, torch.arange(n)]
    stain = torch.tensor([0.3, 0.8, 0.4]).view(1, 3, 1, 1) * (0.7 + 0.6 * torch.rand(n, 1, 1, 1))
    img = 0.9 - shape[:, None] * stain + 0.07 * torch.randn(n, 3, cfg.size, cfg.size)
    return img, target


class PatchNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.gn1 = nn.GroupNorm(3, width)
        self.body = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.gn2 = nn.GroupNorm(3, 2 * width)
        self.fc = nn.Linear(2 * width, 3)

    def forward(self, x):
        x = F.silu(self.gn1(self.stem(x)))
        x = F.silu(self.gn2(self.body(x)))
        return self.fc(x.mean((-2, -1)))


(xt, yt), (xe, ye) = phantom(cfg.n_train), phantom(cfg.n_test)
centre, spread = xt.mean((0, 2, 3), keepdim=True), xt.std((0, 2, 3), keepdim=True)
xt, xe = (xt - centre) / spread, (xe - centre) / spread

model = PatchNet()
matrices = [p for p in model.parameters() if p.ndim == 2]  # <- fault
vectors = [p for p in model.parameters() if p.ndim < 2]
optim = torch.optim.AdamW([  # <- fault
    {"params": matrices, "weight_decay": cfg.wd},
    {"params": vectors, "weight_decay": 0.0},
], lr=cfg.lr)

for ep in range(cfg.epochs):
    perm, running = torch.randperm(cfg.n_train), 0.0
    for lo in range(0, cfg.n_train, cfg.bs):
        take = perm[lo:lo + cfg.bs]
        loss = F.cross_entropy(model(xt[take]), yt[take])
        model.zero_grad()
        loss.backward()
        optim.step()
        running += loss.item() * len(take)
    print(f"[{ep}] {running / cfg.n_train:.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(xe).argmax(-1) == ye).sum().item() / cfg.n_test
print("held-out patches:", accuracy)
