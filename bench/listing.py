"""What `fairtrial list runs` costs with ten thousand runs, beside listing the same folders by other means.

python bench/listing.py [--runs 10000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore

SMALL = Recipe(model="linear", engine="numpy", batch=256)  # ten epochs: as many events as a usual run has
SCAN = "import os, sys; print(sum(os.stat(f'{e.path}/recipe.json').st_size for e in os.scandir(sys.argv[1])))"


def make_store(root: Path, count: int) -> None:
    """One real run, copied with other seeds under other names: every file is there, with its own bytes."""
    record = run(SMALL, FolderStore(root))
    folder, own = root / record.name, (root / record.name / "recipe.json").read_text("utf8")
    for seed in range(1, count):
        other = root / f"linear-{seed:012x}"
        shutil.copytree(folder, other)
        (other / "recipe.json").write_text(own.replace('"seed": 0', f'"seed": {seed}'), "utf8")


def seconds(words: list[str]) -> float:
    """Wall time of one process."""
    began = perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - began


def main() -> None:
    """Interleave the commands and print medians, and how many times the bare scan each takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "runs"
        make_store(root, given.runs)
        listing = [sys.executable, "-m", "fairtrial", "list", "runs", "--store", str(root)]
        commands = {
            "python: scandir, a stat each": [sys.executable, "-c", SCAN, str(root)],
            "ls -l": ["ls", "-l", str(root)],
            "ls -lR": ["ls", "-lR", str(root)],
            "fairtrial list runs": listing,
            "fairtrial list runs --json": [*listing, "--json"],
        }
        times = [{name: seconds(words) for name, words in commands.items()} for _ in range(given.repeats + 1)][1:]
    scan = statistics.median(row["python: scandir, a stat each"] for row in times)
    for name in commands:
        each = sorted(row[name] for row in times)
        middle = statistics.median(each)
        print(f"{name:30} {middle:6.3f} s  {middle / scan:5.1f} x  ({each[0]:.3f} to {each[-1]:.3f}, n = {len(each)})")


if __name__ == "__main__":
    main()
