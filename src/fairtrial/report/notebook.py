"""Who looks on in a notebook: a table and curves in one output of the cell, which grow in their place.

They are plain HTML and SVG, for which Jupyter, VS Code and Colab need no extension. IPython is used where it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10
from statistics import fmean
from time import monotonic
from typing import TYPE_CHECKING

from fairtrial.report import tables, views, wording
from fairtrial.report.colours import PART_COLOURS
from fairtrial.report.html import table_html
from fairtrial.report.progress import StudyRuns
from fairtrial.report.views import Curve, Point
from fairtrial.spec.events import Ended, Event, Fitted, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import Tuned
from fairtrial.store import Record

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

PAUSE = 1 / 3  # seconds between two updates: with the last one, which is not put off, at most four a second
WIDTH, HEIGHT = 340, 210
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 8, 34
INNER, TALL = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
DASHES = {"train": "6 3", "running": "2 3", "valid": "", "test": ""}  # so that nobody needs the colours
NOTES = 5  # lines that are kept of what was said
STYLE = "font-variant-numeric:tabular-nums;max-width:64em"


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, whose outputs can be replaced."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config


class _Output:
    """An output of the cell, replaced as what it shows changes, but not more often than can be seen."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None
        self._next = 0.0
        self._notes: list[str] = []

    def html(self) -> str:
        """All that is to be seen now."""
        raise NotImplementedError

    def words(self) -> str:
        """The same in a line, for who reads no HTML."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """A line below the table."""
        self._notes = [*self._notes, wording.clean(text)][-NOTES:]
        self.show()

    def wait(self, what: str, done: int, total: int) -> None:
        """Data are read or downloaded, before a run can start."""
        if not self._notes or not self._notes[-1].startswith(what):
            self.say(f"{what} ...")

    def show(self, last: bool = False) -> None:
        """Put the output in the place of the one before; the last state is never left out."""
        if monotonic() < self._next and not last:
            return
        notes = "".join(f'<p style="margin:.2em 0;opacity:.75">{escape(note)}</p>' for note in self._notes)
        both = {"text/html": f'<div style="{STYLE}">{self.html()}{notes}</div>', "text/plain": self.words()}
        if self._handle is None:
            from IPython.display import DisplayHandle  # it runs: `in_notebook` has seen it

            self._handle = DisplayHandle()
            self._handle.display(both, raw=True)
        else:
            self._handle.update(both, raw=True)
        self._next = monotonic() + PAUSE


class RunOutput(_Output):
    """Looks on at a run: where it is, its scores so far, and the curves of loss and accuracy."""

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None:
        """A run of so many steps starts, so many of them done before."""
        self._name, self._recipe, self._steps, self._first = name, recipe, steps, done
        self._began, self._step, self._epoch, self._best, self._state = monotonic(), done, 0, 0, "begins"
        self._points: dict[str, dict[float, float]] = {}
        self.show()

    def see(self, event: Event) -> None:
        """Take the event's scores in."""
        if isinstance(event, Fitted | Scored):
            self._step, self._epoch = event.step, event.epoch
            for key, value in event.scores.items():
                self._points.setdefault(key, {})[event.step * self._recipe.epochs / self._steps] = value
            self._state = self._training(event) if isinstance(event, Fitted) else self._state
        if isinstance(event, Scored) and event.best:
            self._best = event.epoch
        if isinstance(event, Ended):
            for key, value in event.scores.items():
                self._points.setdefault(key, {})[event.best_epoch] = value
            why = f": {event.detail}" if event.detail else ""
            took = wording.duration(monotonic() - self._began)
            self._state = (
                f"{event.reason} after {event.epoch} of {wording.counted(self._recipe.epochs, 'epoch')}{why}, {took}"
            )
        self.show(last=isinstance(event, Ended))

    def _training(self, event: Fitted) -> str:
        rate = f", {event.images / event.fit_seconds:,.0f} images/s" if event.fit_seconds > 0 else ""
        left = (monotonic() - self._began) / max(1, self._step - self._first) * (self._steps - self._step)
        return f"epoch {event.epoch} of {self._recipe.epochs}{rate}, {wording.duration(left)} left"

    def _curves(self, measure: str) -> list[Curve]:
        """Of each part that was scored; the running mean, which begins anew with each epoch, at first in full."""
        made: list[Curve] = []
        for part in views.PARTS:
            known = self._points.get(f"{part}/{measure}", {})
            points = tuple(Point(epoch, value) for epoch, value in sorted(known.items()) if isfinite(value))
            if part == "running" and self._epoch >= views.LONG:
                points = tuple(point for point in points if point.epoch == int(point.epoch))
            made += [Curve(part, points)] if points else []
        return made

    def html(self) -> str:
        """Heading, both charts, and the scores of each part."""
        both = [(measure, self._curves(measure)) for measure in ("accuracy", "loss")]
        drawn = "".join(curves_svg(measure, curves, self._recipe.epochs) for measure, curves in both if curves)
        best = f"; * best epoch so far: {self._best}" if self._best else ""
        heading = f"<b>{escape(views.title(self._recipe))}</b><br>{escape(self.words())}{best}"
        return f'<div>{heading}</div><div style="display:flex;flex-wrap:wrap;gap:1em">{drawn}</div>{self._table()}'

    def _table(self) -> str:
        parts = [part for part in views.PARTS if f"{part}/loss" in self._points]
        rows = [
            (part, *(wording.score(measure, self._latest(part, measure)) for measure in ("loss", "accuracy")))
            for part in parts
        ]
        return table_html(tables.table("Scores now", ("part", "loss", "accuracy"), rows)) if rows else ""

    def _latest(self, part: str, measure: str) -> float | None:
        known = self._points.get(f"{part}/{measure}", {})
        return known[max(known)] if known else None

    def words(self) -> str:
        """The run in a line."""
        return wording.clean(f"{self._name}: {self._state}")


class StudyOutput(_Output):
    """Looks on at a study: runs done of all, and of each arm the mean so far."""

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric, self._total, self._done = metric, 0, 0
        self._values: dict[str, list[float]] = {}
        self._seeds: dict[str, int] = {}
        self._began, self._first = monotonic(), 0

    @property
    def watch(self) -> StudyRuns:
        """Who looks on at the single runs."""
        return StudyRuns(self)

    def begin(self, total: int, reused: int) -> None:
        """A study of so many runs starts, so many of them made before."""
        self._began, self._total, self._done, self._first = monotonic(), total, reused, reused
        if reused:
            self.say(f"{wording.counted(reused, 'run')} made before")
        self.show(last=total == reused)

    def tuned(self, tuned: Tuned, left: int) -> None:
        """An arm has its values; so many arms have not."""
        self.say(f"{wording.tuned(tuned)}; {wording.counted(left, 'arm')} to tune")

    def done(self, arm: str, seed: int, record: Record) -> None:
        """One more run has ended."""
        self._done += 1
        self._seeds[arm] = self._seeds.get(arm, 0) + 1
        value = record.end.scores.get(self._metric) if record.end else None
        self._values.setdefault(arm, []).extend([value] if value is not None else [])
        self.show(last=self._done == self._total)

    def decided(self, arm: str, seeds: int, spared: int) -> None:
        """An arm gets no more seeds."""
        self._total -= spared
        self.say(f"{arm}: decided with {wording.counted(seeds, 'seed')}, {wording.counted(spared, 'run')} spared")
        self.show(last=self._done == self._total)

    def html(self) -> str:
        """How many runs are over, and a row for each arm."""
        rows = [
            (arm, seeds, wording.score(self._metric, fmean(values) if (values := self._values[arm]) else None))
            for arm, seeds in self._seeds.items()
        ]
        bar = f'<progress max="{max(1, self._total)}" value="{self._done}" aria-label="runs that are over"></progress>'
        made = tables.table("Made now", ("arm", "seeds", f"mean {self._metric} so far"), rows)
        return f"<div>{bar} {self.words()}</div>{table_html(made) if rows else ''}"

    def words(self) -> str:
        """The study in a line."""
        new = self._done - self._first
        left = (monotonic() - self._began) / new * (self._total - self._done) if new else 0.0
        return f"{self._done} of {wording.counted(self._total, 'run')}" + (
            f", {wording.duration(left)} left" if left else ""
        )


# A panel


@dataclass(frozen=True)
class _Frame:
    """Where a panel has its values, in pixels."""

    low: float
    high: float
    epochs: int

    def x(self, epoch: float) -> float:
        return LEFT + INNER * epoch / self.epochs

    def y(self, value: float) -> float:
        return TOP + TALL * (1 - (value - self.low) / (self.high - self.low))


def curves_svg(measure: str, curves: Sequence[Curve], epochs: int) -> str:
    """The curves of loss or accuracy against the epoch, in the ink of the page around them."""
    share = wording.is_share(measure)
    frame = _Frame(*views.curve_frame(curves, share), epochs)
    ends = "; ".join(f"{curve.part} {wording.score(measure, curve.points[-1].value)}" for curve in curves)
    room = f"{LEFT} {TOP - 4} {INNER + 4} {TALL + 8}"  # a picture in the picture, which nothing in it leaves
    inside = 'x="{}" y="{}" width="{}" height="{}"'.format(*room.split())
    return (
        f'<figure style="margin:0"><figcaption>{measure} by epoch</figcaption>'
        f'<svg role="img" aria-label="{measure} by epoch: {ends}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width:100%;height:auto;font-size:12px" fill="currentColor">'
        f'{_axes(frame, share)}<svg {inside} viewBox="{room}">{"".join(_line(frame, curve) for curve in curves)}</svg>'
        f"{_names(curves)}</svg></figure>"
    )


def _line(frame: _Frame, curve: Curve) -> str:
    """A curve, and a dot where it is now."""
    places = [f"{frame.x(point.epoch):.1f} {frame.y(point.value):.1f}" for point in curve.points]
    x, y = places[-1].split()
    return (
        f'<path d="M{" L".join(places)}" fill="none" stroke-width="2" {_stroke(curve)}/>'
        f'<circle cx="{x}" cy="{y}" r="3" fill="{PART_COLOURS[curve.part]}"/>'
    )


def _stroke(curve: Curve) -> str:
    return f'stroke="{PART_COLOURS[curve.part]}" stroke-dasharray="{DASHES[curve.part]}"'


def _axes(frame: _Frame, share: bool) -> str:
    rows = "".join(
        f'<path d="M{LEFT} {frame.y(value):.1f}H{WIDTH - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>'
        f'<text x="{LEFT - 6}" y="{frame.y(value) + 4:.1f}" text-anchor="end">{_tick(value, share)}</text>'
        for value in round_values(frame.low, frame.high)
    )
    return rows + "".join(
        f'<text x="{frame.x(epoch):.1f}" y="{TOP + TALL + 15}" text-anchor="middle">{epoch}</text>'
        for epoch in views.epoch_ticks(0, frame.epochs)
    )


def _names(curves: Sequence[Curve]) -> str:
    """The legend below."""
    return "".join(
        f'<path d="M{LEFT + 75 * place} {HEIGHT - 6}h18" stroke-width="2" {_stroke(curve)}/>'
        f'<text x="{LEFT + 22 + 75 * place}" y="{HEIGHT - 2}">{curve.part}</text>'
        for place, curve in enumerate(curves)
    )


def _tick(value: float, share: bool) -> str:
    return f"{100 * value:.4g} %" if share else f"{value:.4g}"


def round_values(low: float, high: float) -> list[float]:
    """About five round numbers in a range."""
    rough = (high - low) / 5
    power = 10 ** floor(log10(rough))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough)
    return [step * place for place in range(ceil(low / step), floor(high / step) + 1)]
