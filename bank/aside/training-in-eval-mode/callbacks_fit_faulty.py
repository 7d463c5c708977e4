"""Keras-like wrapper: compile-free fit/predict around a torch module."""
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification


@dataclass
class Estimator:
    module: nn.Module
    lr: float = 0.01
    batch: int = 50

    def logits(self, x):
        self.module.eval()  # <- fault
        with torch.no_grad():
            return torch.cat([self.module(c) for c in x.split(256)])

    def log(self, epoch, val):
        x, y = val
        z = self.logits(x)
        nll = nn.functional.cross_entropy(z, y).item()
        print(f"[{epoch:02d}] val nll {nll:.4f} acc {(z.argmax(1) == y).float().mean():.4f}")

    def fit(self, train, val, epochs):
        x, y = train
        opt = torch.optim.Adam(self.module.parameters(), lr=self.lr)
        self.module.train()  # <- fault
        for epoch in range(epochs):
            for idx in torch.randperm(len(x)).split(self.batch):
                opt.zero_grad()
                loss = nn.functional.cross_entropy(self.module(x[idx]), y[idx])  # <- fault
                loss.backward()
                opt.step()
            self.log(epoch, val)  # <- fault
        return self


def block(i, o, p=0.25):
    return nn.Sequential(nn.Linear(i, o), nn.BatchNorm1d(o), nn.ReLU(), nn.Dropout(p))


torch.manual_seed(13)
X, y = make_classification(n_samples=1500, n_features=24, n_informative=8, n_classes=4,
                           class_sep=1.6, random_state=13)
X = X * np.linspace(1, 5, 24)
rs = np.random.default_rng(1).permutation(1500)
mu, sd = X[rs[:800]].mean(0), X[rs[:800]].std(0)
to = lambda i: (torch.tensor((X[i] - mu) / sd, dtype=torch.float32), torch.tensor(y[i]))
net = nn.Sequential(block(24, 64), block(64, 32), nn.Linear(32, 4))
model = Estimator(net).fit(to(rs[:800]), to(rs[800:1000]), epochs=10)
x_test, y_test = to(rs[1000:])
accuracy = (model.logits(x_test).argmax(1) == y_test).double().mean().item()
print("test accuracy", accuracy)
