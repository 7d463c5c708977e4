"""Tabular classifier with a stopper object that keeps the best weights."""
import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification


class Stopper:
    def __init__(self, patience):
        self.patience, self.best, self.count, self.weights = patience, math.inf, 0, None

    def finished(self, value, net):
        if value < self.best:
            self.best, self.count, self.weights = value, 0, copy.deepcopy(net.state_dict())
        else:
            self.count += 1
        return self.count >= self.patience


def tensors(x, y, index, stats):
    return torch.tensor((x[index] - stats[0]) / stats[1]).float(), torch.tensor(y[index])


torch.manual_seed(3)
x, y = make_classification(1400, 30, n_informative=4, n_redundant=0, n_clusters_per_class=2,
                           class_sep=0.7, random_state=5)
idx = np.random.RandomState(5).permutation(len(x))
parts = {"train": idx[:320], "val": idx[320:620], "test": idx[620:]}
stats = x[parts["train"]].mean(0), x[parts["train"]].std(0)
data = {k: tensors(x, y, v, stats) for k, v in parts.items()}

net = torch.nn.Sequential(torch.nn.Linear(30, 150), torch.nn.ReLU(), torch.nn.Linear(150, 2))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
stopper = Stopper(patience=6)
curve = []
for epoch in range(60):  # <- fault
    net.train()
    for b in torch.randperm(320).split(40):
        opt.zero_grad()
        F.cross_entropy(net(data["train"][0][b]), data["train"][1][b]).backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        curve.append(F.cross_entropy(net(data["val"][0]), data["val"][1]).item())

print("validation loss", [round(v, 3) for v in curve[::5]])
net.eval()
with torch.no_grad():
    logits = net(data["test"][0])
accuracy = (logits.argmax(1) == data["test"][1]).double().mean().item()
print("test loss", round(F.cross_entropy(logits, data["test"][1]).item(), 4), "accuracy", accuracy)
