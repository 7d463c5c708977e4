"""What a study costs over its runs, and what a second worker brings.

    python bench/study.py [--runs 200] [--repeats 5]

*own cost* is the wall time of a serial study of tiny runs on a real disk, less the time of the same runs made one by
one with `fairtrial.run` into another folder; both in turn, in pieces of 20 runs. *disk* is what the same runs take
less without one: made in memory. *speed-up* is the time that a study of runs of some seconds takes with one worker
over that with two.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from fairtrial.api import make
from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, MemoryStore, Store
from fairtrial.study.plan import Study, make_study

TINY = Recipe(model="linear", engine="numpy", epochs=1, batch=512)
PIECE = 20  # runs timed in turn
LONG = Recipe(model="cnn2", epochs=100)


def study(base: Recipe, first: int, seeds: int) -> Study:
    """Two arms, so many seeds from a first one on."""
    return make_study("bench", base.but(seed=first), {"lr": [0.1, 0.2]}, seeds)


def alone(base: Recipe, first: int, seeds: int, store: Store) -> float:
    """Seconds of the study's runs without a study."""
    began = perf_counter()
    for _, recipe in study(base, first, seeds).recipes():
        run(recipe, store)
    return perf_counter() - began


def together(base: Recipe, first: int, seeds: int, store: Store, **how: object) -> float:
    """Seconds of the study."""
    began = perf_counter()
    make(study(base, first, seeds), store, **how)  # pyright: ignore[reportArgumentType]
    return perf_counter() - began


def told(name: str, values: list[float], unit: str) -> None:
    """The median with the extremes."""
    ends = f"{min(values):.2f} to {max(values):.2f}, n = {len(values)}"
    print(f"{name:34} {statistics.median(values):7.2f} {unit}  ({ends})")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: the system's for temporary files")
    asked = parser.parse_args()
    seeds = PIECE // 2
    together(TINY, 0, seeds, MemoryStore(), executor="serial")  # imports
    own, disk = [], []
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for first in range(0, asked.runs // 2, seeds):
            made = together(TINY, first, seeds, FolderStore(f"{folder}/study"), executor="serial")
            plain = alone(TINY, first, seeds, FolderStore(f"{folder}/alone"))
            own.append(1000 * (made - plain) / PIECE)
            disk.append(1000 * (plain - alone(TINY, first, seeds, MemoryStore())) / PIECE)
    told("own cost of a study, a run", own, "ms")
    told("disk, a run", disk, "ms")
    ratios: list[float] = []
    for _ in range(asked.repeats):
        with tempfile.TemporaryDirectory() as folder:
            one, two = (together(LONG, 0, 5, FolderStore(f"{folder}/{jobs}"), jobs=jobs) for jobs in (1, 2))
            ratios.append(one / two)
    told("two workers over one, throughput", ratios, "times")


if __name__ == "__main__":
    main()
