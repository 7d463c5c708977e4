"""A study of 24 runs on all cores against the loop of a tutorial that is run 24 times, one after the other.

    FAIRTRIAL_DATA=DIR python bench/study_of_24.py [--images 6400] [--epochs 3] [--repeats 3] [--precision float32]

System A's net on MNIST, two learning rates by twelve seeds. The study is `fairtrial compare` from the start of its
process to its page, into an empty store; the tutorial's loop (PIL images, DataLoader, eager, as in `contenders`) gets
two threads, and its imports are not counted. Both score the training and validation part after each epoch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from time import perf_counter

import torch

from contenders.field import job_of
from contenders.with_torch import Tutorial

RUNS, THREADS = 24, 2


def study(images: int, epochs: int, precision: str) -> float:
    """Seconds of the study."""
    fields = [
        f"images={images}",
        f"epochs={epochs}",
        f"precision={precision}",
        "valid=2000",
        "patience=0",
        "score_every=0",
    ]
    words = ["compare", "mnist-cnn", "lr=0.001,0.002", *fields, "--seeds", str(RUNS // 2), "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        subprocess.run(
            [sys.executable, "-m", "fairtrial", *words],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ,
        )
        return perf_counter() - began


def tutorial(images: int, epochs: int) -> float:
    """Seconds of the tutorial's runs."""
    torch.set_num_threads(THREADS)
    with job_of("A", images) as job:
        began = perf_counter()
        for _ in range(RUNS):
            loop = Tutorial(job)
            for _ in range(epochs):
                loop.epoch()
            loop.accuracy()
        return perf_counter() - began


def main() -> None:
    """Print each pair, and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6400)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16"])
    asked = parser.parse_args()
    ratios: list[float] = []
    for _ in range(asked.repeats):
        theirs, ours = tutorial(asked.images, asked.epochs), study(asked.images, asked.epochs, asked.precision)
        ratios.append(theirs / ours)
        print(f"tutorial {theirs:6.1f} s, study {ours:6.1f} s: {ratios[-1]:.2f} times as fast", flush=True)
    print(f"median {statistics.median(ratios):.2f} (n = {len(ratios)})")


if __name__ == "__main__":
    main()
