import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_blobs

np.random.seed(6)
torch.manual_seed(6)
X, y = make_blobs(1600, n_features=10, centers=8, cluster_std=3.2, center_box=(-8, 8), random_state=6)
y = (y % 2).astype("float32")
train_rows, test_rows = np.arange(1200), np.arange(1200, 1600)
X = ((X - X[train_rows].mean(0)) / X[train_rows].std(0)).astype("float32")
tensors = {"train": (torch.tensor(X[train_rows]), torch.tensor(y[train_rows])),
           "test": (torch.tensor(X[test_rows]), torch.tensor(y[test_rows]))}


class Scorer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.ModuleList([nn.Linear(10, width), nn.Linear(width, width)])
        self.last = nn.Linear(width, 1)

    def forward(self, x):
        for lin in self.inner:
            x = torch.relu(lin(x))
        return self.last(x)[:, 0]


def penalty(z, t):
    each = t * nn.functional.logsigmoid(z) + (1 - t) * nn.functional.logsigmoid(-z)
    return -each.mean()


scorer = Scorer(64)
opt = torch.optim.Adam(scorer.parameters(), lr=5e-3)
bx, by = tensors["train"]
for epoch in range(8):
    acc_loss = 0.0
    for b in np.array_split(np.random.permutation(1200), 24):
        loss = penalty(scorer(bx[b]), by[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        acc_loss += loss.item() / 24
    print(epoch, acc_loss)

scorer.eval()
bx, by = tensors["test"]
with torch.no_grad():
    accuracy = float(((scorer(bx) > 0).float() == by).float().mean())
print(accuracy)
