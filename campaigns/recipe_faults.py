"""Put faults into healthy recipes, and ask the doctor about what their curves show.

    OMP_NUM_THREADS=1 python campaigns/recipe_faults.py --recipes 12

The recipes are drawn as in `healthy.py`, on the digits, with cross-entropy for 15 epochs; each is run as it is and once
with each fault. The doctor sees a table of curves with six decimals and the number of classes, and nothing else. A
fault that costs less than two standard errors of validation accuracy did no harm, and is not counted. Prints for each
fault what `curves.py` does, and at the end the precision: in how many of the curves with an alarm, healthy ones among
them, the fault or one with the same curves stands in front. Ends with 1 if a healthy curve is failed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from curves import Told, told
from healthy import alarms, healthy, table

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.fingerprints import diagnose_curves
from fairtrial.doctor.read_curves import read_curves
from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe, from_words
from fairtrial.store import FolderStore, Record

LEARNT = 0.5  # of validation images: below it a recipe is too poor for a fault to show
REST = (
    "lr-too-low", "constant-init", "vanishing-gradient", "dead-relu", "weights-not-updated", "init-too-small",
    "over-regularised", "clipping-too-tight",
)  # fmt: skip
HIGH = ("lr-too-high", "init-too-large", "input-scale", "non-finite")
SQUEEZED = ("softmax-before-cross-entropy", "sigmoid-before-cross-entropy")
DEEP = f"flatten, {'linear 32, sigmoid, ' * 10}linear classes"


@dataclass(frozen=True)
class Fault:
    """Its name, the words that put it into a recipe, and the names that the same curves may as well have."""

    fault: str
    words: Callable[[Record], Mapping[str, str]]
    other: tuple[str, ...] = ()


def times(factor: float) -> Callable[[Record], Mapping[str, str]]:
    """The rate so many times as high."""
    return lambda healthy: {"lr": f"{healthy.recipe.lr * factor:g}"}


def ending(layer: str) -> Callable[[Record], Mapping[str, str]]:
    """The net with one more layer at its end."""
    return lambda healthy: {"model": f"{healthy.made['arch']}, {layer}"}


def words(**given: str) -> Callable[[Record], Mapping[str, str]]:
    """The same words for each recipe."""
    return lambda healthy: given


FAULTS = (
    Fault("lr-too-high", times(100), HIGH),
    Fault("lr-too-low", times(1e-3), REST),
    Fault("schedule-too-fast", words(schedule="step 1 0.01")),
    Fault("over-regularised", words(weight_decay="1"), REST),
    Fault("clipping-too-tight", words(clip="1e-4"), REST),
    Fault("init-too-large", words(init="normal 1"), HIGH),
    Fault("init-too-small", words(init="normal 1e-5"), REST),
    Fault("constant-init", words(init="constant 0.1"), REST),
    Fault("vanishing-gradient", words(model=DEEP), REST),
    Fault("input-scale", words(input="mean-std 0 0.004"), HIGH),
    Fault("softmax-before-cross-entropy", ending("softmax"), SQUEEZED),
    Fault("sigmoid-before-cross-entropy", ending("sigmoid"), SQUEEZED),
    Fault("activation-on-logits", ending("tanh")),
    Fault("sigmoid-before-bce-with-logits",
          lambda healthy: {**ending("sigmoid")(healthy), "loss": "bce", "targets": "one-hot", "label_smoothing": "0"}),
    Fault("mse-for-classification", words(loss="mse", targets="one-hot", label_smoothing="0")),
)  # fmt: skip


def drawn(chance: random.Random, seed: int) -> Recipe:
    """A healthy recipe that is long enough for its course to be seen."""
    plain = {"loss": "cross-entropy", "targets": "auto", "epochs": "15"}
    while (recipe := healthy(chance, "digits", seed)).model == "resnet20":  # minutes for each fault
        pass
    return from_words(recipe, plain)


def harmful(before: Record, after: Record) -> bool:
    """Whether the validation accuracy is lower by two standard errors, or there is none."""
    good, bad = (each.scores.get("valid/accuracy", 0.0) for each in (before, after))
    images = before.made["data"]["counts"]["valid"]
    return good - bad > 2 * (good * (1 - good) / images + bad * (1 - bad) / images) ** 0.5


def seen(record: Record, path: Path) -> tuple[Finding, ...]:
    """The findings of a run's curves; one that diverged ends in a line of NaN, as a script would write it."""
    text = table(record, 6) if record.epochs else "epoch,train/loss\n"
    if record.end and record.end.reason == "diverged":
        text += f"{len(record.epochs) + 1}{',nan' * text.partition(chr(10))[0].count(',')}\n"
    path.write_text(text, "utf8")
    return diagnose_curves(read_curves(path, classes=10)).findings


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was told of each fault's curves, and of the healthy ones; 1 if any of these is failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", type=int, default=12)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--store", type=Path, default=Path("runs/recipe-faults"))
    asked = parser.parse_args(arguments)
    store, chance = FolderStore(asked.store), random.Random(asked.seed)
    counts, harmless = {fault.fault: Told() for fault in FAULTS}, dict.fromkeys((f.fault for f in FAULTS), 0)
    failed = alarmed = learnt = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curves.csv"
        for number in range(asked.recipes):
            base = run(drawn(chance, number), store)
            if base.scores.get("valid/accuracy", 0.0) < LEARNT:
                continue
            false = alarms(seen(base, path))
            learnt, alarmed = learnt + 1, alarmed + bool(false)
            failed += any(each.level == "fail" for each in false)
            for each in false:
                print(f"healthy: {each.level} {each.fault}: {each.evidence}", file=sys.stderr, flush=True)
            for fault in FAULTS:
                record = run(from_words(base.recipe, fault.words(base)), store)
                if harmful(base, record):
                    counts[fault.fault] += told(fault.fault, fault.other, seen(record, path))
                else:
                    harmless[fault.fault] += 1
    print(f"| fault | harmless | {' | '.join(each.name for each in fields(Told))} |\n{'| --- ' * 8}|")
    for name, every in counts.items():
        print(f"| {name} | {harmless[name]} | {every.cells} |")
    total = sum(counts.values(), Told())
    print(f"| all | {sum(harmless.values())} | {total.cells} |\n")
    print(f"{learnt} healthy curves: {failed} failed, {alarmed} with an alarm")
    print(f"{total.first} of {total.alarm + alarmed} alarms have the fault, or one with the same curves, in front")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
