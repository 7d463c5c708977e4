"""Sources: the lines at which data are used, and which statements of the script lead there."""

from __future__ import annotations

import itertools
from types import FrameType
from typing import TYPE_CHECKING

from fairtrial.doctor.lineage import Call, calls_in, choices, lineage
from fairtrial.doctor.observations import Lineage, Subject
from fairtrial.doctor.watched.part import Part

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

FOLLOWED = 60  # lines at most, some milliseconds each


class Sources(Part):
    """Calls that use data, one for each line."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.calls: dict[tuple[Subject, str], tuple[tuple[Call, ...], int | None]] = {}

    def note(self, about: Subject, where: str | None, frame: FrameType, argument: int | None = None) -> None:
        """A line uses data; of a call it may be one argument that counts."""
        if where is not None and (about, where) not in self.calls and len(self.calls) < FOLLOWED:
            self.calls[about, where] = calls_in(frame), argument

    def finish(self) -> None:
        """What leads to each of these lines."""
        for (about, where), (calls, argument) in self.calls.items():
            self.watch.note(Lineage(step=self.watch.steps, where=where, about=about, lines=lineage(calls, argument)))
        looks = [calls for (about, _), (calls, _) in self.calls.items() if about == "evaluated"]
        entered = frozenset(
            (outer.path, outer.line, inner.code.co_name)
            for calls in looks
            for inner, outer in itertools.pairwise(calls)
        )
        paths = {call.path for calls in looks for call in calls}
        for where, lines in itertools.islice((one for path in paths for one in choices(path, entered)), FOLLOWED):
            self.watch.note(Lineage(step=self.watch.steps, where=where, about="choice", lines=lines))
