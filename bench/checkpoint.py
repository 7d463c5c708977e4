"""What a checkpoint costs, fsync and renaming included: milliseconds, and the share of an epoch of all images.

FAIRTRIAL_DATA=DIR python bench/checkpoint.py [--images 48000] [--repeats 20]

On the nets of systems A, C, D and E, in a folder beside the current one, as a run writes it. A plain write of as many
bytes with one fsync stands beside it, in turns: what the disk itself takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from fairtrial.runner import save
from loop import NETS, Ours


def plain_write(path: Path, data: bytes) -> None:
    """The least that gets bytes to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def measure(net: str, images: int, repeats: int, folder: Path) -> str:
    """A row of the table."""
    run = Ours(net, images, "torch", folder)
    epoch = min(run.epoch()[1] for _ in range(2))
    data = run.state.save(0)
    ours, plain = list[float](), list[float]()
    for count in range(repeats):
        began = perf_counter()
        save(run.job, 0)
        saved = perf_counter()
        plain_write(folder / f"plain-{count % 2}", data)
        ours.append(saved - began)
        plain.append(perf_counter() - saved)
        run.state.step += 1  # so that each state has a file of its own, and the oldest is dropped
    a, b = statistics.median(ours), statistics.median(plain)
    size = f"{len(data) / 1e6:5.1f} MB  {a * 1e3:6.1f} ms ({min(ours) * 1e3:.1f} to {max(ours) * 1e3:.1f})"
    return f"{net:9} {size}, a plain write {b * 1e3:.1f}; {a / epoch:.2%} of an epoch of {epoch:.1f} s"


def main() -> None:
    """A row a net."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=48_000)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    for net in NETS:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            print(measure(net, args.images, args.repeats, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
