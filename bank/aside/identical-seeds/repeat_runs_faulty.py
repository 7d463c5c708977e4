"""Five repetitions, mean and confidence interval."""
import dataclasses
import statistics

import torch
from torch import nn
from sklearn.datasets import make_classification


@dataclasses.dataclass
class Run:
    seed: int = 0
    hidden: int = 20
    lr: float = 1e-2
    epochs: int = 12
    batch: int = 40


def dataset():
    x, y = make_classification(1100, 15, n_informative=5, n_classes=3, class_sep=1.2, random_state=50)
    x = (x - x[:700].mean(0)) / x[:700].std(0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    return x[:700], y[:700], x[700:], y[700:]


def execute(run, data):
    torch.manual_seed(run.seed)
    x, y, xt, yt = data
    net = nn.Sequential(nn.Linear(15, run.hidden), nn.LeakyReLU(), nn.Linear(run.hidden, 3))
    opt = torch.optim.Adam(net.parameters(), lr=run.lr)
    for _ in range(run.epochs):
        net.train()
        for idx in torch.randperm(len(x)).split(run.batch):
            opt.zero_grad()
            nn.functional.cross_entropy(net(x[idx]), y[idx]).backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return (net(xt).argmax(1) == yt).double().mean().item()


def repeat(base, count, data):
    scores = []
    for k in range(count):
        dataclasses.replace(base, seed=base.seed + k)  # <- fault
        scores.append(execute(base, data))  # <- fault
    return scores


scores = repeat(Run(seed=1000), 5, dataset())
accuracy = statistics.mean(scores)
half = 2.776 * statistics.stdev(scores) / len(scores) ** 0.5
print([round(s, 4) for s in scores], f"{accuracy:.4f} +- {half:.4f}")
