"""Mixup with soft targets; the summed loss is divided by the number of samples of the whole accumulated batch."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits

MICRO, ACCUMULATE, ALPHA = 20, 3, 0.4


def mix(x, t, rng):
    lam = float(rng.beta(ALPHA, ALPHA))
    partner = torch.from_numpy(rng.permutation(len(x)))
    return lam * x + (1 - lam) * x[partner], lam * t + (1 - lam) * t[partner]


def soft_ce_sum(logits, target):
    return F.cross_entropy(logits, target, reduction="sum")


class Plus(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


rng = np.random.default_rng(81)
torch.manual_seed(81)
raw = load_digits()
p = rng.permutation(len(raw.target))
x = torch.tensor(raw.data[p], dtype=torch.float32)
y = torch.tensor(raw.target[p])
x = (x - x[:1320].mean()) / x[:1320].std()
t = F.one_hot(y, 10).float()

branch = nn.Sequential(nn.LayerNorm(80), nn.Linear(80, 80), nn.GELU(), nn.Linear(80, 80))
nn.init.zeros_(branch[-1].weight)
head = nn.Linear(80, 10)
nn.init.zeros_(head.weight)
net = nn.Sequential(nn.Linear(64, 80), nn.GELU(), Plus(branch), head)
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for epoch in range(10):
    net.train()
    for group in rng.permutation(1320).reshape(-1, ACCUMULATE, MICRO):
        opt.zero_grad()
        for micro in group:
            xm, tm = mix(x[micro], t[micro], rng)
            loss = soft_ce_sum(net(xm), tm) / (MICRO * ACCUMULATE)
            loss.backward()
        opt.step()
    print(epoch, round(loss.item() * ACCUMULATE, 4))
net.eval()
with torch.no_grad():
    accuracy = float((net(x[1320:]).argmax(1) == y[1320:]).double().mean())
print("accuracy", accuracy)
