"""A data set is one array of uint8 images, its labels and class names; training rows come first, test rows last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtrial.rng import rng
from fairtrial.spec.errors import UsageError

Images = NDArray[np.uint8]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Facts:
    """What is known of a data set before its images are read; shape is (channels, height, width)."""

    shape: tuple[int, int, int]
    classes: int


@dataclass(frozen=True)
class Bad:
    """A file that cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers into the images of a data set, each ascending."""

    train: Rows
    valid: Rows
    test: Rows


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images uint8 (n, height, width, channels), labels int64 (n,); rows from `test_from` on are the test part.

    `fingerprint` is a SHA-256 over everything that decides a result; `notes` say what was converted or left out.
    """

    name: str
    images: Images
    labels: Rows
    classes: tuple[str, ...]
    test_from: int
    fingerprint: str
    notes: tuple[str, ...] = ()
    skipped: tuple[Bad, ...] = ()
    key: str = ""  # of a folder, changes whenever its files may have changed

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        _, height, width, channels = self.images.shape
        return channels, height, width

    def split(self, seed: int, valid: float, images: int = 0) -> Split:
        """Take the validation part out of the training part: a share below 1, or a whole number of images.

        Each class gives its proportional part. The same seed draws the images of a class in the same order whatever
        `valid` is: two validation parts of different size share what both can hold. Of what is left for training only
        so many `images` are taken, if it is not 0; those of a smaller number are among those of a larger one.
        """
        labels = self.labels[: self.test_from]
        chosen = pick(labels, _count(valid, self.test_from), rng(seed, "split"))
        train = np.flatnonzero(~chosen)
        if images > len(train):
            raise UsageError(f"images={images}: the training part has {len(train)}")
        if images:
            train = np.sort(train[balanced(labels[train], rng(seed, "split", place=1))[:images]])
        return Split(
            train=train,
            valid=np.flatnonzero(chosen),
            test=np.arange(self.test_from, len(self.labels), dtype=np.int64),
        )


def pick(labels: Rows, count: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Mark `count` rows at random, each class in proportion to its size."""
    chosen = np.zeros(len(labels), dtype=np.bool_)
    values, sizes = np.unique(labels, return_counts=True)
    for value, take in zip(values, _shares(sizes.astype(np.int64), count), strict=True):
        rows = generator.permutation(np.flatnonzero(labels == value))
        chosen[rows[:take]] = True
    return chosen


def balanced(labels: Rows, generator: np.random.Generator) -> Rows:
    """All rows at random, in an order of which every beginning has each class in proportion to its size.

    The k-th row of a class of n stands at (k - 1/2) / n, which is Sainte-Laguë's way of giving out seats.
    """
    places = np.empty(len(labels))
    for value in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == value))
        places[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.argsort(places, kind="stable").astype(np.int64)


def _shares(sizes: Rows, count: int) -> Rows:
    """How many of `count` each class gives: whole parts first, what is left to the largest remainders."""
    total = max(int(sizes.sum()), 1)
    shares, rest = np.divmod(sizes * count, total)
    largest = np.argsort(-rest, kind="stable")[: count - int(shares.sum())]
    shares[largest] += 1
    return shares


def _count(valid: float, total: int) -> int:
    """The validation part as a number of images."""
    count = round(valid * total) if 0 < valid < 1 else valid
    if not 0 <= count < total or count != int(count):
        raise UsageError(f"valid={valid}: give a share from 0 to below 1, or a whole number below {total}")
    if valid and not count:
        raise UsageError(
            f"valid={valid:g} of {total} images leaves none for validation; the least share is {1 / total:.2g}"
        )
    return int(count)
