"""Evaluations: how many predictions are right, recounted, and what the script says of it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from fairtrial.doctor.lineage import named
from fairtrial.doctor.lines import lines_above, own, place
from fairtrial.doctor.lines import source as text_of
from fairtrial.doctor.observations import Crossed, Evaluation, Lineage, Printed, Renamed, Seeded
from fairtrial.doctor.watched.part import Part, careful, sampled
from fairtrial.doctor.watched.variables import arrays, variables

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

# What is counted: what torch compared; else what a model answered for labels of a loader; else what metrics were given.
Counted = Literal["compared", "answered", "scored"]
PRINTED = 2000  # lines that are kept
SEARCHED = 64  # evaluations at the beginning whose labels and results are looked for in the script's variables
MOSTLY = 0.6  # of the predictions are right once classes are renamed
FEW = 20  # predictions that labels cannot be told by
ACCURACY = re.compile(r"(?i)acc")

Whole = npt.NDArray[Any]


@dataclass
class _Evaluating:
    """An evaluation that is going on."""

    backwards: int
    step: int
    lines: list[str]
    batches: list[tuple[int, int]]
    confusion: Counter[tuple[int, int]]
    how: Counted
    renamed: bool = False
    last: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    entries: tuple[int, int] = (0, 0)  # equal ones and all
    unlabelled: list[list[int]] = field(default_factory=list[list[int]])  # predictions whose labels are still unknown


@dataclass(frozen=True)
class _Answered:
    """What a model said of its last inputs, not counted yet."""

    labels: list[int] | None
    said: list[int]
    lines: list[str]
    source: int


class Scoring(Part):
    """Predictions that are compared with labels, and what is printed of them."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.predicted: Any = None
        self.measure: Callable[[], None] = lambda: None  # look at scikit-learn's metrics too
        self.measured = False
        self.judging = False  # the last pass taught nothing
        self.uncounted: _Answered | None = None
        self.frames: tuple[FrameType, ...] = ()  # in which a model was last asked, the innermost first
        self.stated: dict[tuple[str, str, str], float] = {}  # accuracies that variables held: file, function and name
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
        if self.uncounted is not None and len(self.uncounted.said) == said.numel():
            said_now, lines = said.detach().reshape(-1).tolist(), list(lines_above(frame))
            self.uncounted = replace(self.uncounted, said=said_now, lines=lines)

    @careful
    def on_answered(self, answer: Any, frame: FrameType) -> None:
        """A model answered: counted with the labels that a loader gave, or with those that a variable holds."""
        self.count()
        if not self.judging or not isinstance(answer, Tensor) or answer.dim() not in (1, 2) or not len(answer):
            return
        given = self.watch.inputs.batch[2] if self.watch.inputs.batch else None
        with self.watch.apart():
            said = _said(answer.detach())
            labels = next(_labels(given, len(said)), None) if given is not None else None
        self.frames = tuple(own(frame))
        known = None if labels is None else labels.tolist()
        self.uncounted = _Answered(known, said, list(lines_above(frame)), self.watch.inputs.source)

    @careful
    def on_compared(self, a: Any, b: Any, frame: FrameType) -> None:
        """Predictions were compared with labels."""
        if not self.judging or not isinstance(a, Tensor) or not isinstance(b, Tensor):
            return
        if a.dim() == 2 and a.shape == b.shape and a.shape[1] > 1:
            with self.watch.apart():
                self.rows(a.detach(), b.detach(), list(lines_above(frame)))
        predicted = next((x for x in (a, b) if self.is_predicted(x)), None)
        truth = b if predicted is a else a
        if predicted is None or truth.numel() != predicted.numel() or truth.data_ptr() == predicted.data_ptr():
            return
        if truth.dim() != predicted.dim() and 1 not in (truth.numel(), truth.shape[0]):
            shape = (truth.numel(), predicted.numel())
            self.watch.note(Crossed(step=self.watch.steps, where=place(frame), shape=shape))
        if truth.is_floating_point() and bool((truth != truth.round()).any()):
            return
        self.uncounted = None
        self.watch.tape.on_compared(truth)
        self.watch.sources.note("truth", place(frame), frame)
        lines = list(lines_above(frame))
        labels, said = (x.detach().reshape(-1).long().tolist() for x in (truth, predicted))
        self.add(labels, said, lines, "compared", self.watch.inputs.source)

    def is_predicted(self, x: Tensor) -> bool:
        """Whether these are the places of the largest scores, or what a model's last answer comes to."""
        if self.predicted is not None and x.data_ptr() == self.predicted.data_ptr():
            return True
        said = self.uncounted.said if self.uncounted else []
        return 1 < len(said) == x.numel() and x.detach().reshape(-1).tolist() == said

    @careful
    def on_scored(self, truth: Any, said: Any, frame: FrameType) -> None:
        """A metric of scikit-learn's was given labels and predictions: they count once, if nothing else is counted."""
        if self.judging and len(truth) == len(said):
            labels, predictions = ([int(one) for one in several] for several in (truth, said))
            self.add(labels, predictions, list(lines_above(frame)), "scored", self.watch.inputs.source)

    def rows(self, a: Tensor, b: Tensor, lines: list[str]) -> None:
        """Each entry of one-hot rows was compared with what is said of it."""
        binary = all(bool(((x == 0) | (x == 1)).all()) for x in (a, b))
        if binary and any(bool((x.sum(1) == 1).all()) for x in (a, b)):
            known = self.current(lines, "compared", self.watch.inputs.source)
            known.batches.append((int((a == b).all(1).sum()), len(a)))
            known.entries = known.entries[0] + int((a == b).sum()), known.entries[1] + a.numel()

    def count(self) -> None:
        """What was predicted for labels of a loader, and was not compared by torch."""
        if self.uncounted is not None:
            one, self.uncounted = self.uncounted, None
            if one.labels is not None:
                self.add(one.labels, one.said, one.lines, "answered", one.source)
            elif (known := self.current(one.lines, "answered", one.source)).how == "answered":
                known.unlabelled.append(one.said)

    def add(self, labels: list[int], said: list[int], lines: list[str], how: Counted, source: int) -> None:
        """One more batch of labels and predictions."""
        known = self.current(lines, how, source)
        if known.how != how or (how == "scored" and known.last == (labels, said)):
            return
        known.last = labels, said
        known.batches.append((sum(y == p for y, p in zip(labels, said, strict=True)), len(labels)))
        known.confusion.update(zip(labels, said, strict=True))

    def current(self, lines: list[str], how: Counted, source: int) -> _Evaluating:
        """The evaluation of a source that is going on, begun anew where the script itself compares."""
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
        if (
            known is not None
            and known.unlabelled
            and not known.batches
            and sampled(self.watch.count("sought"), SEARCHED)
        ):
            self.label(known)
        if known is None or not known.batches:
            return
        caller = known.lines[min(1, len(known.lines) - 1)]
        self.watch.note(
            (Renamed if known.renamed else Evaluation)(
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

    def label(self, known: _Evaluating) -> None:
        """The labels of predictions: what variables hold that agrees with them best, and more often than by chance."""
        said = np.concatenate(known.unlabelled)
        sizes = [len(one) for one in known.unlabelled]
        several = arrays(self.frames) if len(said) >= FEW else ()
        held = [(value, labels) for value in several for labels in _labels(value, len(said))]
        right = [int((labels == said).sum()) for _, labels in held]
        best = max((n for n in range(len(held)) if right[n] < len(said)), key=right.__getitem__, default=None)
        if best is None:
            return
        value, labels = held[best]
        chance = sum(float((labels == one).mean() * (said == one).mean()) for one in set(said.tolist()))
        if right[best] < len(said) * chance + 3 * (len(said) * chance * (1 - chance)) ** 0.5:
            other = next((one for one in held if _renamed(one[1], said)), None)
            if other is None:
                return
            known.renamed, (value, labels) = True, other
        for end, size in zip(accumulate(sizes), sizes, strict=True):
            part = slice(end - size, end)
            known.batches.append((int((labels[part] == said[part]).sum()), size))
        known.confusion.update(zip(labels.tolist(), said.tolist(), strict=True))
        lines = (named(frame.f_code, name)[1] for frame in self.frames for name in _names(frame, value))
        if leading := next(filter(None, lines), None):
            self.watch.note(Lineage(step=known.step, where=known.lines[0], about="truth", lines=leading))

    @careful
    def release(self) -> None:
        """Training goes on, or the script ends: what its variables say of the evaluation before."""
        self.finish()
        frames, self.frames = self.frames, ()
        if not sampled(self.watch.count("released"), SEARCHED):
            return
        self.watch.states.on_learning_on(frames)
        for frame in frames:
            for name, value in variables(frame).items():
                number = _number(value) if ACCURACY.search(name) else None
                key = (frame.f_code.co_filename, frame.f_code.co_name, name)
                if number is None or self.stated.get(key) == number:
                    continue
                self.stated[key] = number
                where, lines = named(frame.f_code, name)
                self.watch.note(Lineage(step=self.watch.steps, where=where, about="printed", lines=lines))
                self.watch.note(Printed(step=self.watch.steps, where=where, text=f"{name} {number:.7f}"))

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


def _said(answer: Tensor) -> list[int]:
    """The class that each row of a model's answer comes to; of one number whether it is above the middle."""
    if answer.dim() == 2 and answer.shape[1] > 1:
        return answer.argmax(1).tolist()
    flat = answer.reshape(-1)
    shares = bool((flat >= 0).all()) and bool((flat <= 1).all())
    return (flat > (0.5 if shares else 0.0)).long().tolist()


def _labels(held: Any, count: int) -> Iterator[Whole]:
    """Class numbers of so many examples that something may hold: all of it, or the end or the beginning of it."""
    if isinstance(held, list):
        several = [one for one in held if isinstance(one, Tensor | np.ndarray)]
        if several and len(several) == len(held) and all(one.ndim == 1 for one in several):
            held = np.concatenate([_array(one) for one in several])
        else:
            held = np.array(held) if len(held) == count and all(isinstance(one, int | float) for one in held) else None
    if held is None or held.ndim not in (1, 2) or not count <= len(held) <= 20 * count:
        return
    if isinstance(held, np.ndarray) and held.dtype.kind not in "iubf":  # names of classes, objects
        return
    x = _array(held)
    if x.ndim == 2 and x.shape[1] > 1 and not _one_hot(x):
        return
    flat = x.argmax(1) if x.ndim == 2 and x.shape[1] > 1 else x.reshape(-1)
    for part in (flat,) if len(flat) == count else (flat[-count:], flat[:count]):
        if bool((part == np.round(part)).all()):
            signs = part.min() == -1 and not bool((part == 0).any())
            yield (part > 0 if signs else part).astype(int)


def _renamed(labels: Whole, said: Whole) -> bool:
    """Whether predictions agree with labels once each class that is said has another name."""
    pairs = Counter(zip(said.tolist(), labels.tolist(), strict=True)).most_common()
    meant: dict[int, tuple[int, int]] = {}
    for (one, label), number in pairs:
        meant.setdefault(one, (label, number))
    names = {label for label, _ in meant.values()}
    return 2 < len(names) == len(meant) and sum(number for _, number in meant.values()) > MOSTLY * len(said)


def _names(frame: FrameType, value: Any) -> list[str]:
    """What a frame calls a value."""
    return [name for name, held in variables(frame).items() if held is value]


def _one_hot(x: Whole) -> bool:
    return bool(((x == 0) | (x == 1)).all()) and bool((x.sum(1) == 1).all())


def _array(held: Any) -> Whole:
    return held.detach().double().cpu().numpy() if isinstance(held, Tensor) else held.astype(np.float64)


def _number(value: Any) -> float | None:
    """A number, or the latest of a list."""
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    return float(value) if isinstance(value, float | np.floating) else None
