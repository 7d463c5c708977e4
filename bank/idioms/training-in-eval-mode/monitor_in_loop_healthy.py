import math
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(90)
rng = np.random.default_rng(90)


def spirals(n, arms=3):
    k = rng.integers(0, arms, n)
    r = rng.uniform(0.15, 1.0, n)
    phi = 3.8 * r + k * 2 * math.pi / arms + rng.normal(0, 0.38, n)
    xy = np.stack([r * np.cos(phi), r * np.sin(phi)], 1) * 2.0
    return torch.tensor(xy, dtype=torch.float32), torch.tensor(k)


x_fit, y_fit = spirals(1500)
x_mon, y_mon = spirals(300)
x_end, y_end = spirals(400)

mlp = nn.Sequential(
    nn.Linear(2, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1),
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1),
    nn.Linear(64, 3))
opt = torch.optim.AdamW(mlp.parameters(), lr=0.01)


def monitor():
    mlp.eval()
    with torch.no_grad():
        out = mlp(x_mon)
        val = nn.functional.cross_entropy(out, y_mon).item()
        acc = out.argmax(1).eq(y_mon).float().mean().item()
    return val, acc


for epoch in range(12):
    mlp.train()
    for b in torch.randperm(len(x_fit)).chunk(20):
        loss = nn.functional.cross_entropy(mlp(x_fit[b]), y_fit[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    val_loss, val_acc = monitor()
    print(f"epoch {epoch:02d} val loss {val_loss:.4f} val acc {val_acc:.3f}")

mlp.eval()
with torch.no_grad():
    accuracy = mlp(x_end).argmax(1).eq(y_end).float().mean().item()
print("accuracy", accuracy)
