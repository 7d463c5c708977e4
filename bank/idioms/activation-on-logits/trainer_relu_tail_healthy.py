import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, random_split


class Digits(Dataset):
    def __init__(self):
        d = load_digits()
        self.x = (d.data.astype(np.float32) - 4.88) / 6.02
        self.y = d.target.astype(np.int64)

    def __len__(self):
        return self.y.shape[0]

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), int(self.y[i])


def mlp(sizes):
    stack = nn.Sequential()
    for k, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
        stack.add_module(f"fc{k}", nn.Linear(a, b))
        if k < len(sizes) - 2:
            stack.add_module(f"act{k}", nn.ReLU())
    return stack


class Trainer:
    def __init__(self, model, args):
        self.model, self.args = model, args
        self.optim = torch.optim.RMSprop(model.parameters(), lr=args.lr)
        self.loss = nn.CrossEntropyLoss()

    def fit(self, loader):
        for ep in range(self.args.epochs):
            self.model.train()
            total = 0.0
            for x, y in loader:
                self.optim.zero_grad()
                loss = self.loss(self.model(x), y)
                loss.backward()
                self.optim.step()
                total += float(loss.detach())
            print(f"[{ep}] {total / len(loader):.4f}")
        return self

    @torch.no_grad()
    def score(self, loader):
        self.model.eval()
        right = [(self.model(x).argmax(1) == y) for x, y in loader]
        return torch.cat(right).float().mean().item()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--epochs", type=int, default=6)
    ap.add_argument("--batch", type=int, default=40)
    args = ap.parse_args([])
    torch.manual_seed(0)
    data = Digits()
    tr, te = random_split(data, [1397, 400], generator=torch.Generator().manual_seed(0))
    net = mlp([64, 96, 64, 10])
    trainer = Trainer(net, args).fit(DataLoader(tr, args.batch, shuffle=True))
    accuracy = trainer.score(DataLoader(te, 200))
    print("accuracy", accuracy)
