"""Small clinical-style study: few subjects, many measurements, overlapping groups."""
import copy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(64)
SUBJECTS, MEASURES = 520, 30


def cohort(n):
    group = torch.randint(3, (n,))
    shift = torch.zeros(n, MEASURES)
    shift[torch.arange(n), group] = 1.3
    shift[torch.arange(n), group + 3] = -1.3
    return torch.randn(n, MEASURES) + shift, group


everything, group = cohort(SUBJECTS + 600)
x_tr, y_tr = everything[:200], group[:200]
x_va, y_va = everything[200:SUBJECTS], group[200:SUBJECTS]
x_te, y_te = everything[SUBJECTS:], group[SUBJECTS:]
mean, std = x_tr.mean(0), x_tr.std(0)
x_tr, x_va, x_te = ((x - mean) / std for x in (x_tr, x_va, x_te))

net = nn.Sequential(nn.Linear(MEASURES, 64), nn.ReLU(), nn.Linear(64, 3))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)

for epoch in range(60):  # <- fault
    net.train()
    for rows in torch.randperm(len(x_tr)).split(32):
        opt.zero_grad()
        F.cross_entropy(net(x_tr[rows]), y_tr[rows]).backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        va_loss = F.cross_entropy(net(x_va), y_va).item()
    print(f"epoch {epoch:3d}  validation loss {va_loss:.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(x_te).argmax(1) == y_te).float().mean().item()
    print("test loss", F.cross_entropy(net(x_te), y_te).item(), "accuracy", accuracy)
