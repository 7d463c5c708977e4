"""What watching costs whole scripts: user and system time of `fairtrial doctor SCRIPT` over that of `python SCRIPT`.

    python bench/doctor.py [--pairs 5] [SCRIPT ...]

The two are run in turns, in processes of their own with one thread each, so that nothing but the doctor differs; what
the doctor prints and diagnoses in the end counts too. What is imported was compiled before, as in any second run.
The scripts in `bench/scripts` are healthy and of usual kinds.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def seconds(command: list[str]) -> float:
    """User and system time of a command and all that it starts."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=kept | {"OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("scripts", nargs="*", type=Path, default=sorted((HERE / "scripts").glob("*.py")))
    words.add_argument("--pairs", type=int, default=5)
    asked = words.parse_args()
    doctor = [sys.executable, "-m", "fairtrial", "doctor"]
    medians: list[float] = []
    seconds([*doctor, "--steps", "1", str(asked.scripts[0])])  # compiles what is imported
    for script in asked.scripts:
        pairs = [(seconds([sys.executable, str(script)]), seconds([*doctor, str(script)])) for _ in range(asked.pairs)]
        shares = [watched / alone - 1 for alone, watched in pairs]
        medians.append(statistics.median(shares))
        alone = statistics.median(alone for alone, _ in pairs)
        print(
            f"{script.name:20} alone {alone:6.2f} s, watched {medians[-1]:+6.1%} "
            f"({min(shares):+.1%} to {max(shares):+.1%}, n = {len(shares)})",
            flush=True,
        )
    print(f"median {statistics.median(medians):+.1%}, worst {max(medians):+.1%}")


if __name__ == "__main__":
    main()
