"""Peak memory of training system A's net on all of MNIST for one epoch: `fairtrial run` beside the plain torch loop.

With --reckoned, of some nets beside what is reckoned before a run starts, which must not be more.

FAIRTRIAL_DATA=DIR python bench/memory.py [--repeats 3] [--reckoned]
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
from pathlib import Path

from fairtrial.parts.memory import of_a_step
from fairtrial.runner import make_plan
from fairtrial.spec.recipe import Recipe

NETS = (
    "conv 32, act, conv 64, act, pool, flatten, linear 128, act, linear classes",
    "conv 10, act, pool, conv 20, act, pool, flatten, linear 50, act, linear classes",
    "conv 32, norm, act, conv 32, norm, act, pool, flatten, linear classes",
    "flatten, linear 4096, act, linear 4096, act, linear classes",
    "conv 64, sigmoid, conv 64, sigmoid, flatten, linear classes",
)
BATCH = 4096  # so much that the libraries' own memory hardly counts
PLAIN = "from loop import Plain; plain = Plain('A', 48_000); plain.epoch()"


def peak(words: list[str], folder: Path) -> float:
    """Largest resident set of a process, in MiB."""
    child = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, *words], {**os.environ, "PYTHONPATH": str(folder)})
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{words} ended with status {status}")
    return usage.ru_maxrss / 1024


def beside_reckoned() -> None:
    """Print the peak of each net on each engine, what was reckoned, and their ratio."""
    for model, engine in itertools.product(NETS, ("torch", "numpy")):
        fields = {"batch": str(BATCH), "images": str(BATCH), "valid": "0", "epochs": "1", "engine": engine}
        plan = make_plan(Recipe(model=model, data="mnist", batch=BATCH))
        reckoned = of_a_step(plan.recipe, plan.arch, plan.input, BATCH) / 2**20
        with tempfile.TemporaryDirectory() as store:
            words = [model, "data=mnist", *(f"{name}={word}" for name, word in fields.items())]
            took = peak(["-m", "fairtrial", "run", *words, "--quiet", "--store", store], Path(__file__).parent)
        print(f"{model} ({engine}): {took:.0f} MiB, reckoned {reckoned:.0f} MiB, ratio {took / reckoned:.2f}")


def main() -> None:
    """Interleave both and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reckoned", action="store_true")
    asked = parser.parse_args()
    if asked.reckoned:
        beside_reckoned()
        return
    repeats = asked.repeats
    here = Path(__file__).parent
    ours, plain = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as store:
            words = ["-m", "fairtrial", "run", "mnist-cnn", "epochs=1", "--quiet", "--store", store]
            ours.append(peak(words, here))
        plain.append(peak(["-c", PLAIN], here))
    a, b = statistics.median(ours), statistics.median(plain)
    print(f"fairtrial {a:.0f} MiB, plain torch {b:.0f} MiB, ratio {a / b:.2f} (n = {repeats})")


if __name__ == "__main__":
    main()
