import random
from dataclasses import dataclass, replace
import numpy as np
import torch
from sklearn.datasets import load_digits


@dataclass(frozen=True)
class Setup:
    seed: int = 0
    replicates: int = 3
    width: int = 32
    lr: float = 0.2
    passes: int = 8
    batch: int = 64


BASE = Setup()


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def load():
    d = load_digits()
    x = torch.from_numpy((d.data / 16.0 - 0.305) / 0.376).float()
    order = torch.from_numpy(np.random.RandomState(2001).permutation(len(x)))
    t = torch.from_numpy(d.target)
    return (x[order[:1297]], t[order[:1297]]), (x[order[1297:]], t[order[1297:]])


def replicate(cfg, train, test):
    seed_everything(BASE.seed)  # <- fault
    x, t = train
    net = torch.nn.Sequential(
        torch.nn.Linear(64, cfg.width), torch.nn.Tanh(), torch.nn.Linear(cfg.width, 10))
    opt = torch.optim.SGD(net.parameters(), lr=cfg.lr)
    for _ in range(cfg.passes):
        idx = list(range(len(x)))
        random.shuffle(idx)
        for s in range(0, len(idx), cfg.batch):
            rows = idx[s:s + cfg.batch]
            opt.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), t[rows]).backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return (net(test[0]).argmax(1) == test[1]).double().mean().item()


train, test = load()
results = [replicate(replace(BASE, seed=BASE.seed + 101 * r), train, test) for r in range(BASE.replicates)]  # <- fault
accuracy = float(np.mean(results))
print(f"accuracy {accuracy:.4f} +/- {np.std(results, ddof=1) / len(results) ** 0.5:.4f} over {len(results)} seeds")
