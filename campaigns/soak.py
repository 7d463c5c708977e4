"""Thousands of short runs in one process, and in a study's worker: its memory and its open files must not grow.

    python campaigns/soak.py [--minutes 24] [--seed 0]

A third of the time each on the NumPy engine, on the torch engine, and in one worker process that is handed bundles of
both. A run in this process is trained to its end, or stopped and gone on with, or goes on from the state before the
newest since that is damaged, or diverges, or meets a disk that fails; then its record is read, its weights score
images, it is diagnosed and its folder is removed. Resident memory and descriptors are noted once a second, and printed
for each 250 runs. After 1,500 runs memory may grow by 1 % between the first and the last fifth of the notes; no
descriptor may stay; a run that ends in any other way than it should is counted. Needs /proc: Linux.

The 1,500 runs are there for a step of 2 to 3 MB, which is Python's own: pathlib interns the names of files, and the
table of interned strings, in which those that are gone leave gaps, doubles when it is made anew. It may do so again.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from disk import Failing, Silent
from kills import NETS
from watched_disk import Watched

from fairtrial.doctor.records import diagnose
from fairtrial.parts.datasets import load
from fairtrial.runner import run
from fairtrial.spec.errors import OutOfResources
from fairtrial.spec.recipe import make_recipe
from fairtrial.store import FolderStore, generations
from fairtrial.study.execute import Processes, Task

MOST_GROWTH, WARMING, EACH = 0.01, 1500, 250  # the last two are runs
PAGE = os.sysconf("SC_PAGE_SIZE")
SIZE = {"data": "digits", "images": 256, "batch": 64, "epochs": 2, "save_every": 2}
ENDS = {"alone": "finished", "stopped": "finished", "damaged": "finished", "diverging": "diverged", "full": "6"}


@dataclass
class Notes:
    """Of a process, once a second: runs that it has made, bytes of resident memory, open descriptors."""

    process: int = field(default_factory=os.getpid)
    taken: list[tuple[int, int, int]] = field(default_factory=list)

    def take(self, runs: int) -> None:
        gc.collect()  # a map of images may wait for it
        folder = Path("/proc", str(self.process))
        resident = int((folder / "statm").read_text().split()[1]) * PAGE
        self.taken.append((runs, resident, len(list((folder / "fd").iterdir()))))

    @property
    def curve(self) -> dict[int, int]:
        """Resident bytes by runs, from note to note as many as are told."""
        told: dict[int, int] = {}
        for runs, resident, _ in self.taken:
            told.setdefault(runs // EACH * EACH, resident)
        return told

    @property
    def steady(self) -> list[tuple[int, int]]:
        """Runs and resident bytes, once it is warm."""
        return [(runs, resident) for runs, resident, _ in self.taken if runs >= WARMING]

    @property
    def memory(self) -> tuple[float, float]:
        """Median of resident bytes in the first and in the last fifth."""
        resident = [each for _, each in self.steady]
        fifth = max(1, len(resident) // 5)
        return median(resident[:fifth]), median(resident[-fifth:])

    @property
    def slope(self) -> float:
        """Bytes a run, by least squares."""
        runs, resident = zip(*self.steady, strict=True)
        return float(np.polyfit(runs, resident, 1)[0])

    @property
    def descriptors(self) -> int:
        """How many more there are in the end."""
        return self.taken[-1][2] - self.taken[0][2]


def one(engine: str, number: int, root: Path, chance: random.Random) -> tuple[str, str]:
    """What was done to a run, and how it ended."""
    how = chance.choice(list(ENDS))
    given = {**chance.choice(list(NETS.values())), **SIZE, "engine": engine, "seed": number, "patience": 0}
    recipe, store = make_recipe({**given, **({"lr": 1e30, "clip": 0} if how == "diverging" else {})}), FolderStore(root)
    if how == "full":
        failing = Watched(root, Failing(chance.randint(1, 30), 28, lasting=True, half=False))
        try:
            run(recipe, FolderStore(root, failing), watch=Silent())
        except OutOfResources as error:
            return how, str(error.exit_code)
        return how, "6"  # it needed fewer operations
    record = run(recipe, store, watch=Silent(), until=how in ("stopped", "damaged"))
    if how == "damaged":
        (root / record.name / generations(store, record.name)[0]).write_bytes(b"")
    if how in ("stopped", "damaged"):
        record = run(recipe, store, watch=Silent())
    if how != "diverging":
        record.outputs(load("digits").images[:64])
    diagnose(record)
    return how, record.end.reason if record.end else "unfinished"


def alone(engine: str, chance: random.Random) -> Iterator[list[str]]:
    """Runs in this process for ever, and what was unexpected."""
    number = 0
    while True:
        with tempfile.TemporaryDirectory() as folder:
            how, end = one(engine, number, Path(folder), chance)
        yield ["runs"] + [f"{how} ended as {end}"] * (end != ENDS[how])
        number += 1


def bundles(pool: Processes, folder: Path) -> Iterator[list[str]]:
    """Runs in the pool's worker for ever, of both engines and four seeds at once."""
    number = 0
    while True:
        for engine in ("numpy", "torch"):
            recipes = [
                make_recipe({"model": "flatten, linear 8, act, linear classes", **SIZE, "engine": engine, "seed": seed})
                for seed in range(number, number + 4)
            ]
            for recipe in recipes:
                pool.submit(Task(recipe))
            for _ in recipes:
                shutil.rmtree(folder / pool.next()[1])
            yield ["runs"] * len(recipes)
            number += len(recipes)


def soak(runs: Iterator[list[str]], seconds: float, notes: Notes) -> Counter[str]:
    """Make runs for so long; how many, and what was unexpected."""
    told, began = Counter[str](), time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        told.update(next(runs))
        if now > len(notes.taken):
            notes.take(told["runs"])
    return told


def say(what: str, told: Counter[str], notes: Notes) -> bool:
    """Print a line; whether all is as it should be."""
    runs = told.pop("runs")
    print(f"{what}, MB after runs:", *(f"{at}: {most / 1e6:.1f}" for at, most in notes.curve.items()))
    if len(notes.steady) < 5:
        print(f"{what}: {runs} runs are too few to tell, the first {WARMING} are for warming up", flush=True)
        return False
    first, last = notes.memory
    grown = last / first - 1
    print(
        f"{what}: {runs} runs, resident {first / 1e6:.1f} MB, then {last / 1e6:.1f} MB ({grown:+.2%}, "
        f"{notes.slope:+.0f} bytes a run), descriptors {notes.descriptors:+d}, unexpected: {dict(told) or 'none'}",
        flush=True,
    )
    return grown < MOST_GROWTH and not notes.descriptors and not told


def main() -> None:
    """Print a line for each; exit with 1 if something grew."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--minutes", type=float, default=24)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    seconds, chance, good = 20 * given.minutes, random.Random(given.seed), True
    for engine in ("numpy", "torch"):
        notes = Notes()
        good &= say(engine, soak(alone(engine, chance), seconds, notes), notes)
    with tempfile.TemporaryDirectory() as folder:
        pool = Processes(1, FolderStore(folder), Silent())
        try:
            runs = bundles(pool, Path(folder))
            next(runs)
            notes = Notes(pool.workers[0].process.pid)
            good &= say("a worker", soak(runs, seconds, notes), notes)
        finally:
            pool.close()
    sys.exit(not good)


if __name__ == "__main__":
    main()
