"""Peak memory of training system A's net on all of MNIST for one epoch: `fairtrial run` beside the plain torch loop.

FAIRTRIAL_DATA=DIR python bench/memory.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

PLAIN = "from loop import Plain; plain = Plain('A', 48_000); plain.epoch()"


def peak(words: list[str], folder: Path) -> float:
    """Largest resident set of a process, in MiB."""
    child = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, *words], {**os.environ, "PYTHONPATH": str(folder)})
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{words} ended with status {status}")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Interleave both and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
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
