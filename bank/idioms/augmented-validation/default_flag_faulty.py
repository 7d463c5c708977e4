from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

cfg = SimpleNamespace(length=48, n_train=1200, n_valid=400, classes=4, bs=40, epochs=8, lr=3e-3, seed=5)


class Signals(Dataset):
    """one-dimensional signals: four wave forms"""

    def __init__(self, n, seed, augment=True):
        rng = np.random.default_rng(seed)
        t = np.linspace(0, 1, cfg.length)
        self.labels = rng.integers(0, cfg.classes, n)
        phase, freq = rng.uniform(0, 1, (n, 1)), rng.uniform(3, 4, (n, 1))
        cycle = (t * freq + phase) % 1.0
        waves = [np.sin(2 * np.pi * cycle), np.sign(cycle - 0.5), 2 * cycle - 1, 1 - 4 * np.abs(cycle - 0.5)]
        self.signals = np.choose(self.labels[:, None], waves) + rng.normal(0, 0.15, (n, cfg.length))
        self.signals = (self.signals / 0.72).astype(np.float32)
        self.augment = augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        s = torch.from_numpy(self.signals[i])
        if self.augment:
            s = torch.roll(s, int(torch.randint(0, cfg.length, (1,))))
            s = s + 0.4 * torch.randn_like(s)
        return s.unsqueeze(0), int(self.labels[i])


def make_model():
    return nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(16, 24, 5, padding=2), nn.BatchNorm1d(24), nn.ReLU(),
        nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(24, cfg.classes))


torch.manual_seed(cfg.seed)
train_dl = DataLoader(Signals(cfg.n_train, 1), batch_size=cfg.bs, shuffle=True)
valid_dl = DataLoader(Signals(cfg.n_valid, 2), batch_size=cfg.bs)  # <- fault
model = make_model()
opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=3 * cfg.lr, total_steps=cfg.epochs * len(train_dl))
for epoch in range(cfg.epochs):
    model.train()
    for x, y in train_dl:
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    model.eval()
    with torch.no_grad():
        outs = [(model(x).argmax(1) == y).float() for x, y in valid_dl]  # <- fault
    accuracy = torch.cat(outs).mean().item()
    print(epoch, loss.item(), accuracy)
