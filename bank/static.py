"""Reads the bank's programs without running them, and prints what the doctor makes of their source.

    python bank/static.py [WORD ...]

Found: the fault of a faulty program is named. First: it is named first. Place: one of the lines marked `# <- fault`, or
one that the healthy twin does not have. False alarms: a `fail` or `warn` on a healthy program.
"""

from __future__ import annotations

import difflib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scipy.stats import binomtest

from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.static.reading import examine_source

BANK = Path(__file__).parent
MARK = "# <- fault"
HINTS = frozenset(("log-softmax-before-cross-entropy", "mse-for-classification"))


@dataclass(frozen=True)
class Outcome:
    """What came of reading a program."""

    program: Path
    diagnosis: Diagnosis
    seconds: float

    @property
    def fault(self) -> str | None:
        """The fault that was put in; None for a healthy program."""
        return self.program.parent.name if self.program.stem.endswith("_faulty") else None

    @property
    def told(self) -> list[str]:
        """Faults that are named, in order; hints count only where nothing more can be said."""
        return [f.fault for f in self.diagnosis.findings if f.level != "info" or f.fault in HINTS]

    @property
    def alarms(self) -> list[str]:
        """What is named in a healthy program, or beside its own fault in a faulty one."""
        return [
            f"{f.level} {f.fault} {f.where}"
            for f in self.diagnosis.findings
            if f.level != "info" and f.fault != self.fault
        ]

    @property
    def placed(self) -> bool:
        """Whether the finding is at a line that is marked, or that the healthy twin does not have."""
        right = places(self.program)
        return any(
            one.fault == self.fault and one.where and int(one.where.rpartition(":")[2]) in right
            for one in self.diagnosis.findings
        )


def places(program: Path) -> set[int]:
    """Lines that are marked, and lines that the healthy twin does not have."""
    lines = program.read_text("utf8").splitlines()
    right = {number for number, line in enumerate(lines, 1) if MARK in line}
    twin = program.with_name(program.name.replace("_faulty", "_healthy"))
    if twin.is_file():
        matcher = difflib.SequenceMatcher(None, twin.read_text("utf8").splitlines(), lines, autojunk=False)
        for tag, _, _, start, end in matcher.get_opcodes():
            right |= set(range(start + 1, end + 1)) if tag != "equal" else set()
    return right


def read(program: Path) -> Outcome:
    """Read one program."""
    begun = time.perf_counter()
    diagnosis = examine_source(program)
    return Outcome(program, diagnosis, time.perf_counter() - begun)


def share(label: str, right: int, of: int) -> str:
    """A share with its 95 % interval (Wilson), over programs."""
    if not of:
        return f"{label}: none"
    interval = binomtest(right, of).proportion_ci(method="wilson")
    return f"{label}: {right}/{of} = {right / of:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def main() -> None:
    """Read all, and print the misses and the table."""
    words = sys.argv[1:]
    files = sorted([*BANK.glob("*/*.py"), *BANK.glob("source/*/*.py")])
    programs = [path for path in files if not words or any(word in str(path.relative_to(BANK)) for word in words)]
    outcomes = [read(program) for program in programs]
    for one in outcomes:
        name = one.program.relative_to(BANK)
        if one.fault and one.fault not in one.told:
            print(f"{name}: not found, told {one.told}")
        elif one.fault and one.told[:1] != [one.fault]:
            print(f"{name}: not first, told {one.told}")
        elif one.fault and not one.placed:
            print(f"{name}: elsewhere, {[f.where for f in one.diagnosis.findings]}")
        if one.alarms:
            print(f"{name}: {'beside' if one.fault else 'false alarm'} {one.alarms}")
    faulty, healthy = [o for o in outcomes if o.fault], [o for o in outcomes if not o.fault]
    found = [o for o in faulty if o.fault in o.told]
    print(f"{len(faulty)} faulty programs over {len({o.fault for o in faulty})} faults, {len(healthy)} healthy ones")
    print(share("found in the source", len(found), len(faulty)))
    print(share("named first", sum(o.told[:1] == [o.fault] for o in faulty), len(faulty)))
    print(share("place, of those found", sum(o.placed for o in found), len(found)))
    print(share("healthy programs with an alarm", sum(bool(o.alarms) for o in healthy), len(healthy)))
    print(
        f"seconds a file: median {median(o.seconds for o in outcomes):.3f}, "
        f"worst {max(o.seconds for o in outcomes):.3f}"
    )


if __name__ == "__main__":
    main()
