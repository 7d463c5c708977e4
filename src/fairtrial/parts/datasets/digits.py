"""The 1,797 handwritten digits of 8x8 pixels that scikit-learn carries: a data set that needs no download."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from fairtrial.parts.datasets.dataset import Facts, pick
from fairtrial.parts.datasets.reading import Chunk, Reading, key_of
from fairtrial.parts.datasets.source import Remote
from fairtrial.rng import rng
from fairtrial.spec.errors import DataError

BRIGHTEST = 16
TEST_IMAGES = 360
# The test part is the same for every run: it hangs on this seed, never on the run's.
TEST_SEED = 0


@dataclass(frozen=True)
class Digits:
    """The embedded digits, 0..16 stretched to 0..255; 360 of them, stratified, are always the test part."""

    name: str
    facts: Facts
    files: tuple[Remote, ...] = ()

    def missing(self, folder: Path) -> tuple[Remote, ...]:
        return ()

    def reading(self, folder: Path) -> Reading:
        path = embedded()
        return Reading(self.name, path, key_of([path]), tuple("0123456789"), lambda: _chunks(path))


def embedded() -> Path:
    """scikit-learn's file, found without importing scikit-learn: that would take most of a second."""
    found = find_spec("sklearn")
    for place in found.submodule_search_locations or () if found else ():
        path = Path(place) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return path
    raise DataError("digits: scikit-learn's datasets/data/digits.csv.gz is not there; install scikit-learn again")


def _chunks(path: Path) -> Iterator[Chunk]:
    with gzip.open(path, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    labels = table[:, -1].astype(np.int64)
    images = np.round(table[:, :-1] * (255 / BRIGHTEST)).astype(np.uint8).reshape(-1, 8, 8, 1)
    test = pick(labels, TEST_IMAGES, rng(TEST_SEED, "split", place=1))
    yield Chunk(images[~test], labels[~test], test=False)
    yield Chunk(images[test], labels[test], test=True)
