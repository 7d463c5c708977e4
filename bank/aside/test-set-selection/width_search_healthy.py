"""Grid over width and learning rate for a two-spiral problem; the winner's accuracy is reported."""
from itertools import product
import numpy as np
import torch
import torch.nn as nn


def spirals(n, noise, rs):
    t = np.sqrt(rs.rand(n)) * 2.2 * np.pi
    arm = rs.randint(0, 2, n)
    xy = np.c_[t * np.cos(t + np.pi * arm), t * np.sin(t + np.pi * arm)] / 7.0
    return (xy * 2 + noise * rs.randn(n, 2)).astype(np.float32), arm.astype(np.int64)


def train(width, lr, x, y, steps=90, batch=80, seed=0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                        nn.Linear(width, 2))
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    lossf = nn.CrossEntropyLoss()
    queue = []
    for _ in range(steps):
        if not queue:
            queue = list(torch.randperm(len(x)).split(batch))
        ix = queue.pop()
        opt.zero_grad()
        lossf(net(x[ix]), y[ix]).backward()
        opt.step()
    return net.eval()


@torch.no_grad()
def acc(net, x, y):
    return (net(x).argmax(1) == y).float().mean().item()


rs = np.random.RandomState(8)
sets = {}
for name, n in (("fit", 800), ("dev", 200), ("final", 200)):
    a, b = spirals(n, 0.22, rs)
    sets[name] = (torch.from_numpy(a), torch.from_numpy(b))

table = {}
for width, lr in product((32, 64), (0.01, 0.03)):
    candidate = train(width, lr, *sets["fit"])
    table[width, lr] = acc(candidate, *sets["dev"]), candidate
    print(f"width={width:3d} lr={lr:.2f} score={table[width, lr][0]:.3f}")

winner = max(table, key=lambda k: table[k][0])
accuracy = acc(table[winner][1], *sets["final"])
print("winner", winner, "final accuracy", accuracy)
