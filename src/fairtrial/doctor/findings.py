"""What the doctor says: findings in the order to mend them, what was checked, and what could not be seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fairtrial.doctor.catalogue import FAULTS

Level = Literal["fail", "warn", "info"]
_LEVELS: tuple[Level, ...] = ("fail", "warn", "info")
# What often follows from another fault; it is told after whatever may have caused it.
CONSEQUENCES = (
    "batchnorm-batch-of-one",
    "input-scale",
    "parameters-missing-from-optimizer",
    "weights-not-updated",
    "no-gradient-at-step",
    "init-too-large",
    "init-too-small",
    "lr-too-high",
    "lr-too-low",
    "saturating-hidden-activation",
    "dead-relu",
    "vanishing-gradient",
    "stale-batchnorm",
    "non-finite",
    "under-trained",
    "over-trained",
)
TRAINED = ("output and loss", "optimisation step", "initialisation and architecture", "data")  # parts of the catalogue
# A fault on the left makes those on the right happen by itself: they are told only where it is not found.
EXPLAINS: dict[str, frozenset[str]] = {
    "graph-cut": frozenset({"no-gradient-at-step", "weights-not-updated", "optimizer-of-another-model"}),
    "frozen-parameters": frozenset({"no-gradient-at-step", "weights-not-updated", "graph-cut"}),
    "optimizer-of-another-model": frozenset(
        {"no-gradient-at-step", "weights-not-updated", "parameters-missing-from-optimizer"}
    ),
    "unregistered-submodule": frozenset({"parameters-missing-from-optimizer"}),
    "softmax-over-one-unit": frozenset({"softmax-before-cross-entropy"}),
    "wrong-class-axis": frozenset({"nll-on-non-log-probabilities"}),
    "no-gradient-at-step": frozenset({"weights-not-updated"}),
    "fp16-underflow": frozenset({"no-gradient-at-step", "weights-not-updated"}),
    "ascending-loss": frozenset({"non-finite", "lr-too-high"}),
    "schedule-too-fast": frozenset({"lr-too-low", "under-trained"}),
    "unshuffled-training": frozenset({"lr-too-high", "dead-relu"}),
    "lr-too-high": frozenset({"under-trained", "dead-relu"}),
    "lr-too-low": frozenset({"under-trained"}),
    "best-state-alias": frozenset({"best-not-restored"}),
    "repeated-batch": frozenset({"unshuffled-training"}),
}


@dataclass(frozen=True, repr=False)
class Finding:
    """One fault: how bad, where, what was seen, why it hurts, what to change."""

    fault: str
    level: Level
    where: str | None  # path:line of the script, or a layer, a tensor, a part of the data
    evidence: str
    why: str
    fix: str
    confidence: float  # 1: proved

    def __repr__(self) -> str:
        return f"<{self.level} {self.fault} at {self.where or 'the whole training'}: {self.evidence}>"


def finding(fault: str, level: Level, where: str | None, evidence: str, confidence: float = 1.0) -> Finding:
    """A finding with the catalogue's words for why it hurts and what to change."""
    known = FAULTS[fault]
    return Finding(fault, level, where, evidence, known.why, known.fix, confidence)


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """All that was found, and all that was looked for: a fault is checked or not observable, never neither.

    As text, what `fairtrial doctor` prints; in a notebook, the same with its parts set apart.
    """

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_observable: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether anything found is a fault for certain."""
        return any(found.level == "fail" for found in self.findings)

    def __repr__(self) -> str:
        from fairtrial.doctor.told import as_text  # which reads diagnoses

        return as_text(self)

    def _repr_html_(self) -> str:
        from fairtrial.doctor.told import as_html  # which reads diagnoses

        return as_html(self)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What to mend first comes first; one finding a fault and place; what another one explains is left out."""
    once = {(found.fault, found.where): found for found in sorted(findings, key=_rank, reverse=True)}
    proved = {found.fault for found in once.values() if found.level == "fail"}
    explained = frozenset[str]().union(*(EXPLAINS.get(fault, frozenset()) for fault in proved))
    return tuple(sorted((found for found in once.values() if found.fault not in explained), key=_rank))


def may_follow(found: Finding, first: Finding) -> bool:
    """Whether the finding may be nothing but a consequence of the first one, a fault of what is trained and how."""
    blamed = FAULTS[first.fault].part in TRAINED and first.level != "info"
    return blamed and found.fault in CONSEQUENCES and _place(found) > _place(first)


def _place(found: Finding) -> int:
    """Of a fault among those that follow from others; 0: it does not."""
    return CONSEQUENCES.index(found.fault) + 1 if found.fault in CONSEQUENCES else 0


def _rank(found: Finding) -> tuple[int, int, float]:
    return _LEVELS.index(found.level), _place(found), -found.confidence
