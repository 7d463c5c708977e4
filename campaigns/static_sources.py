"""Reads every Python file below some folders, and prints what failed, what was slow and what is said of them.

    python campaigns/static_sources.py FOLDER ...

No file may crash the reading or take a second; a finding in a library that trains nothing is there to be judged.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fairtrial.doctor.static.reading import examine_source
from fairtrial.spec.errors import DataError


def main() -> None:
    """Read all, and print the exceptions and the counts."""
    files = sorted(path for folder in sys.argv[1:] for path in Path(folder).rglob("*.py"))
    refused, given_up, slow, worst = 0, 0, 0, 0.0
    for path in files:
        begun = time.perf_counter()
        try:
            diagnosis = examine_source(path)
        except DataError:
            refused += 1
            continue
        except Exception as error:
            print(f"{path}: {error!r}", flush=True)
            continue
        seconds = time.perf_counter() - begun
        worst, slow = max(worst, seconds), slow + (seconds > 1)
        given_up += any("cannot be followed" in note for note in diagnosis.notes)
        for found in diagnosis.findings:
            print(f"{found.level} {found.fault} {found.where}", flush=True)
    print(f"{len(files)} files, {refused} no Python, {given_up} given up, {slow} slower than 1 s, worst {worst:.2f} s")


if __name__ == "__main__":
    main()
