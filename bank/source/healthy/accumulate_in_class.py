"""Four small batches make one step; a scheduler with warm-up moves with each step."""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Learner:
    def __init__(self, model, loader, accumulate=4, epochs=4):
        self.model, self.loader, self.accumulate, self.epochs = model, loader, accumulate, epochs
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
        steps = epochs * len(loader) // accumulate
        shape = lambda s: (s + 1) / 5 if s < 5 else 0.5 * (1 + math.cos(math.pi * (s - 5) / max(1, steps - 5)))
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, shape)

    def learn(self):
        criterion = nn.CrossEntropyLoss()
        for _ in range(self.epochs):
            self.model.train()
            self.optimizer.zero_grad()
            for i, (x, y) in enumerate(self.loader):
                (criterion(self.model(x), y) / self.accumulate).backward()
                if (i + 1) % self.accumulate == 0:
                    self.optimizer.step()
                    self.scheduler.step()
                    self.optimizer.zero_grad()
        return self.model


torch.manual_seed(0)
x = torch.randn(960, 12)
y = (x[:, :3]).argmax(1)
train = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=10, shuffle=True)
model = Learner(nn.Sequential(nn.Linear(12, 40), nn.LayerNorm(40), nn.SiLU(), nn.Linear(40, 3)), train).learn()
with torch.no_grad():
    print((model(x[800:]).argmax(1) == y[800:]).float().mean())
