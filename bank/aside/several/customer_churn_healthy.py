# Churn model with a table loader, a head and a report.
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification


def table(seed):
    X, y = make_classification(1000, 15, n_informative=9, n_redundant=3, n_classes=3, n_clusters_per_class=2,
                               class_sep=1.5, flip_y=0, random_state=seed)
    return X.astype(np.float32), y.astype(np.int64)


def split(n, rs):
    order = rs.permutation(n)
    cut = int(0.75 * n)
    return order[:cut], order[cut:]


class Churn(nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.l1 = nn.Linear(d, 80)
        self.l2 = nn.Linear(80, 80)
        self.l3 = nn.Linear(80, k)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = self.drop(torch.relu(self.l2(x)))
        return self.l3(x)


def test(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in loader:
            ok = model(x).argmax(1) == y
            right += int(ok.sum())
    return right / len(loader.dataset)


rs = np.random.RandomState(345)
torch.manual_seed(345)
X, y = table(345)
tr, te = split(len(X), rs)
mu, sd = X[tr].mean(0), X[tr].std(0)
make = lambda ids: TensorDataset(torch.from_numpy((X[ids] - mu) / sd), torch.from_numpy(y[ids]))
model = Churn(15, 3)
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
train_loader = DataLoader(make(tr), batch_size=30, shuffle=True)
for epoch in range(15):
    model.train()
    for xb, yb in train_loader:
        opt.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(xb), yb).backward()
        opt.step()
accuracy = test(model, DataLoader(make(te), batch_size=64))
print("accuracy:", accuracy)
