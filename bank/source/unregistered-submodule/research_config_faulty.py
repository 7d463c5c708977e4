"""Research code: a config, registries of builders, layers from a list of widths."""

from dataclasses import dataclass, field
from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Config:
    widths: list = field(default_factory=lambda: [12, 48, 48, 4])
    activation: str = "gelu"
    optimizer: str = "adamw"
    lr: float = 3e-3
    steps: int = 120
    batch: int = 64


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}
OPTIMIZERS = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}


class MLP(nn.Module):
    def __init__(self, widths, activation):
        super().__init__()
        pairs = list(zip(widths[:-2], widths[1:-1]))
        self.hidden = [nn.Linear(a, b) for a, b in pairs]  # <- fault
        self.act = activation()
        self.out = nn.Linear(widths[-2], widths[-1])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.out(x)


def make_task(n: int, generator: torch.Generator):
    x = torch.randn(n, 12, generator=generator)
    w = torch.randn(12, 4, generator=generator)
    return x, torch.tanh(x @ w).argmax(-1)


def run(cfg: Config) -> float:
    g = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    x, y = make_task(1500, g)
    model = MLP(cfg.widths, ACTIVATIONS[cfg.activation])
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr)

    def step(batch_x: Tensor, batch_y: Tensor) -> Tensor:
        loss = F.cross_entropy(model(batch_x), batch_y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        return loss.detach()

    history = []
    for _ in range(cfg.steps):
        pick = torch.randint(0, 1200, (cfg.batch,), generator=g)
        history.append(step(x[pick], y[pick]))
    model.eval()
    with torch.inference_mode():
        hits = (model(x[1200:]).argmax(-1) == y[1200:]).sum()
    print(f"last loss {history[-1]:.3f}")
    return hits.item() / 300


if __name__ == "__main__":
    print(f"accuracy {run(Config()):.3f}")
