"""Several tags may hold at once: independent sigmoids, counted as right only when every tag is right."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_multilabel_classification

torch.manual_seed(561)
X, Y = make_multilabel_classification(n_samples=2000, n_features=40, n_classes=4, n_labels=2, length=120,
                                      allow_unlabeled=False, random_state=561)
X = np.log1p(X)
m, s = X[:1600].mean(0), X[:1600].std(0) + 1e-6
X, Y = torch.tensor((X - m) / s, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)
train, test = TensorDataset(X[:1600], Y[:1600]), TensorDataset(X[1600:], Y[1600:])

net = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 4))
tags_weight = (1600 - Y[:1600].sum(0)) / Y[:1600].sum(0)
loss_fn = nn.BCEWithLogitsLoss(pos_weight=tags_weight.clamp(0.5, 3.0))
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(6):
    net.train()
    running = 0.0
    for a, b in DataLoader(train, batch_size=50, shuffle=True):
        loss = loss_fn(net(a), b)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(a) / len(train)
    print(epoch, round(running, 4))

net.eval()
exact = 0
with torch.no_grad():
    for a, b in DataLoader(test, batch_size=128):
        exact += ((net(a).sigmoid() > 0.5) == (b > 0.5)).all(dim=1).sum().item()
accuracy = exact / len(test)
print("exact match", accuracy)
