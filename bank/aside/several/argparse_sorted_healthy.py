#!/usr/bin/env python
"""usage: train.py [--epochs N] [--lr LR]   -- spiral arms, five of them"""
import argparse
import sys

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def spiral(per_arm, arms, noise, rng):
    rows, tags = [], []
    for arm in range(arms):
        r = np.sqrt(rng.uniform(0.02, 1, per_arm))
        a = 3.0 * r + 2 * np.pi * arm / arms + rng.normal(0, noise, per_arm)
        rows.append(np.stack([r * np.cos(a), r * np.sin(a)], axis=1))
        tags.append(np.full(per_arm, arm))
    return np.concatenate(rows).astype(np.float32) / 0.5, np.concatenate(tags)


def parse(argv):
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--epochs", default=14, type=int)
    p.add_argument("--lr", default=0.04, type=float)
    p.add_argument("--batch-size", default=60, type=int)
    p.add_argument("--arms", default=5, type=int)
    return p.parse_args(argv)


def main(argv=()):
    args = parse(list(argv))
    rng = np.random.default_rng(12)
    torch.manual_seed(12)
    xa, ya = spiral(240, args.arms, 0.13, rng)
    xb, yb = spiral(80, args.arms, 0.13, rng)
    train = TensorDataset(torch.from_numpy(xa), torch.from_numpy(ya))
    loader = DataLoader(train, batch_size=args.batch_size, shuffle=True)

    net = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, args.arms))
    opt = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
    lossf = nn.CrossEntropyLoss()
    net.train()
    for epoch in range(args.epochs):
        for xs, ys in loader:
            loss = lossf(net(xs), ys)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f"epoch {epoch} last batch {loss.item():.4f}", file=sys.stderr)

    net.eval()
    with torch.no_grad():
        guess = net(torch.from_numpy(xb)).argmax(1).numpy()
    return float(np.mean(guess == yb))


if __name__ == "__main__":
    accuracy = main()
    print("accuracy", accuracy)
