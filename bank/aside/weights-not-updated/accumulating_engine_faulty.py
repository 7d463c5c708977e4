"""Small engine with gradient accumulation for the 8x8 digits."""
from dataclasses import dataclass, field

import torch
from torch import nn
from sklearn.datasets import load_digits


@dataclass
class EngineConfig:
    epochs: int = 14
    batch_size: int = 64
    accumulate: int = 32  # <- fault
    lr: float = 3e-3
    widths: tuple = (64, 96, 48, 10)


@dataclass
class Engine:
    cfg: EngineConfig
    net: nn.Module
    history: list = field(default_factory=list)

    def __post_init__(self):
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=self.cfg.lr)
        self.criterion = nn.CrossEntropyLoss()

    def run_epoch(self, loader):
        self.net.train()
        running = 0.0
        self.opt.zero_grad()
        for i, (xb, yb) in enumerate(loader):
            loss = self.criterion(self.net(xb), yb)
            (loss / self.cfg.accumulate).backward()
            running += loss.item()
            if (i + 1) % self.cfg.accumulate == 0:  # <- fault
                self.opt.step()  # <- fault
                self.opt.zero_grad()
        self.history.append(running / len(loader))

    @torch.inference_mode()
    def score(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()


def mlp(widths):
    blocks = []
    for a, b in zip(widths[:-2], widths[1:-1]):
        blocks += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*blocks, nn.Linear(widths[-2], widths[-1]))


torch.manual_seed(11)
digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
Y = torch.tensor(digits.target)
order = torch.randperm(len(X))
tr, te = order[:1280], order[1280:]
mu, sd = X[tr].mean(), X[tr].std()
X = (X - mu) / sd
cfg = EngineConfig()
engine = Engine(cfg, mlp(cfg.widths))
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(X[tr], Y[tr]), batch_size=cfg.batch_size, shuffle=True)
for _ in range(cfg.epochs):
    engine.run_epoch(loader)
print("loss", [round(v, 3) for v in engine.history[::4]])
accuracy = engine.score(X[te], Y[te])
print("test", accuracy)
