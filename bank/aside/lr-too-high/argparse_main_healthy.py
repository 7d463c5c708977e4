#!/usr/bin/env python
import argparse

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits


def get_args(argv=None):
    parser = argparse.ArgumentParser(description="digits classifier")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--hidden", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--seed", type=int, default=123)
    return parser.parse_args(argv)


def make_model(hidden):
    layers, width = [], 64
    for h in hidden:
        layers.extend([nn.Linear(width, h), nn.ReLU()])
        width = h
    layers.append(nn.Linear(width, 10))
    return nn.Sequential(*layers)


def train_epoch(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for data, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
        total += loss.item() * data.size(0)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    hits = sum((model(d).argmax(1) == t).sum().item() for d, t in loader)
    return hits / len(loader.dataset)


def main(argv=None):
    args = get_args(argv)
    torch.manual_seed(args.seed)
    digits = load_digits()
    features = torch.tensor(digits.data, dtype=torch.float32).div(16).sub(0.305).div(0.376)
    dataset = TensorDataset(features, torch.tensor(digits.target))
    train_set, test_set = random_split(dataset, [1408, 389])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)
    model = make_model(args.hidden)
    optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)
    for epoch in range(args.epochs):
        loss = train_epoch(model, train_loader, optimizer, nn.CrossEntropyLoss())
        print(f"epoch {epoch + 1}: train loss {loss:.4f}")
    return evaluate(model, test_loader)


if __name__ == "__main__":
    accuracy = main([])
    print(f"test accuracy {accuracy:.4f}")
