import itertools

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedShuffleSplit
from torch.nn import Linear, ReLU, Sequential, CrossEntropyLoss

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)


def split(X, y, size, seed):
    sss = StratifiedShuffleSplit(n_splits=1, test_size=size, random_state=seed)
    return next(sss.split(X, y))


dev, test = split(X, y, 300, 0)
tr, va = split(X[dev], y[dev], 300, 0)
train, val = dev[tr], dev[va]
mean, std = X[train].mean(), X[train].std()
X = (X - mean) / std


def train_model(width, lr, epochs=6, batch=100):
    torch.manual_seed(0)
    net = Sequential(Linear(64, width), ReLU(), Linear(width, 10))
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    loss_fn = CrossEntropyLoss()
    for _ in range(epochs):
        for idx in np.array_split(train[torch.randperm(len(train)).numpy()], len(train) // batch):
            opt.zero_grad()
            loss = loss_fn(net(torch.from_numpy(X[idx])), torch.from_numpy(y[idx]))
            loss.backward()
            opt.step()
    return net


def score(net, idx):
    with torch.no_grad():
        return float(accuracy_score(y[idx], net(torch.from_numpy(X[idx])).argmax(1).numpy()))


grid = itertools.product([32, 64, 128], [3e-3, 1e-2])
best_net, best_score = None, -1.0
for width, lr in grid:
    net = train_model(width, lr)
    sc = score(net, val)
    print(f"width={width:<4d} lr={lr:<6g} score={sc:.4f}")
    if sc > best_score:
        best_net, best_score = net, sc

accuracy = score(best_net, test)
print("chosen model, test accuracy:", accuracy)
