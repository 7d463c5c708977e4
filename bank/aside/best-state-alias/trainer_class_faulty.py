import copy
from dataclasses import dataclass, field

import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset, random_split


@dataclass
class Config:
    seed: int = 32
    epochs: int = 14
    batch_size: int = 32
    lr: float = 2e-3
    hidden: list = field(default_factory=lambda: [128, 64])


class Trainer:
    def __init__(self, cfg, model, loaders):
        self.cfg, self.model, self.loaders = cfg, model, loaders
        self.opt = torch.optim.RMSprop(model.parameters(), lr=cfg.lr)
        self.loss = nn.CrossEntropyLoss()
        self.best_acc, self.best_state = -1.0, None

    def train_epoch(self):
        self.model.train()
        for x, y in self.loaders["train"]:
            self.opt.zero_grad()
            self.loss(self.model(x), y).backward()
            self.opt.step()

    @torch.no_grad()
    def evaluate(self, split):
        self.model.eval()
        right = total = 0
        for x, y in self.loaders[split]:
            right += (self.model(x).argmax(1) == y).sum().item()
            total += y.numel()
        return right / total

    def fit(self):
        for _ in range(self.cfg.epochs):
            self.train_epoch()
            acc = self.evaluate("val")
            if acc > self.best_acc:
                self.best_acc = acc
                self.best_state = self.model.state_dict()  # <- fault
        self.model.load_state_dict(self.best_state)
        return self


cfg = Config()
torch.manual_seed(cfg.seed)
X, y = make_classification(1300, 20, n_informative=8, n_redundant=4, n_classes=3, flip_y=0.05,
                           class_sep=1.2, random_state=cfg.seed)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X[:500].mean(0)) / X[:500].std(0)
parts = random_split(TensorDataset(X, torch.tensor(y)), [500, 300, 500])
loaders = {n: DataLoader(p, cfg.batch_size if n == "train" else 500, shuffle=n == "train")
           for n, p in zip(("train", "val", "test"), parts)}
h1, h2 = cfg.hidden
model = nn.Sequential(nn.Linear(20, h1), nn.ReLU(), nn.Dropout(0.2), nn.Linear(h1, h2), nn.ReLU(), nn.Linear(h2, 3))
trainer = Trainer(cfg, model, loaders).fit()
accuracy = trainer.evaluate("test")
print(f"best val {trainer.best_acc:.4f}, test {accuracy:.4f}")
