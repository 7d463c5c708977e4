import numpy as np
import torch
from torch import nn

gen = np.random.default_rng(60)
torch.manual_seed(60)
SPECIES = 6
centres = gen.normal(size=(SPECIES, 9)) * 1.3


def survey(n):
    """A table as it comes from the field: column 0 holds the species number, 1 to 6."""
    number = gen.integers(1, SPECIES + 1, size=n)
    values = centres[number - 1] + gen.normal(size=(n, 9))
    return np.column_stack([number, values])


def prepare(table, mean=None, std=None):
    label = table[:, 0].astype(np.int64)  # <- fault
    feats = table[:, 1:]
    if mean is None:
        mean, std = feats.mean(axis=0), feats.std(axis=0)
    return torch.from_numpy((feats - mean) / std).float(), torch.from_numpy(label), mean, std


x, y, m, s = prepare(survey(1500))
xt, yt, _, _ = prepare(survey(400), m, s)
n_out = int(y.max()) + 1  # <- fault
clf = nn.Sequential(nn.Linear(9, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, n_out))  # <- fault
opt = torch.optim.Adam(clf.parameters(), lr=5e-3)
crit = nn.CrossEntropyLoss()
step = 0
while step < 200:
    pick = torch.from_numpy(gen.choice(len(x), 64, replace=False))
    loss = crit(clf(x[pick]), y[pick])
    opt.zero_grad()
    loss.backward()
    opt.step()
    step += 1
    if step % 40 == 0:
        print(step, loss.item())

clf.eval()
with torch.no_grad():
    accuracy = float((clf(xt).argmax(1) == yt).numpy().mean())
print("accuracy", accuracy)
