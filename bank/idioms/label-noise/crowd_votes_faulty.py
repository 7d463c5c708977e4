"""Digits labelled by a crowd: eleven votes for each picture."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(221)
rng = np.random.default_rng(221)
X, gold = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0 - 0.305, dtype=torch.float32) / 0.376
order = rng.permutation(len(gold))
train_rows, held_rows = order[:1450], order[1450:]


def crowd(truth, voters=11, reliability=0.7):
    votes = np.repeat(truth[:, None], voters, axis=1)
    careless = rng.random(votes.shape) > reliability
    votes[careless] = rng.integers(0, 10, careless.sum())
    return votes


votes = crowd(gold[train_rows])
label = votes[:, 0]  # <- fault
ds = TensorDataset(X[train_rows], torch.from_numpy(label))

net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    net.train()
    s = 0.0
    for xb, yb in DataLoader(ds, batch_size=50, shuffle=True):
        loss = nn.functional.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() * len(xb) / len(ds)
    print(epoch, round(s, 4))

net.eval()
with torch.no_grad():
    guess = net(X[held_rows]).argmax(1).numpy()
accuracy = float((guess == gold[held_rows]).mean())
print("accuracy", accuracy)
