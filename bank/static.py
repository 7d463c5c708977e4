"""Reads the bank's programs without running them, and prints what the doctor makes of their source.

    python bank/static.py [WORD ...] [--folder FOLDER]

Found: a fault that was put in is named, as a warning or worse. Place: one of the lines marked `# <- fault`. Wrong: what
is named in a healthy program, or in a faulty one beside its own faults.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from run import BANK, Outcome, programs, share  # the programs, and what counts as found, are those of the run

from fairtrial.doctor.static.reading import examine_source


def read(program: Path) -> Outcome:
    """Read one program; the time is what reading it takes."""
    begun = time.process_time()
    diagnosis = examine_source(program)
    return Outcome(program, diagnosis, same=True, bare=0, watched=time.process_time() - begun, error="")


def wrong(one: Outcome) -> list[str]:
    """What is named and was not put in."""
    findings = [found for found in one.diagnosis.findings if found.level != "info"]
    return [f"{found.level} {found.fault} {found.where}" for found in findings if found.fault not in one.faults]


def main() -> None:
    """Read all, and print the misses and the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("words", nargs="*")
    words.add_argument("--folder", type=Path, default=BANK)
    asked = words.parse_args()
    folder = asked.folder.resolve()
    outcomes = [read(program) for program in programs(asked.words, folder)]
    for one in outcomes:
        name = one.program.relative_to(folder)
        if missed := set(one.faults) - one.detected:
            print(f"{name}: missed {sorted(missed)}, told {one.told}")
        if one.detected - one.placed:
            print(f"{name}: elsewhere, {[f'{found.fault} {found.where}' for found in one.diagnosis.findings]}")
        if wrong(one):
            print(f"{name}: wrong, {wrong(one)}")
    faulty, healthy = [one for one in outcomes if one.faults], [one for one in outcomes if not one.faults]
    found = [float(name in one.detected) for one in faulty for name in one.faults]
    placed = [float(name in one.placed) for one in faulty for name in one.detected]
    right = [1.0] * len(placed) + [0.0] * sum(len(wrong(one)) for one in outcomes)
    print(share("faults found in the source", found))
    print(share("place, of those found", placed))
    print(share("findings that are right", right))
    print(share("healthy programs with an alarm", [float(bool(one.alarms)) for one in healthy]))
    seconds = [one.watched for one in outcomes]
    print(f"seconds a file: median {median(seconds):.3f}, worst {max(seconds):.3f}")


if __name__ == "__main__":
    main()
