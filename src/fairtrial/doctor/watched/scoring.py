"""Evaluations: how many predictions are right, recounted, and what the script says of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from fairtrial.doctor.lines import lines_above, place
from fairtrial.doctor.lines import source as text_of
from fairtrial.doctor.observations import Evaluation, Printed, Seeded
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

# What is counted: what torch compared; else what a model answered for labels of a loader; else what metrics were given.
Counted = Literal["compared", "answered", "scored"]
PRINTED = 2000  # lines that are kept


@dataclass
class _Evaluating:
    """An evaluation that is going on."""

    backwards: int
    step: int
    lines: list[str]
    batches: list[tuple[int, int]]
    confusion: Counter[tuple[int, int]]
    how: Counted
    last: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    entries: tuple[int, int] = (0, 0)  # equal ones and all


class Scoring(Part):
    """Predictions that are compared with labels, and what is printed of them."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.predicted: Any = None
        self.measure: Callable[[], None] = lambda: None  # look at scikit-learn's metrics too
        self.measured = False
        self.judging = False  # the last pass taught nothing
        self.uncounted: tuple[list[int], list[int], list[str]] | None = None
        self.evaluating: dict[int, _Evaluating] = {}

    def on_judged(self, learning: bool) -> None:
        """A model was called."""
        self.judging = not learning
        if self.judging and not self.measured and "sklearn.metrics" in sys.modules:
            self.measured = True
            self.measure()

    @careful
    def on_seeded(self, value: Any, frame: FrameType) -> None:
        """torch's random numbers begin anew."""
        where = place(frame)
        self.watch.sources.note("seed", where, frame)
        self.watch.note(Seeded(step=self.watch.steps, where=where, value=int(value)))

    @careful
    def on_predicted(self, said: Tensor, frame: FrameType) -> None:
        """The largest scores were looked for."""
        self.predicted = said
        if self.uncounted is not None and len(self.uncounted[0]) == said.numel():
            self.uncounted = self.uncounted[0], said.detach().reshape(-1).tolist(), list(lines_above(frame))

    @careful
    def on_answered(self, answer: Any, frame: FrameType) -> None:
        """A model answered; where a loader gave the labels too, that is enough to count."""
        self.count()
        labels = self.watch.inputs.batch[2] if self.watch.inputs.batch else None
        if not self.judging or labels is None or labels.dim() != 1 or labels.is_floating_point():
            return
        if isinstance(answer, Tensor) and answer.dim() == 2 and len(answer) == len(labels) and answer.shape[1] > 1:
            with self.watch.apart():
                said = answer.detach().argmax(1).tolist()
            self.uncounted = labels.detach().tolist(), said, list(lines_above(frame))

    @careful
    def on_compared(self, a: Any, b: Any, frame: FrameType) -> None:
        """Predictions were compared with labels."""
        predicted = self.predicted
        if not self.judging or not isinstance(a, Tensor) or not isinstance(b, Tensor):
            return
        if a.dim() == 2 and a.shape == b.shape and a.shape[1] > 1:
            with self.watch.apart():
                self.rows(a.detach(), b.detach(), list(lines_above(frame)))
        if predicted is None:
            return
        truth = b if a is predicted else a if b is predicted else None
        if truth is None:
            same = [x for x in (a, b) if x.data_ptr() == predicted.data_ptr()]
            truth = (b if same[0] is a else a) if same else None
        if truth is None or truth.numel() != predicted.numel() or truth.is_floating_point():
            return
        self.uncounted = None
        self.watch.tape.on_compared(truth)
        lines = list(lines_above(frame))
        self.add(truth.detach().reshape(-1).tolist(), predicted.detach().reshape(-1).tolist(), lines, "compared")

    @careful
    def on_scored(self, truth: Any, said: Any, frame: FrameType) -> None:
        """A metric of scikit-learn's was given labels and predictions: they count once, if nothing else is counted."""
        if self.judging and len(truth) == len(said):
            labels, predictions = ([int(one) for one in several] for several in (truth, said))
            self.add(labels, predictions, list(lines_above(frame)), "scored")

    def rows(self, a: Tensor, b: Tensor, lines: list[str]) -> None:
        """Each entry of one-hot rows was compared with what is said of it."""
        binary = all(bool(((x == 0) | (x == 1)).all()) for x in (a, b))
        if binary and any(bool((x.sum(1) == 1).all()) for x in (a, b)):
            known = self.current(lines, "compared")
            known.batches.append((int((a == b).all(1).sum()), len(a)))
            known.entries = known.entries[0] + int((a == b).sum()), known.entries[1] + a.numel()

    def count(self) -> None:
        """What was predicted for labels of a loader, and was not compared by torch."""
        if self.uncounted is not None:
            (labels, said, lines), self.uncounted = self.uncounted, None
            self.add(labels, said, lines, "answered")

    def add(self, labels: list[int], said: list[int], lines: list[str], how: Counted) -> None:
        """One more batch of labels and predictions."""
        known = self.current(lines, how)
        if known.how != how or (how == "scored" and known.last == (labels, said)):
            return
        known.last = labels, said
        known.batches.append((sum(y == p for y, p in zip(labels, said, strict=True)), len(labels)))
        known.confusion.update(zip(labels, said, strict=True))

    def current(self, lines: list[str], how: Counted) -> _Evaluating:
        """The evaluation that is going on, of the last inputs' source, begun anew where the script itself compares."""
        source = self.watch.inputs.source
        known = self.evaluating.get(source)
        if known is None or known.backwards != self.watch.backwards:
            self.tell(source)
            known = None
        if known is None or (how == "compared" and known.how != how):
            known = _Evaluating(self.watch.backwards, self.watch.steps, lines, [], Counter(), how)
            self.evaluating[source] = known
        return known

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
                text=text_of(caller),
                batches=tuple(known.batches),
                entries=known.entries,
                confusion=tuple((y, p, n) for (y, p), n in sorted(known.confusion.items())),
            )
        )

    @careful
    def on_printed(self, text: str, frame: FrameType) -> None:
        """The script printed a number."""
        self.finish()
        if self.watch.count("printed") < PRINTED:
            where = place(frame)
            self.watch.sources.note("printed", where, frame)
            self.watch.note(Printed(step=self.watch.steps, where=where, text=text))

    def finish(self) -> None:
        """The evaluations that are going on are over."""
        self.count()
        for source in list(self.evaluating):
            self.tell(source)
