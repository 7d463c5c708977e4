import argparse
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification

parser = argparse.ArgumentParser()
parser.add_argument("--units", type=int, default=48)
parser.add_argument("--lr", type=float, default=4e-3)
parser.add_argument("--epochs", type=int, default=8)
opts = parser.parse_args([])
np.random.seed(411)
torch.manual_seed(411)

X, y = make_classification(n_samples=1600, n_features=16, n_informative=9, n_classes=4, n_clusters_per_class=1,
                           class_sep=1.5, flip_y=0, random_state=411)
X = X * 3.0 + np.linspace(-12, 12, 16)
train, test = slice(0, 1200), slice(1200, None)
mean, std = X[train].mean(0), X[train].std(0)
x_train = torch.tensor((X[train] - mean) / std).float()
x_test = torch.tensor((X[test] - mean) / std).float()
y_train, y_test = torch.from_numpy(y[train]), torch.from_numpy(y[test])


class Stack(nn.Module):
    def __init__(self, n_in, units, n_out):
        super().__init__()
        self.enter = nn.Linear(n_in, units)
        self.middle = nn.ModuleDict({"a": nn.Linear(units, units), "b": nn.Linear(units, units)})
        self.leave = nn.Linear(units, n_out)

    def forward(self, x):
        x = torch.relu(self.enter(x))
        for key in ("a", "b"):
            x = torch.relu(self.middle[key](x))
        return self.leave(x)


model = Stack(16, opts.units, 4)
opt = torch.optim.Adam(model.parameters(), lr=opts.lr)
for epoch in range(opts.epochs):
    model.train()
    for rows in torch.randperm(len(x_train)).split(48):
        loss = nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch} {loss.item():.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
