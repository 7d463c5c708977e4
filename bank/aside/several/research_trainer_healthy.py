import copy
import dataclasses
from typing import Any, Dict, Tuple
import torch
from torch import nn, Tensor


@dataclasses.dataclass(frozen=True)
class Hyper:
    seed: int = 3
    n: int = 1800
    seq: int = 10
    d_in: int = 6
    d_model: int = 24
    heads: int = 2
    classes: int = 3
    epochs: int = 10
    batch: int = 50
    lr: float = 2e-3


def synthetic(h: Hyper) -> Tuple[Tensor, Tensor]:
    x = torch.randn(h.n, h.seq, h.d_in)
    y = torch.randint(h.classes, (h.n,))
    spot = torch.randint(h.seq, (h.n,))
    pattern = 3.6 * torch.eye(h.d_in)[: h.classes]
    x[torch.arange(h.n), spot] += pattern[y]
    return x, y


class Encoder(nn.Module):
    def __init__(self, h: Hyper) -> None:
        super().__init__()
        self.proj = nn.Linear(h.d_in, h.d_model)
        self.layer = nn.TransformerEncoderLayer(h.d_model, h.heads, 48, dropout=0.0, batch_first=True, norm_first=True)
        self.cls = nn.Linear(h.d_model, h.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.cls(self.layer(self.proj(x)).amax(dim=1))


class Trainer:
    def __init__(self, h: Hyper, model: nn.Module) -> None:
        self.h, self.model = h, model
        trainable = list(model.parameters())
        self.opt = torch.optim.AdamW(trainable, lr=h.lr)
        self.best: Dict[str, Any] = {"loss": float("inf"), "state": None}

    def epoch(self, x: Tensor, y: Tensor) -> None:
        self.model.train()
        for b in torch.randperm(len(x)).split(self.h.batch):
            self.opt.zero_grad()
            nn.functional.cross_entropy(self.model(x[b]), y[b]).backward()
            self.opt.step()

    @torch.no_grad()
    def validate(self, x: Tensor, y: Tensor) -> float:
        self.model.eval()
        loss = nn.functional.cross_entropy(self.model(x), y).item()
        if loss < self.best["loss"]:
            self.best = {"loss": loss, "state": copy.deepcopy(self.model.state_dict())}
        return loss

    @torch.no_grad()
    def test(self, x: Tensor, y: Tensor) -> float:
        self.model.load_state_dict(self.best["state"])
        self.model.eval()
        return (self.model(x).argmax(-1) == y).float().mean().item()


h = Hyper()
torch.manual_seed(h.seed)
x, y = synthetic(h)
trainer = Trainer(h, Encoder(h))
for e in range(h.epochs):
    trainer.epoch(x[:1200], y[:1200])
    print(f"{e}: {trainer.validate(x[1200:1500], y[1200:1500]):.4f}")
accuracy = trainer.test(x[1500:], y[1500:])
print(f"{accuracy=:.4f}")
