import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(81)
rng = np.random.default_rng(81)
images, digits = load_digits(return_X_y=True)
images = (images / 16 - 0.31) / 0.38
xa, xb, ya, yb = train_test_split(images, digits, test_size=450, random_state=81, stratify=digits)
xa, xb = torch.tensor(xa, dtype=torch.float32), torch.tensor(xb, dtype=torch.float32)
ya, yb = torch.tensor(ya), torch.tensor(yb)


def mixup(x, y, alpha=1.0):
    lam = float(rng.beta(alpha, alpha))
    partner = torch.randperm(len(x))
    target = F.one_hot(y, 10).float()
    return lam * x + (1 - lam) * x[partner], lam * target + (1 - lam) * target[partner]


def soft_cross_entropy(logits, target):
    return -(target * F.log_softmax(logits, dim=1)).sum(dim=1).mean()


model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.4), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=15 * 22)
for epoch in range(15):
    model.train()
    hit = seen = 0
    for idx in torch.randperm(len(xa)).split(64):
        bx, bt = mixup(xa[idx], ya[idx])
        out = model(bx)
        loss = soft_cross_entropy(out, bt)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        hit += (out.argmax(1) == ya[idx]).sum().item()
        seen += len(idx)
    print(f"epoch {epoch} train acc (against the first label) {hit / seen:.3f} loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(xb).argmax(1) == yb).float().mean().item()
print("held-out accuracy", accuracy)
