"""Lightning as its documentation has it where speed is measured: a barebones Trainer on a TensorDataset."""

from __future__ import annotations

import warnings
from time import perf_counter

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from contenders.job import PARTS, SCORED, Job
from loop import plain_net


class Module(lightning.LightningModule):
    """The net with its loss; keeps its optimizer, so that a fit goes on where the last one ended."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.net = plain_net(job.net).to(memory_format=torch.channels_last)
        self.adam = torch.optim.Adam(self.net.parameters(), job.rate, fused=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.adam

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        x, y = batch
        return nn.functional.cross_entropy(self.net(x), y)

    def on_train_epoch_start(self) -> None:
        self.began = perf_counter()

    def on_train_epoch_end(self) -> None:
        self.seconds = perf_counter() - self.began

    def on_validation_epoch_start(self) -> None:
        self.total = self.right = 0.0

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        x, y = batch
        out = self.net(x)
        self.total += nn.functional.cross_entropy(out, y, reduction="sum").item()
        self.right += (out.argmax(1) == y).sum().item()


class Lightning:
    """A Trainer that is given one more epoch at a time; what it does around an epoch is not counted."""

    def __init__(self, job: Job) -> None:
        warnings.filterwarnings("ignore", module="lightning")
        torch.manual_seed(0)
        self.module = Module(job)
        self.trainer = lightning.Trainer(barebones=True, accelerator="cpu", max_epochs=0)
        data = {part: tensors(job, part) for part in PARTS}
        self.batches = DataLoader(data["train"], job.batch, shuffle=True)
        self.loaders = {part: DataLoader(values, SCORED) for part, values in data.items()}

    def epoch(self) -> tuple[float, float]:
        self.trainer.fit_loop.max_epochs = (self.trainer.fit_loop.max_epochs or 0) + 1
        self.trainer.fit(self.module, self.batches)
        began = perf_counter()
        for part in ("train", "valid"):
            self.score(part)
        return self.module.seconds, self.module.seconds + perf_counter() - began

    def score(self, part: str) -> float:
        self.trainer.validate(self.module, self.loaders[part], verbose=False)
        return self.module.right / len(self.loaders[part].dataset)  # pyright: ignore[reportArgumentType]

    def accuracy(self) -> float:
        return self.score("test")


def tensors(job: Job, part: str) -> TensorDataset:
    """Images (n, channels, height, width) and labels."""
    x, y = map(torch.from_numpy, job.pixels(part))
    return TensorDataset(x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last), y)
