"""Tuning as values: the range of a field, the trials that were made in it, and what came out for an arm."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import exp, isfinite, log
from typing import Any

from fairtrial.spec.errors import UnknownName, UsageError
from fairtrial.spec.recipe import FIELDS, make_recipe

TRIALS, LEAST_TRIALS = 12, 2
EDGE = 0.02  # share of a range, on its own scale, that counts as its end
DIGITS = 3  # of a value that is tried: as many as anybody reads
WHOLE = ("batch", "epochs")
TUNABLE = (*WHOLE, "lr", "momentum", "weight_decay", "l1", "l2", "clip", "label_smoothing", "dropout")


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; on a log scale equal factors are equal distances."""

    field: str
    low: float
    high: float
    log: bool = False

    def place(self, share: float) -> float:
        """The value at a share of the way from low to high, as one would write it."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + share * (high - low)
        return self.written(exp(value) if self.log else value)

    def written(self, value: float) -> float:
        """The value as one would write it."""
        return round(value) if self.whole else float(f"{value:.{DIGITS}g}")

    def share(self, value: float) -> float:
        """How far `value` is on the way from low to high."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(value) - low) / (high - low)

    def _scaled(self, value: float) -> float:
        return log(value) if self.log else value

    @property
    def whole(self) -> bool:
        """Whether only whole numbers can be."""
        return self.field in WHOLE

    def __str__(self) -> str:
        return f"{self.field}={self.low}..{self.high}{':log' if self.log else ''}"


@dataclass(frozen=True)
class Trial:
    """Values tried: `score` on the validation part after `epochs`; None if the run diverged."""

    values: dict[str, float]
    score: float | None
    epochs: int
    complete: bool  # not given up at an early stage
    run: str


@dataclass(frozen=True)
class Tuned:
    """The trials of an arm in the order they were made, and the best of those that came to their end."""

    arm: str
    ranges: tuple[Range, ...]
    metric: str  # what the score is
    trials: tuple[Trial, ...]  # none, if the arm uses no field that is tuned
    chosen: Trial | None  # None if no trial came to its end
    planned: int  # epochs that all trials would take to their end: the arm's budget

    @property
    def values(self) -> dict[str, float]:
        """What the arm runs with; nothing, if nothing was found for it."""
        return self.chosen.values if self.chosen else {}

    @property
    def epochs(self) -> int:
        """Of all trials together."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def diverged(self) -> int:
        """Trials without a score."""
        return sum(trial.score is None for trial in self.trials)

    def at_edge(self) -> list[Range]:
        """Ranges whose chosen value is the outermost that could be scored: a better one may lie beyond."""
        if not self.chosen:
            return []
        best = self.values
        return [r for r in self.ranges if self._is_outermost(r, best[r.field]) and _goes_on(r, best[r.field])]

    def _is_outermost(self, range: Range, value: float) -> bool:
        tried = [trial.values[range.field] for trial in self.trials]
        return value in (min(tried), max(tried)) or not EDGE < range.share(value) < 1 - EDGE


def tuned_json(tuned: Tuned) -> dict[str, Any]:
    """As JSON has it; `read_tuned` is the way back."""
    return {
        "arm": tuned.arm,
        "ranges": [str(each) for each in tuned.ranges],
        "metric": tuned.metric,
        "chosen": tuned.trials.index(tuned.chosen) if tuned.chosen else None,
        "values": tuned.values,
        "epochs": tuned.epochs,
        "planned": tuned.planned,
        "trials": [asdict(trial) for trial in tuned.trials],
    }


def read_tuned(plain: dict[str, Any]) -> Tuned:
    """What `tuned_json` made; KeyError or TypeError for anything else."""
    ranges = tuple(read_range(*text.split("=", 1)) for text in plain["ranges"])
    trials = tuple(Trial(**trial) for trial in plain["trials"])
    chosen = None if plain["chosen"] is None else trials[plain["chosen"]]
    return Tuned(plain["arm"], ranges, plain["metric"], trials, chosen, plain["planned"])


def _goes_on(range: Range, value: float) -> bool:
    """Whether there are values beyond the end that `value` is near to: no dropout is below 0."""
    end, factor = (range.low, 1 - EDGE) if range.share(value) < 0.5 else (range.high, 1 + EDGE)
    beyond = end + (1 if factor > 1 else -1) if range.whole else end * factor
    try:
        make_recipe({range.field: beyond})
    except UsageError:
        return False
    return beyond != end


def read_range(field: str, word: str, where: str = "") -> Range:
    """The range that `low..high` or `low..high:log` stands for; UsageError for what is none."""
    said = f"{where}{field}={word}: "
    if field not in FIELDS:
        raise UnknownName("field", field, FIELDS, where)
    if field not in TUNABLE:
        raise UsageError(f"{said}{field} cannot be tuned; these can: {', '.join(TUNABLE)}")
    ends, _, scale = word.partition(":")
    try:
        low, high = map(_number, ends.split("..") if "..." not in ends else ())
    except ValueError:
        raise UsageError(f"{said}a range to tune in is low..high or low..high:log") from None
    if scale not in ("", "log"):
        raise UsageError(f"{said}the scale behind the colon can be log, and nothing else")
    if low >= high:
        raise UsageError(f"{said}upside down or empty; the low end comes first")
    if scale and low <= 0:
        raise UsageError(f"{said}a log scale begins above 0")
    for value in (low, high):
        try:
            make_recipe({field: value})
        except UsageError as error:
            raise UsageError(f"{where}{error}") from None
    return Range(field, low, high, bool(scale))


def _number(word: str) -> float:
    value = int(word) if word.strip().isdecimal() else float(word)
    if not isfinite(value):
        raise ValueError(word)
    return value
