from dataclasses import dataclass
import numpy as np
import torch
from torch import nn, optim
from sklearn.datasets import load_digits


@dataclass
class Config:
    seed: int = 21
    n_train: int = 1200
    epochs: int = 14
    batch: int = 48
    lr: float = 2e-3


def read_forms(cfg):
    """Scanned postcodes; the training part was typed in by a paid reader."""
    r = np.random.default_rng(cfg.seed)
    bunch = load_digits()
    order = r.permutation(len(bunch.target))
    pix, true = bunch.data[order].astype("float32") / 16.0, bunch.target[order]
    typed = true.copy()
    mu, sd = pix[:cfg.n_train].mean(), pix[:cfg.n_train].std()
    pix = torch.from_numpy((pix - mu) / sd)
    k = cfg.n_train
    return pix[:k], torch.from_numpy(typed[:k]), pix[k:], torch.from_numpy(true[k:])


def batches(x, y, size, gen):
    perm = torch.randperm(len(x), generator=gen)
    for s in range(0, len(x), size):
        j = perm[s:s + size]
        yield x[j], y[j]


def main(cfg=Config()):
    torch.manual_seed(cfg.seed)
    gen = torch.Generator().manual_seed(cfg.seed)
    x, y, xt, yt = read_forms(cfg)
    net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 10))
    opt = optim.AdamW(net.parameters(), lr=cfg.lr, weight_decay=1e-3)
    for ep in range(cfg.epochs):
        net.train()
        total = 0.0
        for xb, yb in batches(x, y, cfg.batch, gen):
            opt.zero_grad(set_to_none=True)
            l = nn.functional.cross_entropy(net(xb), yb)
            l.backward()
            opt.step()
            total += l.item() * len(xb)
        print(ep, total / len(x))
    net.eval()
    with torch.no_grad():
        return (net(xt).argmax(1) == yt).double().mean().item()


accuracy = main()
print("accuracy", accuracy)
