"""Training loop built from context managers."""
import time
from contextlib import contextmanager

import torch
from torch import nn
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split


@contextmanager
def clean_gradients(optimizer):
    yield
    optimizer.zero_grad(set_to_none=False)  # <- fault


@contextmanager
def evaluating(module):
    was = module.training
    module.eval()
    with torch.no_grad():
        yield module
    module.train(was)


@contextmanager
def timed(label, book):
    t = time.perf_counter()
    yield
    book[label] = book.get(label, 0.0) + time.perf_counter() - t


def batches(n, size, generator):
    yield from torch.randperm(n, generator=generator).split(size)


torch.manual_seed(2)
x, y = make_circles(1200, noise=0.08, factor=0.55, random_state=2)
xtr, xte, ytr, yte = train_test_split(x, y, test_size=400, random_state=2)
center, spread = xtr.mean(0), xtr.std(0)
xtr, xte = (torch.tensor((a - center) / spread).float() for a in (xtr, xte))
ytr, yte = torch.tensor(ytr), torch.tensor(yte)

net = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
clock, g = {}, torch.Generator().manual_seed(9)
for epoch in range(12):
    with timed("train", clock):
        for idx in batches(len(xtr), 40, g):
            with clean_gradients(optimizer):
                loss = nn.functional.cross_entropy(net(xtr[idx]), ytr[idx])
                loss.backward()
            optimizer.step()  # <- fault

with evaluating(net) as m, timed("eval", clock):
    accuracy = (m(xte).argmax(1) == yte).double().mean().item()
print({k: round(v, 2) for k, v in clock.items()}, "accuracy", accuracy)
