"""Count how often the doctor alarms at runs that have no fault: from their records, and from their curves alone.

    OMP_NUM_THREADS=1 python campaigns/healthy.py --runs 1200 --store runs/healthy

Each run is drawn from settings that a course would use: nets, optimizers at their usual rates, schedules, starts,
augmentations, penalties, batch sizes, both engines; on the digits, and on 2,000 images of MNIST and of CIFAR-10 in
JPEG if the data folder has them. Runs that the store holds are not made again. Each is diagnosed three times: as a
record; as a table of its curves with the number of classes told; and as one of four decimals with nothing told. Prints
every alarm with what the run came to, and ends with 1 if any is a `fail`. A run that diverged is not healthy, whatever
it was meant to be: it is named, and not counted.

Settings that are usual can still be wrong for a net, so each alarm is tried: the run is made again with the fields that
the fix names. The alarm was right if that gets more of the validation images right, by McNemar's exact test (one-sided,
p < 0.025) on the same images. To see what that test says where there was no alarm, `--silent` runs without one, long
enough for their course to be seen, are tried with twice the epochs.
"""

from __future__ import annotations

import argparse
import random
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy import stats

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.fingerprints import ENOUGH, diagnose_curves
from fairtrial.doctor.read_curves import read_curves
from fairtrial.doctor.records import corrected, diagnose
from fairtrial.parts.datasets import folders_found, load
from fairtrial.runner import run
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.events import Fitted
from fairtrial.spec.recipe import Recipe, from_words, make_recipe
from fairtrial.store import FolderStore, Record

RATES = {
    "sgd": (0.05, 0.1), "momentum": (0.01, 0.02), "nesterov": (0.01, 0.02), "adagrad": (0.01, 0.02),
    "rmsprop": (0.001,), "adam": (0.001, 0.003), "adamw": (0.001, 0.003),
}  # fmt: skip
PLAIN = "flatten, linear 64, act, linear 64, act, linear classes"
NARROW = "conv 8, act, pool, flatten, dropout, linear classes"
SHORT, LONG = (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 10, 20, 30)
DIGITS = {
    "linear": LONG, "small-mlp": LONG, "mlp": LONG, PLAIN: LONG, NARROW: LONG,
    "cnn2": (*SHORT, 15), "bn-cnn": (*SHORT, 15), "resnet20": (1, 2, 3),
}  # fmt: skip
SHRUNK = {"linear": SHORT, "mlp": SHORT, "cnn2": (1, 2, 3), "bn-cnn": (1, 2, 3), "strided-cnn": SHORT, "lenet": SHORT}
CIFAR = "cifar10-jpeg"
USUAL: dict[str, tuple[Any, ...]] = {  # a value that stands here several times is drawn so much more often
    "batch": (16, 32, 64, 64, 128, 256),
    "schedule": ("constant",) * 4 + ("cosine", "exponential 0.9", "step 5 0.5", "one-cycle", "plateau", "warmup 20"),
    "activation": ("relu", "relu", "relu", "leaky-relu", "gelu", "silu", "tanh"),
    "init": ("pytorch", "pytorch", "kaiming-normal", "kaiming-uniform", "xavier-uniform", "xavier-normal"),
    "input": ("unit", "unit", "standardise", "mean-std 0.5 0.5"),
    "label_smoothing": (0.0, 0.0, 0.0, 0.1),
    "dropout": (0.1, 0.3, 0.5),
    "weight_decay": (None, None, 1e-4, 5e-4),
    "clip": (0.0, 0.0, 0.0, 1.0, 5.0),
    "score_train": (True, True, False),
    "test_every": (0, 0, 0, 1),
}
LOSSES = (("cross-entropy", "auto"),) * 12 + (("nll", "auto"), ("mse", "one-hot"), ("bce", "one-hot"))
AUGMENTS = {"digits": ("none", "none", "shift 1"), "mnist": ("none", "shift 2", "cutout 6"), CIFAR: ("none", "flip")}
WAYS = ("record", "curves, classes told", "curves alone")
ENDS = ("train/loss", "train/accuracy", "running/loss", "running/accuracy", "valid/loss", "valid/accuracy")


# What is run


def recipes(many: int, seed: int, sources: Sequence[str]) -> Iterator[Recipe]:
    """Recipes without a fault, three quarters of them on the digits."""
    chance = random.Random(seed)
    for number in range(many):
        data = "digits" if number % 4 else sources[number // 4 % len(sources)]
        yield healthy(chance, data, number)


def healthy(chance: random.Random, data: str, seed: int) -> Recipe:
    """One of them; what only goes with something else is drawn after it."""
    models = DIGITS if data == "digits" else SHRUNK
    model, optimizer, (loss, targets) = chance.choice(list(models)), chance.choice(list(RATES)), chance.choice(LOSSES)
    fields = {name: chance.choice(values) for name, values in USUAL.items()}
    fields |= {"augment": chance.choice(AUGMENTS[data]), "engine": chance.choice(("numpy", "torch"))}
    fields |= {"valid": 0.2} if data == "digits" else {"valid": 1000, "images": 2000, "score_test": False}
    fields |= {"test_every": 0} if data != "digits" else {}
    fields |= {"label_smoothing": 0.0} if loss != "cross-entropy" else {}
    fields |= {"engine": "torch"} if model == "resnet20" else {}  # half the time
    return make_recipe(
        {
            **fields, "model": model, "data": data, "seed": seed, "loss": loss, "targets": targets,
            "optimizer": optimizer, "lr": chance.choice(RATES[optimizer]), "epochs": chance.choice(models[model]),
        }
    )  # fmt: skip


# How it is diagnosed


@dataclass(frozen=True)
class Alarm:
    """One finding that says that something is wrong, and whether trying its fix said so too."""

    way: str
    run: str
    level: str
    fault: str
    right: bool


def findings(record: Record, folder: Path) -> dict[str, tuple[Finding, ...]]:
    """What the doctor says of a run in each of the ways."""
    exact, rounded = folder / "exact.csv", folder / "rounded.csv"
    exact.write_text(table(record, 16), "utf8")
    rounded.write_text(table(record, 4), "utf8")
    told = diagnose(record), diagnose_curves(read_curves(exact, classes=10)), diagnose_curves(read_curves(rounded))
    return {way: diagnosis.findings for way, diagnosis in zip(WAYS, told, strict=True)}


def table(record: Record, digits: int) -> str:
    """Epoch, scores at its end, and rate, as a script of one's own would write them."""
    rates = {event.step: event.lr for event in record.events if isinstance(event, Fitted)}
    keys = [*ENDS, "test/loss", "test/accuracy"]
    used = [key for key in keys if any(key in epoch.scores for epoch in record.epochs)]
    rows = [
        [f"{epoch.epoch}", *(f"{epoch.scores[key]:.{digits}f}" for key in used), f"{rates[epoch.step]:g}"]
        for epoch in record.epochs
    ]
    return "".join(",".join(row) + "\n" for row in [["epoch", *used, "lr"], *rows])


def mended(record: Record, fault: str) -> Recipe | None:
    """The recipe with the fields that the fix of this fault names; None where it names none."""
    words = shlex.split(corrected(record, read_arch(record.made["arch"]), fault).partition(", or ")[0])
    return from_words(record.recipe, dict(word.split("=", 1) for word in words)) if words else None


def better(before: Record, after: Record) -> bool:
    """Whether the second run gets more validation images right (McNemar's exact test, one-sided, p < 0.025)."""
    first, second = answers(before), answers(after)
    won, lost = int((second & ~first).sum()), int((first & ~second).sum())
    return won > 0 and float(stats.binomtest(won, won + lost, alternative="greater").pvalue) < 0.025


def answers(record: Record) -> NumpyArray:
    """Whether each of the validation images is right."""
    recipe = record.recipe
    data = load(recipe.data)
    rows = data.split(recipe.seed, recipe.valid, recipe.images).valid
    return record.predict(data.images[rows]).argmax(1) == data.labels[rows]


def tried(record: Record, fault: str, store: FolderStore) -> bool:
    """Whether the run does better with the fields that the fix of this fault names."""
    recipe = mended(record, fault)
    return recipe is not None and better(record, run(recipe, store))


def alarms(found: Iterable[Finding]) -> list[Finding]:
    """Findings that say that something is wrong."""
    return [each for each in found if each.level != "info"]


def described(record: Record) -> str:
    """What would judge an alarm: the recipe where it is not the default, and the scores."""
    fields = record.recipe.model_dump(mode="json", exclude_defaults=True)
    scores = {key: value for key, value in record.scores.items() if key.endswith("accuracy")}
    return " ".join([*(f"{k}={v}" for k, v in fields.items()), "->", *(f"{k} {v:.3f}" for k, v in scores.items())])


def shares(alarmed: Sequence[Alarm], runs: int) -> str:
    """The table of runs with an alarm, by way, level and fault, and of those where trying did not confirm it."""
    lines = ["| way | level | fault | runs | not confirmed | of | at most (95 %) |", "| --- " * 3 + "| ---: " * 4 + "|"]
    for way in WAYS:
        for level in ("fail", "warn"):
            here = [each for each in alarmed if (each.way, each.level) == (way, level)]
            for fault in ("", *sorted({each.fault for each in here})):
                named = [each for each in here if fault in ("", each.fault)]
                wrong = len({each.run for each in named if not each.right})
                high = stats.binomtest(wrong, runs).proportion_ci(0.95).high
                cells = [way, level, fault or "any", len({each.run for each in named}), wrong, runs, f"{high:.2%}"]
                lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def silent_tried(records: Sequence[Record], many: int, store: FolderStore) -> str:
    """How many of so many silent runs do better with twice the epochs."""
    long = [record for record in records if len(record.epochs) >= ENOUGH]
    drawn = random.Random(0).sample(long, min(many, len(long)))
    gained = sum(tried(record, "under-trained", store) for record in drawn)
    return (
        f"{gained} of {len(drawn)} silent runs (of {len(long)} with {ENOUGH} epochs or more) do better with twice them"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Make what is missing, diagnose all, print the alarms and the table; 1 if any alarm is a `fail`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", nargs="*", default=["mnist", *({CIFAR} & {*folders_found()})], help="beside digits")
    parser.add_argument("--silent", type=int, default=30)
    parser.add_argument("--store", type=Path, default=Path("runs/healthy"))
    asked = parser.parse_args(words)
    store, began, learnt = FolderStore(asked.store), time.monotonic(), 0
    alarmed: list[Alarm] = []
    kept: list[Record] = []
    with tempfile.TemporaryDirectory() as folder:
        for recipe in recipes(asked.runs, asked.seed, asked.data or ["digits"]):
            record = run(recipe, store)
            if record.end is None or record.end.reason == "diverged":
                print(f"diverged: {record.name}: {described(record)}", flush=True)
                continue
            kept.append(record)
            learnt += max(v for k, v in record.scores.items() if k.endswith("accuracy")) > 0.5
            for way, found in findings(record, Path(folder)).items():
                for each in alarms(found):
                    right = tried(record, each.fault, store)
                    alarmed.append(Alarm(way, record.name, each.level, each.fault, right))
                    verdict = "right" if right else "not confirmed"
                    print(f"{way}: {each.level} {each.fault} ({verdict}): {each.evidence}")
                    print(f"  {record.name}: {described(record)}", flush=True)
    loud = {each.run for each in alarmed}
    print(f"\n{shares(alarmed, len(kept))}\n")
    print(silent_tried([record for record in kept if record.name not in loud], asked.silent, store))
    diverged, seconds = asked.runs - len(kept), time.monotonic() - began
    print(f"{len(kept)} runs, {learnt} with most images right; {diverged} more diverged; {seconds:.0f} s")
    return int(any(each.level == "fail" for each in alarmed))


if __name__ == "__main__":
    sys.exit(main())
