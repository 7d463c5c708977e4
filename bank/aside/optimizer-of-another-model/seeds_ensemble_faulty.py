import copy
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import RobustScaler

X, y = make_classification(1400, 16, n_informative=10, n_redundant=0, n_classes=4, n_clusters_per_class=1,
                           class_sep=1.6, flip_y=0.0, random_state=50)
(train_rows, test_rows), = StratifiedShuffleSplit(1, test_size=400, random_state=50).split(X, y)
prep = RobustScaler().fit(X[train_rows])
X = torch.as_tensor(prep.transform(X), dtype=torch.float32)
y = torch.as_tensor(y)
train = TensorDataset(X[train_rows], y[train_rows])

torch.manual_seed(50)
template = nn.Sequential(nn.Linear(16, 24), nn.LeakyReLU(0.1), nn.Linear(24, 4))
optimizer = torch.optim.Adam(template.parameters(), lr=5e-3)  # <- fault


def reset(module, seed):
    torch.manual_seed(seed)
    for layer in module:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return module


members = []
for seed in (101, 202):
    member = reset(copy.deepcopy(template), seed)
    loader = DataLoader(train, batch_size=50, shuffle=True, generator=torch.Generator().manual_seed(seed))
    for epoch in range(7):
        meter = []
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(member(xb), yb)
            member.zero_grad()
            loss.backward()
            optimizer.step()
            meter.append(loss.item())
        print(f"seed {seed} epoch {epoch} loss {np.mean(meter):.4f}")
    members.append(member.eval())

with torch.no_grad():
    votes = torch.stack([m(X[test_rows]).softmax(-1) for m in members]).mean(0)
accuracy = (votes.argmax(-1) == y[test_rows]).float().mean().item()
print("ensemble accuracy", accuracy)
