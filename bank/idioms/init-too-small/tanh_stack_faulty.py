from dataclasses import dataclass

import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass
class Config:
    n_features: int = 24
    width: int = 64
    depth: int = 6
    gain: float = 0.05  # <- fault
    lr: float = 0.03
    epochs: int = 8
    batch: int = 90
    seed: int = 1


class TanhStack(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        dims = [cfg.n_features] + [cfg.width] * cfg.depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims, dims[1:]))
        self.out = nn.Linear(cfg.width, 4)
        for lin in self.hidden:
            nn.init.xavier_uniform_(lin.weight, gain=cfg.gain)  # <- fault
            nn.init.zeros_(lin.bias)

    def forward(self, x):
        for lin in self.hidden:
            x = torch.tanh(lin(x))
        return self.out(x)


def batches(n, size, gen):
    idx = torch.randperm(n, generator=gen)
    for i in range(0, n, size):
        yield idx[i:i + size]


cfg = Config()
torch.manual_seed(cfg.seed)
X, y = make_classification(2600, cfg.n_features, n_informative=10, n_redundant=4, n_classes=4,
                           class_sep=2.2, flip_y=0.0, random_state=cfg.seed)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.25, stratify=y, random_state=cfg.seed)
scaler = StandardScaler().fit(Xa)
Xa, Xb = (torch.from_numpy(scaler.transform(v)).float() for v in (Xa, Xb))
ya = torch.from_numpy(ya)

model = TanhStack(cfg)
optim = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
gen = torch.Generator().manual_seed(cfg.seed)
for epoch in range(cfg.epochs):
    total = 0.0
    for idx in batches(len(Xa), cfg.batch, gen):
        optim.zero_grad()
        loss = nn.functional.cross_entropy(model(Xa[idx]), ya[idx])
        loss.backward()
        optim.step()
        total += loss.item() * len(idx)
    print(f"[{epoch}] {total / len(Xa):.4f}")

model.eval()
with torch.no_grad():
    pred = model(Xb).argmax(1).numpy()
accuracy = float(accuracy_score(yb, pred))
print(f"test accuracy {accuracy:.3f}")
