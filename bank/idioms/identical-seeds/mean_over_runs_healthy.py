import random
import statistics
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split


def fix(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


X, y = make_classification(1200, 15, n_informative=8, n_classes=3, class_sep=1.4, flip_y=0.0, random_state=141)
A, B, a, b = train_test_split(X.astype(np.float32), y, test_size=300, random_state=141)
m, s = A.mean(0), A.std(0)
A, B, a, b = torch.tensor((A - m) / s), torch.tensor((B - m) / s), torch.tensor(a), torch.tensor(b)
DEFAULTS = {"seed": 3, "hidden": 40, "lr": 0.01, "epochs": 6, "batch": 60}


def experiment(**overrides):
    cfg = {**DEFAULTS, **overrides}
    fix(cfg["seed"])
    net = nn.Sequential(nn.Linear(15, cfg["hidden"]), nn.ReLU(), nn.Linear(cfg["hidden"], 3))
    opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"])
    for _ in range(cfg["epochs"]):
        net.train()
        for idx in torch.randperm(len(A)).split(cfg["batch"]):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(A[idx]), a[idx])
            loss.backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return (net(B).argmax(1) == b).float().mean().item()


results = [experiment(seed=k) for k in (11, 12, 13, 14, 15)]
accuracy = statistics.fmean(results)
print(f"{accuracy:.4f} +- {statistics.stdev(results):.4f} over {len(results)} runs")
