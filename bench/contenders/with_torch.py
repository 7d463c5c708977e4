"""fairtrial's own run, the plain loop of `bench/loop.py`, and the loop of a tutorial."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from contenders.job import PARTS, SCORED, Job, Timed
from fairtrial.parts.inputs import apply
from loop import Ours, Plain, plain_net


class Fairtrial:
    """The whole loop, with events, evaluation, best weights and checkpoint on disk."""

    engine = "torch"

    def __init__(self, job: Job) -> None:
        self.run = Ours(job.net, job.images, self.engine, Path(job.folder) / self.engine)
        self.test = job.images_of("test")

    def epoch(self) -> tuple[float, float]:
        return self.run.epoch()

    def accuracy(self) -> float:
        images, labels = self.test
        net, stream = self.run.job.state.net, self.run.job.stream
        logits = net.numpy(net.forward(apply(net.array(images), stream.fitted)))
        return float((logits.argmax(1) == labels).mean())


class FairtrialNumpy(Fairtrial):
    """The same by the NumPy engine."""

    engine = "numpy"


class PlainLoop:
    """Images in memory as floats, one index a batch, channels_last, fused Adam."""

    def __init__(self, job: Job) -> None:
        torch.manual_seed(0)
        self.loop = Plain(job.net, job.images)
        self.test = job.pixels("test")

    def epoch(self) -> tuple[float, float]:
        return self.loop.epoch()

    @torch.no_grad()
    def accuracy(self) -> float:
        x, y = map(torch.from_numpy, self.test)
        return (self.loop.net.eval()(x.permute(0, 3, 1, 2)).argmax(1) == y).float().mean().item()


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """One PIL image at a time, made a tensor and scaled by hand, as torchvision's data sets and transforms do it."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], centred: bool) -> None:
        self.images, self.labels, self.centred = images, labels, centred

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self.images[index].squeeze())
        pixels = torch.from_numpy(np.array(image)).view(image.height, image.width, -1)
        pixels = pixels.permute(2, 0, 1).contiguous().float().div(255)
        if self.centred:
            pixels.sub_(0.5).div_(0.5)
        return pixels, int(self.labels[index])


class Tutorial(Timed):
    """A Dataset, a DataLoader, an eager net, Adam as it comes."""

    def __init__(self, job: Job) -> None:
        torch.manual_seed(0)
        parts = {part: Pictures(*job.images_of(part), job.centred) for part in PARTS}
        self.batches = DataLoader(parts["train"], job.batch, shuffle=True)
        self.loaders = {part: DataLoader(pictures, SCORED) for part, pictures in parts.items()}
        self.net = plain_net(job.net)
        self.optimizer = torch.optim.Adam(self.net.parameters(), job.rate)
        self.loss = nn.CrossEntropyLoss()

    def fit(self) -> None:
        self.net.train()
        total = 0.0
        for x, y in self.batches:
            self.optimizer.zero_grad()
            loss = self.loss(self.net(x), y)
            loss.backward()
            self.optimizer.step()
            total += loss.item()

    @torch.no_grad()
    def score(self, part: str) -> float:
        self.net.eval()
        total = right = 0.0
        for x, y in self.loaders[part]:
            out = self.net(x)
            total += self.loss(out, y).item() * len(y)
            right += (out.argmax(1) == y).sum().item()
        return right / len(self.loaders[part].dataset)  # pyright: ignore[reportArgumentType]
