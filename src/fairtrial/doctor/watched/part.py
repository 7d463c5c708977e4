"""What all topics of a watch share: how often they look, and that they cannot hurt the script."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

CLOSE = 20  # steps at the beginning in which gradients left over are looked for
FULL = 4  # steps at the beginning that are looked at whole
OFTEN = 16  # things of a kind that are looked at before only powers of two are


def sampled(count: int, often: int = OFTEN) -> bool:
    """Whether to look at the thing after so many of its kind."""
    return count < often or count & (count - 1) == 0


class Reporting(Protocol):
    """Whatever keeps what went wrong in its reports."""

    @property
    def errors(self) -> list[Exception]:
        """What went wrong so far."""
        ...


def careful(report: Callable[..., None]) -> Callable[..., None]:
    """A report that cannot hurt the script: what goes wrong in it is kept, and costs a report."""

    @functools.wraps(report)
    def reported(one: Reporting, *args: Any) -> None:
        try:
            report(one, *args)
        except Exception as error:
            one.errors.append(error)

    return reported


class Part:
    """A topic of a watch."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    @property
    def errors(self) -> list[Exception]:
        """What went wrong in reports."""
        return self.watch.errors
