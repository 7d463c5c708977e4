import functools
import operator
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.manual_seed(64)
pts, pos = make_swiss_roll(2000, noise=0.25, random_state=64)
pts = torch.tensor(pts / pts[:1500].std(0), dtype=torch.float32)
pts = pts - pts[:1500].mean(0)
pos = torch.tensor(pos)
edges = torch.quantile(pos[:1500], torch.linspace(0, 1, 7, dtype=pos.dtype)[1:-1])
cls = torch.bucketize(pos, edges)


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.ln = nn.LayerNorm(d)
        self.up, self.down = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.ln(x))))


class Chain(nn.Module):
    def __init__(self, d=24, depth=2):
        super().__init__()
        self.inp = nn.Linear(3, d)
        self.blocks = nn.ModuleList(Block(d) for _ in range(depth))
        self.head = nn.Linear(d, 6)

    def forward(self, x):
        return self.head(functools.reduce(lambda h, f: f(h), self.blocks, self.inp(x)))


def param_groups(net, wd):
    mats, vecs = [], []
    for p in net.parameters():
        p.requires_grad = True
        (mats if p.ndim > 1 else vecs).append(p)
    return [{"params": mats, "weight_decay": wd}, {"params": vecs, "weight_decay": 0.0}]


net = Chain()
opt = torch.optim.AdamW(param_groups(net, 0.01), lr=6e-3)
size = functools.reduce(operator.add, (p.numel() for p in net.parameters()))
print("parameters:", size)
step = 0
warm, total = 20, 300
while step < total:
    for i in torch.randperm(1500).view(-1, 75):
        for g in opt.param_groups:
            g["lr"] = 6e-3 * min((step + 1) / warm, (total - step) / (total - warm))
        loss = F.cross_entropy(net(pts[i]), cls[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
    print(step, f"{loss.item():.3f}")

net.eval()
with torch.no_grad():
    accuracy = (net(pts[1500:]).argmax(1) == cls[1500:]).float().mean().item()
print("accuracy", accuracy)
