"""What the curves of a training can prove by themselves, from a table, a Keras history or one of our own records.

A curve alone shows less than a run under watch: whatever it cannot tell apart is said so, with the test that would.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import e, exp, isfinite, log, nan
from pathlib import Path
from typing import Any

from scipy.stats import linregress

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, finding, ordered
from fairtrial.spec.errors import UsageError
from fairtrial.store import Record

CLIPS = {15.942: "1e-7 in 32-bit floats", 16.118: "1e-7", 23.026: "1e-10", 27.631: "1e-12", 34.539: "1e-15"}
BATCHES = (8, 16, 20, 25, 32, 50, 64, 100, 128, 200, 256, 512, 1024)
# The word for a part of the data, in the columns of others; the training part needs none.
PARTS = {"val": "valid", "valid": "valid", "validation": "valid", "test": "test", "eval": "valid", "dev": "valid"}
NOTES = (
    "a curve cannot show shuffled labels, leaks between parts or a test part that chose the model: "
    "`fairtrial doctor SCRIPT.py` watches the training itself",
)


@dataclass(frozen=True)
class Curves:
    """Values by epoch: keys such as train/loss and valid/accuracy, accuracies as shares."""

    where: str
    values: Mapping[str, tuple[float, ...]]
    classes: int | None = None  # if it is known

    def of(self, *keys: str) -> tuple[float, ...]:
        """The first of these curves that is there."""
        return next((self.values[key] for key in keys if key in self.values), ())

    @property
    def loss(self) -> tuple[float, ...]:
        """The training loss, else another."""
        return self.of("train/loss", "valid/loss", "test/loss")

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """Loss and accuracy of the same part, each epoch."""
        for part in ("valid", "test", "train"):
            if pair := tuple(zip(self.of(f"{part}/loss"), self.of(f"{part}/accuracy"), strict=False)):
                return pair
        return ()


def canonical(name: str) -> str | None:
    """The key of a column: val_acc is valid/accuracy; None for anything else than a loss or an accuracy."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.strip().lower()) if word]
    kind = "loss" if "loss" in words else "accuracy" if {"acc", "accuracy"} & {*words} else None
    part = next((PARTS[word] for word in words if word in PARTS), "train")
    return None if kind is None or "running" in words else f"{part}/{kind}"


def read_table(path: Path) -> Curves:
    """The curves of a CSV file with a header; UsageError with line and column where it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: {error}") from error
    if not rows:
        raise UsageError(f"{path}:1: the file is empty")
    columns: dict[str, list[float]] = {}
    keys = [canonical(name) for name in rows[0]]
    if not any(keys):
        raise UsageError(f"{path}:1: no column is a loss or an accuracy: {', '.join(rows[0])}")
    for line, row in enumerate(rows[1:], 2):
        if row and len(row) != len(keys):
            raise UsageError(f"{path}:{line}: {len(row)} columns, where the header has {len(keys)}")
        for place, (key, text) in enumerate(zip(keys, row, strict=False), 1):
            if key is not None and text.strip():
                columns.setdefault(key, []).append(_number(text, f"{path}:{line}:{place}"))
    return make(str(path), columns)


def _number(text: str, where: str) -> float:
    try:
        return float(text.strip().rstrip("%"))
    except ValueError:
        raise UsageError(f"{where}: {text!r} is no number") from None


def read_history(path: Path) -> Curves:
    """The curves of a Keras history: {"loss": [...], "val_accuracy": [...]}."""
    try:
        told = json.loads(path.read_text("utf8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}:{error.colno}: no JSON: {error.msg}") from error
    if not isinstance(told, dict):
        raise UsageError(f"{path}:1: a history is an object of lists")
    columns: dict[str, list[float]] = {}
    for name, values in told.items():
        key = canonical(name)
        if key is not None and isinstance(values, list):
            columns[key] = [_number(str(value), f"{path}: {name}") for value in values]
    if not columns:
        raise UsageError(f"{path}:1: no list is a loss or an accuracy: {', '.join(told)}")
    return make(str(path), columns)


def of_record(record: Record) -> Curves:
    """The curves of one of our own runs."""
    keys = {key for epoch in record.epochs for key in epoch.scores}
    columns = {
        key: [epoch.scores.get(key, nan) for epoch in record.epochs]
        for key in keys
        if key.rpartition("/")[2] in ("loss", "accuracy")
    }
    classes = record.made.get("data", {}).get("classes", ())
    return make(record.name, columns, len(classes) or None)


def make(where: str, columns: Mapping[str, Sequence[float]], classes: int | None = None) -> Curves:
    """Curves of columns; accuracies in percent become shares."""
    values: dict[str, tuple[float, ...]] = {}
    for key, column in columns.items():
        if not column:
            continue
        percent = key.endswith("accuracy") and max((v for v in column if isfinite(v)), default=0) > 1.5
        values[key] = tuple(value / 100 if percent else value for value in column)
    return Curves(where, values, classes)


Verdict = list[Finding] | None
Rule = Callable[[Curves], Verdict]


def steady(values: Sequence[float], within: float) -> bool:
    """Whether the values stay within a band of this width."""
    return len(values) > 1 and max(values) - min(values) <= within


def plain(values: Sequence[float]) -> bool:
    """Whether these are numbers of a size that a loss or an accuracy can have."""
    return all(abs(value) < 1e6 for value in values)


def softmax_twice(curves: Curves) -> Verdict:
    """Loss and accuracy add up to the same number, which only probabilities in a cross-entropy do."""
    pairs = curves.pairs
    if len(pairs) < 2 or not plain([value for pair in pairs for value in pair]):
        return None
    sums = [a + b for a, b in pairs][-max(2, len(pairs) // 2) :]
    total = sum(sums) / len(sums)
    if not 1 < total < 8:
        return []
    classes = 1 + e * (exp(total - 1) - 1)
    near = curves.classes or round(classes)
    expected = log(1 + (near - 1) / e) + 1
    if not 2 <= near <= 1000 or abs(total - expected) > 0.02 or not steady(sums, 0.03):
        return []
    floor = expected - 1
    if min(a for a, _ in pairs) < floor - 0.005 or max(b for _, b in pairs) < 1.5 / near:
        return []
    level = "fail" if len(pairs) >= 5 and not steady([b for _, b in pairs], 0.05) else "warn"
    evidence = (
        f"loss + accuracy is {total:.4f} within {max(sums) - min(sums):.3f}, as {near} probabilities in "
        "a cross-entropy "
        f"give ({expected:.4f}); the loss never gets below {floor:.4f}"
    )
    return [finding("softmax-before-cross-entropy", level, curves.where, evidence, 0.98 if level == "fail" else 0.8)]


def negative(curves: Curves) -> Verdict:
    """A loss between -1 and 0, about minus the accuracy."""
    pairs = curves.pairs
    if len(pairs) < 2:
        return None
    if not all(-1 <= a < 0 and abs(a + b) < 0.15 for a, b in pairs[1:]):
        return []
    evidence = (
        f"the loss is negative, and about minus the accuracy: {pairs[-1][0]:.4g} and {pairs[-1][1]:.4g} at the end"
    )
    return [finding("nll-on-non-log-probabilities", "fail", curves.where, evidence, 0.97)]


def boundless(curves: Curves) -> Verdict:
    """A loss far below zero and an accuracy that stays where it is."""
    pairs = curves.pairs
    if len(pairs) < 3:
        return None
    if not (pairs[-1][0] < -1.5 and steady([b for _, b in pairs[1:]], 0.02)):
        return []
    evidence = (
        f"the loss falls to {pairs[-1][0]:.4g}, where no loss of classes can be, and the accuracy stays at "
        f"{pairs[-1][1]:.4g}"
    )
    return [finding("single-output-for-many-classes", "warn", curves.where, evidence, 0.7)]


def binary_on_classes(curves: Curves) -> Verdict:
    """An accuracy of (K-1)/K at the start, with the binary loss of guessing."""
    pairs = curves.pairs
    if not pairs:
        return None
    classes = curves.classes or 10
    share = 1 / classes
    guess = -share * log(share) - (1 - share) * log(1 - share)
    loss, accuracy = pairs[0]
    if classes < 3 or abs(loss - guess) > 0.04 * guess or abs(accuracy - (1 - share)) > 0.005:
        return []
    evidence = (
        f"at the start the accuracy is {accuracy:.4f} = {classes - 1}/{classes} and the loss {loss:.4f}, "
        "the binary loss of guessing"
    )
    return [finding("bce-for-single-label", "warn", curves.where, evidence, 0.9)]


def summed(curves: Curves) -> Verdict:
    """A first loss of a batch size times log K."""
    loss = curves.of("train/loss")
    if not loss:
        return None
    chance = log(curves.classes or 10)
    size = next((n for n in BATCHES if abs(loss[0] / n - chance) < 0.03 * chance), None)
    if size is None or loss[0] < 15:
        return []
    evidence = (
        f"the first loss is {loss[0]:.4g} = {size} x {loss[0] / size:.3f}; guessing costs {chance:.4f} for one example"
    )
    return [finding("sum-reduction", "warn", curves.where, evidence, 0.8)]


def clipped(curves: Curves) -> Verdict:
    """A loss that stays at minus the logarithm of a usual clip."""
    loss = curves.loss
    if len(loss) < 2:
        return None
    for clip, name in CLIPS.items():
        stuck = [value for value in loss if abs(value - clip) < 2e-3]
        if len(stuck) >= 2:
            evidence = f"the loss stays at {clip} in {len(stuck)} epochs, minus the logarithm of {name}"
            return [finding("unstable-log", "warn", curves.where, evidence, 0.9)]
    return []


def broken(curves: Curves) -> Verdict:
    """A loss that is no number."""
    if not curves.loss:
        return None
    for key, values in curves.values.items():
        wrong = next((place for place, value in enumerate(values, 1) if not isfinite(value)), None)
        if key.endswith("loss") and wrong:
            return [finding("non-finite", "fail", curves.where, f"{key} is {values[wrong - 1]} in epoch {wrong}")]
    return []


def standing(curves: Curves) -> Verdict:
    """The same evaluation loss to all its digits, epoch after epoch."""
    loss = curves.of("valid/loss", "test/loss")
    if len(loss) < 3:
        return None
    digits = len(f"{loss[0]!r}".partition(".")[2])
    if len(set(loss)) > 1 or not isfinite(loss[0]):
        return []
    level = "fail" if digits >= 6 else "warn"
    evidence = f"the evaluation loss is {loss[0]!r} in all {len(loss)} epochs"
    return [finding("weights-not-updated", level, curves.where, evidence, 0.97 if level == "fail" else 0.6)]


def impossible(curves: Curves) -> Verdict:
    """An accuracy above 1."""
    keys = [key for key in curves.values if key.endswith("accuracy")]
    if not keys:
        return None
    for key in keys:
        top = max(curves.values[key])
        if top > 1 + 1e-9:
            return [
                finding("wrong-accuracy", "fail", curves.where, f"{key} reaches {top:.4f}: more right ones than images")
            ]
    return []


def risen(curves: Curves) -> Verdict:
    """The evaluation loss was best long ago and has risen by far more than it wavers, while the training loss fell."""
    loss, train = curves.of("valid/loss", "test/loss"), curves.of("train/loss")
    if len(loss) < 8 or len(train) != len(loss) or not plain((*loss, *train)):
        return None
    best = min(range(len(loss)), key=loss.__getitem__)
    noise = _wavering(loss)
    late = sum(loss[-3:]) / 3
    if len(loss) - 1 - best < 5 or late - loss[best] < max(3 * noise, 0.05 * loss[best]) or train[-1] > train[best]:
        return []
    evidence = (
        f"the evaluation loss was best in epoch {best + 1} ({loss[best]:.4g}) and is {late:.4g} in the last three of "
        f"{len(loss)}, while the training loss fell from {train[best]:.4g} to {train[-1]:.4g}"
    )
    return [finding("over-trained", "warn", curves.where, evidence, 0.9)]


def _wavering(values: Sequence[float]) -> float:
    """Standard deviation of the noise around a smooth curve, from second differences."""
    second = [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return (sum(value**2 for value in second) / (6 * len(second))) ** 0.5


def falling(curves: Curves) -> Verdict:
    """The evaluation loss still falls at the end, by more than it wavers."""
    loss = curves.of("valid/loss", "test/loss")
    if len(loss) < 6 or not plain(loss):
        return None
    window = loss[-max(5, len(loss) // 3) :]
    fit: Any = linregress(range(len(window)), window)
    slope, p = float(fit.slope), float(fit.pvalue)
    gain = -slope * len(window)
    if slope >= 0 or p > 0.01 or gain < max(2 * _wavering(loss), 0.1 * loss[-1]):
        return []
    evidence = (
        f"the evaluation loss fell by {gain:.3g} over the last {len(window)} epochs (p = {p:.1g}), to {loss[-1]:.4g}"
    )
    return [finding("under-trained", "info", curves.where, evidence, 0.8)]


def learned_by_heart(curves: Curves) -> Verdict:
    """Training near perfect, evaluation at chance."""
    train, other = curves.of("train/accuracy"), curves.of("valid/accuracy", "test/accuracy")
    if not train or not other:
        return None
    chance = 1 / (curves.classes or 10)
    if train[-1] < 0.9 or other[-1] > 1.5 * chance:
        return []
    evidence = (
        f"training accuracy {train[-1]:.3f}, evaluation {other[-1]:.3f}, chance {chance:.3f}; the same "
        "is seen where class "
        f"maps differ, one batch is repeated, the parts are prepared differently, or batch norm is in the wrong mode"
    )
    return [finding("labels-misaligned", "warn", curves.where, evidence, 0.4)]


def climbing(curves: Curves) -> Verdict:
    """A training loss far above its first value."""
    loss = [value for value in curves.of("train/loss") if isfinite(value)]
    if len(loss) < 3:
        return None
    if loss[-1] < 1.5 * abs(loss[0]) or loss[0] <= 0:
        return []
    rising = all(a < b for a, b in pairwise(loss))
    fault = "ascending-loss" if rising and len(loss) >= 5 else "lr-too-high"
    evidence = f"the training loss went from {loss[0]:.4g} to {loss[-1]:.4g}" + (
        ", rising in each epoch" if rising else ""
    )
    return [finding(fault, "warn", curves.where, evidence, 0.6)]


DECIDED: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (softmax_twice, ("softmax-before-cross-entropy",)),
    (negative, ("nll-on-non-log-probabilities",)),
    (boundless, ("single-output-for-many-classes",)),
    (binary_on_classes, ("bce-for-single-label",)),
    (summed, ("sum-reduction",)),
    (clipped, ("unstable-log",)),
    (broken, ("non-finite",)),
    (standing, ("weights-not-updated",)),
    (impossible, ("wrong-accuracy",)),
    (risen, ("over-trained",)),
    (falling, ("under-trained",)),
    (learned_by_heart, ("labels-misaligned",)),
    (climbing, ("ascending-loss", "lr-too-high")),
)


def diagnose_curves(curves: Curves) -> Diagnosis:
    """What the curves show, what they were checked for, and what no curve can tell."""
    findings: list[Finding] = []
    checked: set[str] = set()
    for rule, faults in DECIDED:
        verdict = rule(curves)
        if verdict is not None:
            findings += verdict
            checked.update(faults)
    return Diagnosis(
        ordered(findings),
        tuple(name for name in FAULTS if name in checked),
        tuple(name for name in FAULTS if name not in checked),
        NOTES,
    )


def diagnose(record: Record) -> Diagnosis:
    """What the curves of one of our own runs show."""
    return diagnose_curves(of_record(record))


def read_curves(path: Path) -> Curves:
    """The curves of a file: a Keras history if it ends in .json, else a table."""
    return read_history(path) if path.suffix == ".json" else read_table(path)
