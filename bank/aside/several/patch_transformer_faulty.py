"""Tiny transformer over 2x2 patches of digit images, step-based with a data generator."""
import math

import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits

STEPS, BATCH, DIM, HEADS = 300, 50, 32, 4


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, -1).permute(2, 3, 1, 0, 4)  # <- fault: cross-sample-mixing
        weights = (q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)).softmax(-1)
        mixed = (weights @ v).permute(2, 1, 0, 3).reshape(b, t, d)  # <- fault: cross-sample-mixing
        return self.out(mixed)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(4, DIM)
        self.place = nn.Parameter(torch.randn(16, DIM) * 0.1)
        self.attend, self.norm = Attention(DIM, HEADS), nn.LayerNorm(DIM)
        self.mlp = nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, 2 * DIM), nn.GELU(), nn.Linear(2 * DIM, DIM))
        self.head = nn.Linear(DIM, 10)

    def forward(self, x):
        h = self.embed(x) + self.place
        h = h + self.attend(self.norm(h))
        h = h + self.mlp(h)
        return self.head(h.mean(1))


def patches(images):
    return F.unfold(images.unsqueeze(1), kernel_size=2, stride=2).transpose(1, 2)


def forever(x, y, size):
    while True:
        for idx in torch.randperm(len(x)).split(size):
            yield x[idx], y[idx]


torch.manual_seed(36)
raw = load_digits()
sel = torch.randperm(len(raw.target))
x, y = torch.tensor(raw.images).float()[sel], torch.tensor(raw.target)[sel]
x = patches((x - x[:1350].mean()) / x[:1350].std())
net = Encoder()
opt = torch.optim.AdamW(net.parameters(), lr=6e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=6e-3, total_steps=STEPS // 8)  # <- fault: schedule-too-fast
for step, (xb, yb) in zip(range(STEPS), forever(x[:1350], y[:1350], BATCH)):
    net.train()
    loss = F.cross_entropy(net(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if schedule.last_epoch < schedule.total_steps - 1:
        schedule.step()
    if step % 44 == 0:
        print(step, round(loss.item(), 4))
net.eval()
with torch.no_grad():
    hits = sum((net(a).argmax(1) == b).sum().item() for a, b in zip(x[1350:].split(64), y[1350:].split(64)))
accuracy = hits / len(x[1350:])
print("accuracy", accuracy)
