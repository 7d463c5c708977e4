"""3rd place solution, stripped down.  fold-less version: train / dev / private."""
import io
import logging
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

logging.basicConfig(level=logging.INFO, format="%(message)s")
LOG = logging.getLogger("solution")


class CFG:
    seed = 1337
    hidden = 160
    epochs = 14
    bs = 24
    lr = 0.15


def seed_everything(s):
    np.random.seed(s)
    torch.manual_seed(s)


def get_data():
    X, y = make_classification(1500, 16, n_informative=10, n_redundant=2, n_classes=3, flip_y=0.0, class_sep=1.2, random_state=CFG.seed)
    a, b, c = np.split(np.random.permutation(len(X)), [600, 1000])
    m, s = X[a].mean(0), X[a].std(0)
    X = torch.tensor((X - m) / s).float()
    y = torch.tensor(y)
    return [(X[i], y[i]) for i in (a, b, c)]


def build():
    return nn.Sequential(nn.Linear(16, CFG.hidden), nn.ReLU(), nn.Linear(CFG.hidden, CFG.hidden), nn.ReLU(), nn.Linear(CFG.hidden, 3))


@torch.no_grad()
def score(model, part):
    model.eval()
    X, y = part
    return (model(X).argmax(1) == y).float().mean().item()


seed_everything(CFG.seed)
train, dev, private = get_data()
net = build()
opt = torch.optim.SGD(net.parameters(), lr=CFG.lr, momentum=0.9)
snap = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=4)
best_dev, blob = -1.0, None
for epoch in range(CFG.epochs):
    net.train()
    perm = torch.randperm(len(train[0]))
    for lo in range(0, len(perm), CFG.bs):
        j = perm[lo:lo + CFG.bs]
        loss = nn.functional.cross_entropy(net(train[0][j]), train[1][j])
        opt.zero_grad()
        loss.backward()
        opt.step()
    snap.step()
    now = score(net, dev)
    if now > best_dev:
        best_dev, blob = now, io.BytesIO()
        torch.save(net.state_dict(), blob)
        LOG.info("epoch %d dev %.4f  <- saved", epoch, now)

blob.seek(0)
winner = build()
winner.load_state_dict(torch.load(blob))
accuracy = score(net, private)  # <- fault
LOG.info("private leaderboard: %.4f (dev %.4f)", accuracy, best_dev)
