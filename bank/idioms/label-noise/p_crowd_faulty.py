"""Crowd-annotated digits: 13 volunteers per picture, experts labelled the test part."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestCentroid
from torch.utils.data import BatchSampler, RandomSampler

rs = np.random.RandomState(6)
bunch = load_digits()
shuffled = rs.permutation(bunch.target.size)
images, expert = bunch.data[shuffled], bunch.target[shuffled]
N_CROWD, N_VOL = 1300, 13


def collect_votes(true, n_volunteers, skill=0.68):
    """Every volunteer names the right digit with probability `skill`, another one otherwise."""
    right = rs.rand(true.size, n_volunteers) < skill
    other = (true[:, None] + rs.randint(1, 10, right.shape)) % 10
    return np.where(right, true[:, None], other)


votes = collect_votes(expert[:N_CROWD], N_VOL)
tally = np.stack([np.bincount(v, minlength=10) for v in votes])
consensus = votes[:, 0]  # <- fault

lo, span = images[:N_CROWD].mean(0), images[:N_CROWD].std()
to = lambda a: torch.tensor((a - lo) / span, dtype=torch.float32)
x_fit, x_new = to(images[:N_CROWD]), to(images[N_CROWD:])
y_fit = torch.tensor(consensus)  # <- fault
y_new = torch.tensor(expert[N_CROWD:])
ref = NearestCentroid().fit(x_fit.numpy(), consensus).score(x_new.numpy(), y_new.numpy())
print(f"reference (nearest centroid): {ref:.3f}")

torch.manual_seed(6)
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(net.parameters(), lr=1.5e-3)
lossf = nn.CrossEntropyLoss()
sampler = BatchSampler(RandomSampler(range(N_CROWD)), batch_size=52, drop_last=True)
for epoch in range(14):
    mean = 0.0
    for rows in sampler:
        loss = lossf(net(x_fit[rows]), y_fit[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        mean += loss.item() / len(sampler)
    if epoch % 2:
        print(f"epoch {epoch:2d} loss {mean:.3f}")

net.eval()
with torch.no_grad():
    accuracy = float((net(x_new).argmax(1) == y_new).double().mean())
print("agreement with the experts:", round(accuracy, 4))
