"""Trainer with a typed config and a step method that returns its diagnostics."""
import dataclasses
import typing as t

import torch
from torch import nn
from sklearn.datasets import make_classification


@dataclasses.dataclass(frozen=True)
class Hyper:
    lr: float = 0.05
    momentum: float = 0.9
    max_norm: float = 5.0
    batch: int = 50
    epochs: int = 10


class Diagnostics(t.NamedTuple):
    loss: float
    norm: float


class Trainer:
    def __init__(self, net: nn.Module, hyper: Hyper):
        self.net, self.hyper = net, hyper
        self.opt = torch.optim.SGD(net.parameters(), lr=hyper.lr, momentum=hyper.momentum)

    def step(self, x, y) -> Diagnostics:
        self.net.train()
        self.opt.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.net(x), y)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.hyper.max_norm)
        self.opt.step()
        return Diagnostics(loss.item(), float(norm))

    def fit(self, x, y):
        for epoch in range(self.hyper.epochs):
            rows = [self.step(x[i], y[i]) for i in torch.randperm(len(x)).split(self.hyper.batch)]
            mean = Diagnostics(*(sum(c) / len(c) for c in zip(*rows)))
            print(f"epoch {epoch}: loss {mean.loss:.4f}, gradient norm {mean.norm:.3f}")
        return self

    @torch.no_grad()
    def accuracy(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).double().mean().item()


torch.manual_seed(40)
features, target = make_classification(1500, 16, n_informative=10, n_redundant=2, n_classes=5,
                                       n_clusters_per_class=1, class_sep=1.5, random_state=40)
mu, sd = features[:1000].mean(0), features[:1000].std(0)
features, target = torch.tensor((features - mu) / sd).float(), torch.tensor(target)
net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 5))
trainer = Trainer(net, Hyper()).fit(features[:1000], target[:1000])
accuracy = trainer.accuracy(features[1000:], target[1000:])
print("accuracy", accuracy)
