import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

CONFIG = {
  "model": {"channels": [8, 16], "kernel": 3},
  "optim": {"name": "SGD", "kwargs": {"lr": 3e-2, "momentum": 0.9}},
  "data": {"batch_size": 50, "held_out": 397},
  "epochs": 6, "seed": 12
}


def build_model(channels, kernel):
    parts, last = [], 1
    for c in channels:
        parts += [nn.Conv2d(last, c, kernel, padding=kernel // 2), nn.GroupNorm(4, c), nn.ReLU(), nn.MaxPool2d(2)]
        last = c
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(last * 4, 10))


def main(cfg):
    torch.manual_seed(cfg["seed"])
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    full = TensorDataset((images - 0.3053) / 0.3761, torch.tensor(bunch.target))
    held = cfg["data"]["held_out"]
    train, test = random_split(full, [len(full) - held, held])
    model = build_model(**cfg["model"])
    opt = getattr(torch.optim, cfg["optim"]["name"])(model.parameters(), **cfg["optim"]["kwargs"])
    for epoch in range(cfg["epochs"]):
        model.train()
        losses = []
        for x, y in DataLoader(train, cfg["data"]["batch_size"], shuffle=True):
            loss = nn.functional.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        print(epoch, np.mean(losses))
    model.eval()
    with torch.no_grad():
        x, y = next(iter(DataLoader(test, held)))
        return (model(x).argmax(1) == y).float().mean().item()


accuracy = main(CONFIG)
print("accuracy", accuracy)
