"""Jet flavour toy: weighted events (cross section / generated events), mixed precision."""
import numpy as np
import torch
from torch import nn
from torch.amp import GradScaler, autocast

rng = np.random.default_rng(7)
N = 2000
flavour = rng.integers(0, 3, N)
tracks = rng.poisson(np.array([4.0, 6.0, 9.0])[flavour])
ip = rng.exponential(np.array([0.4, 1.0, 2.2])[flavour][:, None], (N, 4))
ip.sort(axis=1)
mass = rng.normal(np.array([0.8, 1.6, 2.6])[flavour], 0.6)
feat = np.column_stack([tracks, np.log1p(ip), mass, rng.normal(size=(N, 2))])
feat = (feat - feat[:1500].mean(0)) / feat[:1500].std(0)
weight = rng.uniform(0.8, 1.2, N) * 2.1e-6          # pb per event

x = torch.tensor(feat, dtype=torch.float32)
y = torch.tensor(flavour)
w = torch.tensor(weight, dtype=torch.float32)

torch.manual_seed(7)
net = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 3))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
scaler = GradScaler("cpu", enabled=True, init_scale=2.0 ** 24)

for epoch in range(8):
    net.train()
    s = 0.0
    for idx in torch.randperm(1500).split(125):
        opt.zero_grad(set_to_none=True)
        with autocast("cpu", dtype=torch.float16):
            out = net(x[idx])
            per_event = nn.functional.cross_entropy(out, y[idx], reduction="none")
            loss = (w[idx] * per_event).mean()
        scaler.scale(loss).backward()
        scaler.step(opt)
        scaler.update()
        s += loss.item() / w[idx].mean().item()
    print(f"epoch {epoch}  weighted loss {s / 12:.4f}")

net.eval()
with torch.no_grad():
    call = net(x[1500:]).argmax(1)
accuracy = (call == y[1500:]).float().mean().item()
print("tagging accuracy", round(accuracy, 4))
