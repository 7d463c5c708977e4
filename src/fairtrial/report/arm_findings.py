"""What the doctor says of the runs of a comparison: each fault of an arm once, with the runs that have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.records import diagnose
from fairtrial.store import Record
from fairtrial.verdicts import Comparison

LEVELS = ("fail", "warn", "info")  # the worst in front


@dataclass(frozen=True)
class ArmFinding:
    """A fault that some runs of an arm have; `worst` is what is said of the first of those that show it most."""

    arm: str
    worst: Finding
    seed: int  # of which that is said
    runs: tuple[str, ...]  # all that have the fault, at whatever level
    of: int

    @property
    def plain(self) -> dict[str, Any]:
        """As `compare --json` prints it."""
        return {**asdict(self.worst), "seed": self.seed, "runs": self.runs}


def study_findings(comparison: Comparison) -> dict[str, tuple[ArmFinding, ...]]:
    """The findings of each arm, in the comparison's order."""
    return {arm.name: arm_findings(arm.name, comparison.records[arm.name]) for arm in comparison.arms}


def arm_findings(arm: str, records: Sequence[Record]) -> tuple[ArmFinding, ...]:
    """The faults of these runs: the worst first, then what most of them have, then what to mend first."""
    by_fault: dict[str, list[tuple[Finding, Record]]] = {}
    for record in records:
        for found in diagnose(record).findings:
            by_fault.setdefault(found.fault, []).append((found, record))
    made = [_together(arm, same, len(records)) for same in by_fault.values()]
    return tuple(sorted(made, key=lambda each: (LEVELS.index(each.worst.level), -len(each.runs))))


def _together(arm: str, same: Sequence[tuple[Finding, Record]], of: int) -> ArmFinding:
    """What several runs have in common."""
    worst, record = min(same, key=lambda one: (LEVELS.index(one[0].level), -one[0].confidence))
    return ArmFinding(arm, worst, record.recipe.seed, tuple(dict.fromkeys(run.name for _, run in same)), of)
