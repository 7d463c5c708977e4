import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def mixup(x, y, alpha=1.0):
    lam = float(np.random.beta(alpha, alpha))
    partner = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[partner], y, y[partner], lam


def cut(x):
    x = x.clone()
    for im in x:
        r, c = np.random.randint(0, 6, 2)
        im[:, r:r + 3, c:c + 3] = 0.0
    return x


np.random.seed(88)
torch.manual_seed(88)
b = load_digits()
xa, xb, ya, yb = train_test_split(b.images[:, None] / 16, b.target, test_size=360, random_state=88, stratify=b.target)
mean, std = xa.mean(), xa.std()
xa, xb = torch.tensor((xa - mean) / std).float(), torch.tensor((xb - mean) / std).float()
ya, yb = torch.tensor(ya), torch.tensor(yb)
net = nn.Sequential(nn.Conv2d(1, 24, 3), nn.GELU(), nn.Conv2d(24, 24, 3), nn.GELU(), nn.Flatten(),
                    nn.Dropout(0.6), nn.Linear(24 * 16, 10))
crit = nn.CrossEntropyLoss(label_smoothing=0.1)
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=4)
seen = right = 0
for epoch in range(8):
    net.train()
    for ix in torch.randperm(len(xa)).split(48):
        x, y1, y2, lam = mixup(cut(xa[ix]), ya[ix])
        out = net(x)
        loss = lam * crit(out, y1) + (1 - lam) * crit(out, y2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        right, seen = right + (out.argmax(1) == y1).sum().item(), seen + len(ix)
    sched.step()
    print(f"epoch {epoch} train acc {right / seen:.3f} loss {loss.item():.3f}")
net.eval()
with torch.no_grad():
    accuracy = (net(xb).argmax(1) == yb).float().mean().item()
print("clean test accuracy", accuracy)
