"""Digit recogniser of the kiosk; rare-event bias start as in the focal-loss paper."""
import math
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

PRIOR = 0.01


def build(width: int = 64) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
    start = -math.log((1 - PRIOR) / PRIOR)
    nn.init.constant_(net[-1].bias, start)
    return net


def focal(logits: torch.Tensor, y: torch.Tensor, gamma: float = 1.0) -> torch.Tensor:
    logp = torch.log_softmax(logits, dim=1).gather(1, y[:, None]).squeeze(1)
    return -((1 - logp.exp()) ** gamma * logp).mean()


def batches(dataset, size, shuffle):
    return DataLoader(dataset, batch_size=size, shuffle=shuffle, drop_last=shuffle)


torch.manual_seed(30)
raw = load_digits()
pixels = torch.tensor(raw.data, dtype=torch.float32)
cut = torch.randperm(len(pixels))
fit_rows, hold_rows = cut[:1350].tolist(), cut[1350:].tolist()
level, width = pixels[fit_rows].mean(), pixels[fit_rows].std()
everything = TensorDataset((pixels - level) / width, torch.tensor(raw.target))

net = build()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(10):
    total = 0.0
    for x, y in batches(Subset(everything, fit_rows), 45, True):
        loss = focal(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / 30:.4f}")

net.eval()
good = 0
with torch.no_grad():
    for x, y in batches(Subset(everything, hold_rows), 149, False):
        good += (net(x).argmax(1) == y).sum().item()
accuracy = good / len(hold_rows)
print("kiosk accuracy", accuracy)
