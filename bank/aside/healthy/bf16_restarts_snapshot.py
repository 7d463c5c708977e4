"""Snapshot ensemble: warm restarts, bf16 autocast, one copy of the net per cycle, probabilities averaged."""
import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits

torch.manual_seed(35)
raw = load_digits()
x = (torch.tensor(raw.images).float() - 4.88) / 6.02
x = x.unsqueeze(1).repeat(1, 3, 1, 1)
whole = TensorDataset(x, torch.tensor(raw.target))
train, test = random_split(whole, [1280, 517], generator=torch.Generator().manual_seed(35))
loader = DataLoader(train, batch_size=64, shuffle=True, drop_last=True)

net = nn.Sequential(
    nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
    nn.Flatten(), nn.Dropout(0.3), nn.Linear(96, 10))
opt = torch.optim.AdamW(net.parameters(), lr=8e-3, betas=(0.9, 0.99))
CYCLE, CYCLES = 4, 3
restarts = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=CYCLE * len(loader))
snapshots = []
for epoch in range(CYCLE * CYCLES):
    net.train()
    for xb, yb in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        restarts.step()
    print(epoch, f"lr {opt.param_groups[0]['lr']:.5f} loss {loss.item():.4f}")
    if epoch % CYCLE == CYCLE - 1:
        snapshots.append(copy.deepcopy(net).eval())

hits = 0
with torch.no_grad():
    for xb, yb in DataLoader(test, batch_size=128):
        probs = sum(member(xb).softmax(1) for member in snapshots) / len(snapshots)
        hits += (probs.argmax(1) == yb).sum().item()
accuracy = hits / len(test)
print("ensemble accuracy", accuracy)
