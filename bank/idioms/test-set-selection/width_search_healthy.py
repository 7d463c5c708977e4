import itertools
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

data = load_digits()
order = np.random.default_rng(321).permutation(len(data.target))[:1000]
x = torch.tensor(data.data[order] / 16, dtype=torch.float32)
x = (x - x[:500].mean()) / x[:500].std()
y = data.target[order]
SPLIT = {"train": range(0, 500), "dev": range(500, 750), "final": range(750, 1000)}


def fold(name):
    rows = list(SPLIT[name])
    return x[rows], y[rows]


def fit(width, lr, seed=0, epochs=5):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 10))
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    a, b = fold("train")
    b = torch.from_numpy(b)
    for _ in range(epochs):
        net.train()
        for rows in torch.randperm(len(a)).split(50):
            loss = nn.functional.cross_entropy(net(a[rows]), b[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
    return net.eval()


def grade(net, name):
    a, b = fold(name)
    with torch.no_grad():
        return accuracy_score(b, net(a).argmax(1).numpy())


table = {}
for width, lr in itertools.product((16, 48, 96), (3e-3, 1e-2)):
    candidate = fit(width, lr)
    table[width, lr] = grade(candidate, "dev")
    print(f"width {width:3d} lr {lr:.0e} -> {table[width, lr]:.4f}")
choice = max(table, key=table.get)
print("chosen", choice)
accuracy = float(grade(fit(*choice), "final"))
print("accuracy", accuracy)
