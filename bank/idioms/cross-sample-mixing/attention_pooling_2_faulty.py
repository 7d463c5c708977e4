import math

import torch
from torch import nn, optim
import torch.nn.functional as F

torch.manual_seed(2024)
T, D, K = 10, 6, 4
prototypes = torch.randn(K, D) * 1.4


def make_bags(n):
    """bags of T vectors; two of them carry the class, the others are background"""
    y = torch.randint(0, K, (n,))
    x = torch.randn(n, T, D)
    pos = torch.stack([torch.randperm(T)[:2] for _ in range(n)])
    for j in range(2):
        x[torch.arange(n), pos[:, j]] = prototypes[y] * 1.6 + 0.3 * torch.randn(n, D)
    return x, y


class AttentionPool(nn.Module):
    def __init__(self, dim, hidden=32):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(dim, hidden), nn.GELU())
        self.query = nn.Parameter(torch.randn(hidden) / math.sqrt(hidden))
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, K)

    def forward(self, x):
        h = self.embed(x)
        scores = self.key(h) @ self.query / math.sqrt(h.size(-1))
        weights = torch.softmax(scores, dim=0)  # <- fault
        pooled = (weights.unsqueeze(-1) * self.value(h)).sum(dim=1)  # <- fault
        return self.out(pooled)


x_train, y_train = make_bags(1600)
x_test, y_test = make_bags(500)
net = AttentionPool(D)
opt = optim.AdamW(net.parameters(), lr=4e-3)
sched = optim.lr_scheduler.CosineAnnealingLR(opt, T_max=12)
for epoch in range(12):
    for idx in torch.randperm(len(x_train)).chunk(32):
        opt.zero_grad()
        loss = F.cross_entropy(net(x_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
    sched.step()
    print(epoch, f"{loss.item():.4f}")

net.eval()
hits = 0
with torch.no_grad():
    for xb, yb in zip(x_test.split(25), y_test.split(25)):
        hits += int((net(xb).argmax(1) == yb).sum())
accuracy = hits / len(y_test)
print(accuracy)
