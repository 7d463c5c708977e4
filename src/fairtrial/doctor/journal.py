"""A journal is all that was seen of a training, in order; a symptom decides one fault from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.observations import Seen

Kind = TypeVar("Kind", bound=Seen)


class Journal:
    """Observations in the order in which they were made."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self.seen = tuple(seen)
        self.kinds: dict[type[Seen], list[Any]] = {}
        for one in self.seen:
            self.kinds.setdefault(type(one), []).append(one)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """All observations of one kind."""
        return list(self.kinds.get(kind, ()))


Verdict = list[Finding] | None


@dataclass(frozen=True)
class Symptom:
    """A rule for one fault: findings, none, or None where nothing was seen that could decide."""

    fault: str
    decide: Callable[[Journal], Verdict]


def decides(fault: str) -> Callable[[Callable[[Journal], Verdict]], Symptom]:
    """Makes the function below it a symptom of this fault."""
    return lambda decide: Symptom(fault, decide)
