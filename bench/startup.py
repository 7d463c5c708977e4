"""What starting costs: `fairtrial --help`, `import fairtrial` and a refused command, beside `python -c pass`; an epoch
on the digits with its chart, on each engine, beside `import torch`.

python bench/startup.py [--repeats 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from time import perf_counter

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import fairtrial": ["-c", "import fairtrial"],
    "fairtrial --help": ["-m", "fairtrial", "--help"],
    "fairtrial run mlpp": ["-m", "fairtrial", "run", "mlpp"],
    "fairtrial run mlp epoch=3": ["-m", "fairtrial", "run", "mlp", "epoch=3"],
    "fairtrial list optimizers": ["-m", "fairtrial", "list", "optimizers"],
    "import torch": ["-c", "import torch"],
    "fairtrial run, torch": ["-m", "fairtrial", "run", "mlp", "epochs=1"],
    "fairtrial run, numpy": ["-m", "fairtrial", "run", "mlp", "epochs=1", "engine=numpy"],
}


def seconds(words: list[str]) -> float:
    """Wall time of one process in an empty folder."""
    with tempfile.TemporaryDirectory() as empty:
        began = perf_counter()
        subprocess.run(
            [sys.executable, *words], cwd=empty, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        return perf_counter() - began


def main() -> None:
    """Interleave the commands and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    for words in COMMANDS.values():
        seconds(words)  # bytecode and file cache
    times = [{name: seconds(words) for name, words in COMMANDS.items()} for _ in range(repeats)]
    for name in COMMANDS:
        each = sorted(row[name] for row in times)
        print(f"{name:26} {statistics.median(each):6.3f} s  ({each[0]:.3f} to {each[-1]:.3f}, n = {repeats})")


if __name__ == "__main__":
    main()
