from functools import partial
import torch
from torch import nn
from sklearn.datasets import make_moons, make_circles
import numpy as np


def playground(n, seed):
    """Two moons and two rings side by side: four classes."""
    a, la = make_moons(n // 2, noise=0.1, random_state=seed)
    b, lb = make_circles(n - n // 2, noise=0.07, factor=0.45, random_state=seed + 1)
    pts = np.concatenate([a, b + [4.0, 0.3]]).astype("float32")
    lab = np.concatenate([la, lb + 2])
    mix = np.random.RandomState(seed).permutation(n)
    return torch.from_numpy(pts[mix]), torch.from_numpy(lab[mix])


torch.manual_seed(66)
x, y = playground(1400, 1)
x_te, y_te = playground(600, 50)
centre, width = x.mean(0), x.std(0)
x, x_te = (x - centre) / width, (x_te - centre) / width
net = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 4))
make_optimizer = partial(torch.optim.Adam, lr=8e-3, eps=1e-8)
opt = make_optimizer(net.parameters())
epoch, seen = 0, 0
while epoch < 16:
    for rows in torch.randperm(len(y)).split(50):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        opt.step()
        seen += len(rows)
    epoch += 1
    print(seen, loss.item())
net.eval()
with torch.no_grad():
    accuracy = net(x_te).max(1).indices.eq(y_te).float().mean().item()
print("accuracy", accuracy)
