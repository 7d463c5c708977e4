"""Which of six motifs is hidden in a noisy signal?  A GRU reads it step by step."""
from dataclasses import dataclass
import math
import torch
from torch import nn, Tensor
import torch.nn.functional as F


@dataclass
class Config:
    classes: int = 6
    steps: int = 16
    hidden: int = 32
    n_train: int = 768
    n_test: int = 300
    batch: int = 48
    accumulate: int = 2
    epochs: int = 22
    lr: float = 8e-3
    seed: int = 11


def sample_signals(cfg: Config, n: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    label = torch.randint(cfg.classes, (n,), generator=g)
    t = torch.linspace(0, 2 * math.pi, cfg.steps)
    freq = 1 + label.div(2, rounding_mode="floor").float()
    phase = (label % 2).float() * math.pi / 2
    wave = torch.sin(freq[:, None] * t + phase[:, None])
    return (wave + 0.3 * torch.randn(n, cfg.steps, generator=g)).unsqueeze(-1), label


class MotifReader(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.rnn = nn.GRU(1, cfg.hidden, batch_first=True)
        self.norm = nn.LayerNorm(cfg.hidden)
        self.readout = nn.Linear(cfg.hidden, cfg.classes)

    def forward(self, s: Tensor) -> Tensor:
        _, last = self.rnn(s)
        return self.readout(self.norm(last[0]))


def fit(model: nn.Module, x: Tensor, y: Tensor, cfg: Config, g: torch.Generator) -> None:
    optimizer = torch.optim.RAdam(model.parameters(), lr=cfg.lr)
    for _ in range(cfg.epochs):
        chunks = torch.randperm(len(x), generator=g).split(cfg.batch)
        optimizer.zero_grad()
        for i, idx in enumerate(chunks, start=1):
            scores = model(x[idx])
            (F.cross_entropy(scores, y[idx]) / cfg.accumulate).backward()
            if i % cfg.accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()


cfg = Config()
torch.manual_seed(cfg.seed)
gen = torch.Generator().manual_seed(cfg.seed)
x_train, y_train = sample_signals(cfg, cfg.n_train, gen)
x_test, y_test = sample_signals(cfg, cfg.n_test, gen)
reader = MotifReader(cfg)
fit(reader, x_train, y_train, cfg, gen)
reader.eval()
with torch.no_grad():
    accuracy = (reader(x_test).argmax(-1) == y_test).float().mean().item()
print(cfg, "->", accuracy)
