import copy
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(83)
rng = np.random.default_rng(83)
d = load_digits()
x = torch.tensor(d.images).float()[:, None].sub(4.9).div(6.0)
y = torch.tensor(d.target)
order = torch.from_numpy(rng.permutation(len(y)))
tr, te = order[:1200], order[1200:]

net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.GELU(), nn.MaxPool2d(2),
                    nn.Flatten(), nn.Dropout(0.5), nn.Linear(256, 10))
smooth = copy.deepcopy(net).requires_grad_(False)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
ACCUM, seen = 2, 0
for epoch in range(12):
    net.train()
    for k, b in enumerate(tr[torch.randperm(len(tr))].split(50)):
        lam = float(rng.beta(0.8, 0.8))
        partner = b[torch.randperm(len(b))]
        mixed = lam * x[b] + (1 - lam) * x[partner]
        if rng.random() < 0.5:
            top = int(rng.integers(0, 5))
            mixed[:, :, top:top + 2] = 0.0
        out = net(mixed) / 0.7
        loss = lam * F.cross_entropy(out, y[b]) + (1 - lam) * F.cross_entropy(out, y[partner])
        (loss / ACCUM).backward()
        if (k + 1) % ACCUM == 0:
            opt.step()
            opt.zero_grad()
            seen += 1
            decay = min(0.95, seen / (seen + 10))
            with torch.no_grad():
                for s, q in zip(smooth.parameters(), net.parameters()):
                    s.lerp_(q, 1 - decay)
    print(epoch, round(loss.item(), 3))

smooth.eval()
with torch.no_grad():
    accuracy = (smooth(x[te]).argmax(1) == y[te]).float().mean().item()
print("averaged weights:", accuracy)
