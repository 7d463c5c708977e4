"""Numbers and text as people read them; importing this costs next to nothing."""

from __future__ import annotations

import unicodedata
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtrial.spec.arch import Shape
    from fairtrial.spec.recipe import Recipe
    from fairtrial.spec.tuning import Tuned
    from fairtrial.statistics import Interval

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, direction marks, surrogates, line separators


def clean(text: object) -> str:
    """The text with every character that could move a cursor, turn a line round or break a file shown as `�`."""
    said = str(text)
    if said.isprintable():  # which is known at once, and true of nearly all
        return said
    return "".join("�" if unicodedata.category(c) in HIDDEN else c for c in said)


def percent(value: float | None, digits: int = 2) -> str:
    """0.98765 as `98.77 %`; a dash for what is not known."""
    return "-" if value is None or not isfinite(value) else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 4) -> str:
    """A number of so many significant digits, a dash for what is not known."""
    return "-" if value is None or not isfinite(value) else f"{value:.{digits}g}"


def score(key: str, value: float | None) -> str:
    """A score as its key has it: accuracies in per cent, everything else as a number."""
    return percent(value) if is_share(key) else number(value)


def between(key: str, interval: Interval, signed: bool = False) -> str:
    """An interval as `97.10 to 98.20`, in the unit of `score`."""
    if interval is None or not all(map(isfinite, interval)):
        return "-"
    sign = "+" if signed else ""
    return " to ".join(f"{100 * x:{sign}.2f}" if is_share(key) else f"{x:{sign}.4g}" for x in interval)


def is_share(key: str) -> bool:
    """Whether the score is a share of images, shown in per cent."""
    return key.endswith("accuracy")


def duration(seconds: float) -> str:
    """`0.84 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`"""
    if seconds < 99.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def counted(number: int, word: str) -> str:
    """`1 seed`, `5 seeds`"""
    return f"{number} {word}{'' if number == 1 else 's'}"


def p_value(p: float | None) -> str:
    """Three digits; what is smaller is said to be."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3g}"


def points(key: str, difference: float) -> str:
    """A difference in the unit of its score."""
    return f"{100 * difference:g} points" if is_share(key) else f"{difference:g}"


def size(shape: Shape) -> str:
    """(10, 28, 28) as `10x28x28`"""
    return "x".join(map(str, shape))


def memory(count: int) -> str:
    """Bytes in the unit that fits."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"


def setting(value: Any) -> str:
    """A recipe's value as one writes it on the command line."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "the part's own"}[value]
    if isinstance(value, list | tuple):
        return ",".join(map(setting, value))
    short = f"{value:g}" if isinstance(value, float) else ""
    return short if short and float(short) == value else str(value)


def run_words(recipe: Recipe) -> list[str]:
    """What follows `fairtrial run` to make the run: the model, and the fields that are not as by default."""
    given = recipe.model_dump(exclude_defaults=True, exclude={"model"})
    return [recipe.model, *(f"{field}={setting(value)}" for field, value in given.items())]


def level(alpha: float) -> str:
    """0.05 as `95 %`"""
    return f"{100 * (1 - alpha):g} %"


def tuned(arm: Tuned) -> str:
    """`sgd: lr=0.316, valid/accuracy 97.91 %; 12 trials, 96 epochs`"""
    if not arm.trials:
        return f"{arm.arm}: nothing to tune"
    if arm.chosen is None:
        return f"{arm.arm}: no trial came to its end, left as it was"
    values = " ".join(f"{name}={value:g}" for name, value in arm.values.items())
    best = f"{arm.metric} {score(arm.metric, arm.chosen.score)}"
    return f"{arm.arm}: {values}, {best}; {counted(len(arm.trials), 'trial')}, {counted(arm.epochs, 'epoch')}"
