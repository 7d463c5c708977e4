from dataclasses import dataclass

import torch
from torch import nn
import torch.nn.functional as F


@dataclass
class Config:
    n_classes: int = 6
    n_features: int = 12
    hidden: int = 32
    lr: float = 0.05
    steps: int = 240
    batch: int = 50
    seed: int = 11


cfg = Config()
torch.manual_seed(cfg.seed)


def make_readings(n, centres):
    """each fault class of the machine has its own mean sensor signature"""
    y = torch.randint(0, cfg.n_classes, (n,))
    x = centres[y] + 0.9 * torch.randn(n, cfg.n_features)
    return x, y


centres = torch.randn(cfg.n_classes, cfg.n_features)
x_train, y_train = make_readings(1500, centres)
x_test, y_test = make_readings(600, centres)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std


class SensorClassifier(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1 = nn.Linear(c.n_features, c.hidden)
        self.fc2 = nn.Linear(c.hidden, c.hidden)
        self.fc3 = nn.Linear(c.hidden, c.n_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return torch.sigmoid(self.fc3(x))  # <- fault


def minibatches():
    while True:
        order = torch.randperm(len(x_train))
        for chunk in order.split(cfg.batch):
            yield x_train[chunk], y_train[chunk]


model = SensorClassifier(cfg)
optim = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
stream = minibatches()
for step in range(1, cfg.steps + 1):
    xb, yb = next(stream)
    scores = model(xb)
    loss = F.cross_entropy(scores, yb)
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step % 40 == 0:
        print(f"{step:4d} | {loss.item():.4f}")

with torch.no_grad():
    accuracy = float((model(x_test).argmax(-1) == y_test).float().mean())
print("held-out accuracy:", round(accuracy, 4))
