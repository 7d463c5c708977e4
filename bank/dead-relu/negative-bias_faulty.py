"""A trainer class around a deeper net, with a schedule."""

import copy

import torch
from torch import nn, optim


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU())

    def forward(self, x):
        return x + self.inner(x)


class Model(nn.Module):
    def __init__(self, features=16, width=32, classes=6):
        super().__init__()
        self.stem = nn.Linear(features, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(2)])
        nn.init.constant_(self.stem.bias, -30.0)  # <- fault
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        h = torch.relu(self.stem(x))  # <- fault
        for block in self.blocks:
            h = block(h)
        return self.head(h)


class Trainer:
    def __init__(self, model, train, valid, test):
        self.model, self.train_part, self.valid_part, self.test_part = model, train, valid, test
        self.optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
        self.scheduler = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=5)
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.best, self.best_accuracy = None, -1.0

    def epoch(self):
        self.model.train()
        x, y = self.train_part
        for rows in torch.randperm(len(x)).split(40):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.model(x[rows]), y[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
        self.scheduler.step()

    @torch.no_grad()
    def accuracy(self, part):
        self.model.eval()
        x, y = part
        return (self.model(x).argmax(-1) == y).float().mean().item()

    def fit(self, epochs):
        for epoch in range(epochs):
            self.epoch()
            score = self.accuracy(self.valid_part)
            if score > self.best_accuracy:
                self.best_accuracy = score
                self.best = copy.deepcopy(self.model.state_dict())
            print(f"{epoch}: {score:.3f}")
        self.model.load_state_dict(self.best)
        print(f"test {self.accuracy(self.test_part):.3f}")


def data(seed=3):
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(6, 16, generator=g) * 1.5
    y = torch.randint(0, 6, (1200,), generator=g)
    x = centres[y] + torch.randn(1200, 16, generator=g)
    return (x[:800], y[:800]), (x[800:1000], y[800:1000]), (x[1000:], y[1000:])


if __name__ == "__main__":
    torch.manual_seed(3)
    model = Model()
    Trainer(model, *data()).fit(5)
