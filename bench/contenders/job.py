"""What every contender is given, and what the parent asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fairtrial.spec.arch import Arch
from fairtrial.spec.arch_text import read_arch

PARTS = ("train", "valid", "test")
SCORED = 512  # images scored at once, as fairtrial and the plain loop do


@dataclass(frozen=True)
class Job:
    """A net and its recipe; the images lie in `folder` as `PART.npy`, their labels as `PART-labels.npy`."""

    net: str
    layers: str
    images: int  # for training
    batch: int
    rate: float
    centred: bool  # pixels in -1 to 1, not in 0 to 1
    folder: str

    @property
    def arch(self) -> Arch:
        """The same layers for every contender whose net is not written in torch."""
        return read_arch(self.layers)

    def images_of(self, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images (n, height, width, channels) and labels."""
        folder = Path(self.folder)
        return np.load(folder / f"{part}.npy"), np.load(folder / f"{part}-labels.npy")

    def pixels(self, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The same as numbers that a net is fed with."""
        images, labels = self.images_of(part)
        x = np.divide(images, 255, dtype=np.float32)
        return ((x - np.float32(0.5)) / np.float32(0.5) if self.centred else x), labels


class Contender(Protocol):
    """A training loop that can be advanced by one epoch at a time."""

    def epoch(self) -> tuple[float, float]:
        """Seconds of the training steps, and of the whole epoch with the scores of training and validation part."""
        ...

    def accuracy(self) -> float:
        """On the test part, of the weights as they are now."""
        ...


class Timed:
    """A contender made of one epoch of training and the accuracy, with loss, on a part in eval mode."""

    def fit(self) -> None:
        raise NotImplementedError

    def score(self, part: str) -> float:
        raise NotImplementedError

    def epoch(self) -> tuple[float, float]:
        began = perf_counter()
        self.fit()
        fitted = perf_counter()
        for part in ("train", "valid"):
            self.score(part)
        return fitted - began, perf_counter() - began

    def accuracy(self) -> float:
        return self.score("test")
