"""Evaluations: how many predictions are right, recounted, and what the script says of it."""

from __future__ import annotations

import linecache
from collections import Counter
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch import Tensor

from fairtrial.doctor.lines import lines_above
from fairtrial.doctor.observations import Evaluation, Printed
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

PRINTED = 2000  # lines that are kept


@dataclass
class _Evaluating:
    """An evaluation that is going on."""

    backwards: int
    step: int
    lines: list[str]
    batches: list[tuple[int, int]]
    confusion: Counter[tuple[int, int]]


class Scoring(Part):
    """Predictions that are compared with labels, and what is printed of them."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.predicted: Any = None
        self.judging = False  # the last pass taught nothing
        self.evaluating: dict[int, _Evaluating] = {}

    @careful
    def on_compared(self, a: Any, b: Any, frame: FrameType) -> None:
        """Predictions were compared with labels."""
        predicted = self.predicted
        if predicted is None or not self.judging:
            return
        truth = b if a is predicted else a if b is predicted else None
        if truth is None:
            same = [x for x in (a, b) if isinstance(x, Tensor) and x.data_ptr() == predicted.data_ptr()]
            truth = (b if same[0] is a else a) if same else None
        if not isinstance(truth, Tensor) or truth.numel() != predicted.numel() or truth.is_floating_point():
            return
        labels, said = truth.detach().reshape(-1).tolist(), predicted.detach().reshape(-1).tolist()
        known = self.evaluating.get(self.watch.inputs.source)
        if known is None or known.backwards != self.watch.backwards:
            self.tell(self.watch.inputs.source)
            lines = list(lines_above(frame))
            known = _Evaluating(self.watch.backwards, self.watch.steps, lines, [], Counter())
            self.evaluating[self.watch.inputs.source] = known
        known.batches.append((sum(y == p for y, p in zip(labels, said, strict=True)), len(labels)))
        known.confusion.update(zip(labels, said, strict=True))
        self.watch.tape.on_compared(truth)

    def tell(self, source: int) -> None:
        """An evaluation is over."""
        known = self.evaluating.pop(source, None)
        if known is None:
            return
        caller = known.lines[min(1, len(known.lines) - 1)]
        self.watch.note(
            Evaluation(
                step=known.step,
                where=known.lines[0],
                source=source,
                caller=caller,
                text=linecache.getline(caller.rpartition(":")[0], int(caller.rpartition(":")[2])).strip(),
                batches=tuple(known.batches),
                confusion=tuple((y, p, n) for (y, p), n in sorted(known.confusion.items())),
            )
        )

    @careful
    def on_printed(self, text: str, where: str | None) -> None:
        """The script printed a number."""
        self.finish()
        if self.watch.count("printed") < PRINTED:
            self.watch.note(Printed(step=self.watch.steps, where=where, text=text))

    def finish(self) -> None:
        """The evaluations that are going on are over."""
        for source in list(self.evaluating):
            self.tell(source)
