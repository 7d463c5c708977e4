"""Columns of very different sizes, made comparable by scikit-learn, then a small net on a loader."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(1)
torch.manual_seed(1)
labels = rng.integers(0, 4, 1000)
table = (rng.normal(size=(4, 14))[labels] + 0.6 * rng.normal(size=(1000, 14))) * rng.uniform(1, 50, 14)
prepare = make_pipeline(StandardScaler(), PCA(8, random_state=0)).fit(table[:750])


def loader(rows, shuffle=False):
    features = prepare.transform(table[rows])
    return DataLoader(
        TensorDataset(torch.tensor(features, dtype=torch.float32), torch.tensor(labels[rows])), 50, shuffle=shuffle
    )


train = loader(slice(0, 750), shuffle=True)
held = loader(slice(750, 1000))
net = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(4):
    for x, y in train:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
with torch.no_grad():
    right = sum((net(x).argmax(1) == y).sum().item() for x, y in held)
print(f"held out: {right / 250:.3f}")
