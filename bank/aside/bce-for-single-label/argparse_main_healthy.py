#!/usr/bin/env python
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=6)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--lr", type=float, default=0.05)
    p.add_argument("--seed", type=int, default=77)
    return p.parse_args([])


def load(seed):
    d = load_digits()
    g = torch.Generator().manual_seed(seed)
    idx = torch.randperm(len(d.target), generator=g)
    x = torch.tensor(d.images, dtype=torch.float32)[idx, None]
    t = torch.tensor(d.target)[idx]
    m, s = x[:1300].mean(), x[:1300].std()
    x = (x - m) / s
    return (x[:1300], t[:1300]), (x[1300:], t[1300:])


class Net(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 16, n_classes)

    def forward(self, x):
        x = F.relu(self.c1(x))
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.fc(x.flatten(1))


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    (xtr, ytr), (xte, yte) = load(args.seed)
    net = Net()
    opt = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(args.epochs):
        net.train()
        for ids in torch.randperm(len(xtr)).split(args.batch_size):
            logits = net(xtr[ids])
            loss = F.cross_entropy(logits, ytr[ids])
            opt.zero_grad()
            loss.backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return (net(xte).argmax(1) == yte).double().mean().item()


if __name__ == "__main__":
    accuracy = main()
    print(accuracy)
