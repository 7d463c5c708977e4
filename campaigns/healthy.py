"""Count how often the doctor alarms at runs that have no fault: from their records, and from their curves alone.

    OMP_NUM_THREADS=1 python campaigns/healthy.py --runs 1200 --store runs/healthy

Each run is drawn from settings that a course would use: nets, optimizers at their usual rates, schedules, starts,
augmentations, penalties, batch sizes, both engines; on the digits, and on 2,000 images of MNIST and of CIFAR-10 in
JPEG if the data folder has them. Runs that the store holds are not made again. Each is diagnosed three times: as a
record; as a table of its curves with the number of classes told; and as one of four decimals with nothing told. Prints
every alarm with what the run came to, and ends with 1 if any is a `fail`. A run that diverged is not healthy, whatever
it was meant to be: it is named, and not counted. An alarm at a record is tried: the run is made again with the fields
that its fix names; if that gives two standard errors more of validation accuracy, the alarm was right.
"""

from __future__ import annotations

import argparse
import random
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from scipy import stats

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.fingerprints import diagnose_curves
from fairtrial.doctor.read_curves import read_curves
from fairtrial.doctor.records import corrected, diagnose
from fairtrial.parts.datasets import folders_found
from fairtrial.runner import run
from fairtrial.spec.arch_text import read_arch
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


def tried(record: Record, found: Finding, store: FolderStore) -> bool | None:
    """Whether the run does clearly better with the fields that the fix names; None where it names none."""
    words = shlex.split(corrected(record, read_arch(record.made["arch"]), found.fault).partition(", or ")[0])
    if not words:
        return None
    again = run(from_words(record.recipe, dict(word.split("=", 1) for word in words)), store)
    before, after = (each.scores.get("valid/accuracy", 0.0) for each in (record, again))
    images = record.made["data"]["counts"]["valid"]
    return after - before > 2 * (before * (1 - before) / images + after * (1 - after) / images) ** 0.5


def alarms(found: Iterable[Finding]) -> list[Finding]:
    """Findings that say that something is wrong."""
    return [each for each in found if each.level != "info"]


def described(record: Record) -> str:
    """What would judge an alarm: the recipe where it is not the default, and the scores."""
    fields = record.recipe.model_dump(mode="json", exclude_defaults=True)
    scores = {key: value for key, value in record.scores.items() if key.endswith("accuracy")}
    return " ".join([*(f"{k}={v}" for k, v in fields.items()), "->", *(f"{k} {v:.3f}" for k, v in scores.items())])


def shares(counts: Counter[tuple[str, str, str]], runs: int) -> str:
    """The table of alarms by way, level and fault, each with the upper limit of its share."""
    lines = ["| way | level | fault | runs | of | at most (95 %) |", "| --- | --- | --- | ---: | ---: | ---: |"]
    for way in WAYS:
        for level in ("fail", "warn"):
            named = sorted(fault for w, lv, fault in counts if (w, lv) == (way, level) and fault)
            for fault in ("", *named):
                hits = counts[way, level, fault]
                high = stats.binomtest(hits, runs).proportion_ci(0.95).high
                lines.append(f"| {way} | {level} | {fault or 'any'} | {hits} | {runs} | {high:.2%} |")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Make what is missing, diagnose all, print the alarms and the table; 1 if any alarm is a `fail`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", nargs="*", default=["mnist", *({CIFAR} & {*folders_found()})], help="beside digits")
    parser.add_argument("--store", type=Path, default=Path("runs/healthy"))
    asked = parser.parse_args(words)
    store, began, kept, learnt = FolderStore(asked.store), time.monotonic(), 0, 0
    counts: Counter[tuple[str, str, str]] = Counter()
    mended: Counter[tuple[str, bool | None]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for recipe in recipes(asked.runs, asked.seed, asked.data or ["digits"]):
            record = run(recipe, store)
            if record.end is None or record.end.reason == "diverged":
                print(f"diverged: {record.name}: {described(record)}", flush=True)
                continue
            kept += 1
            learnt += max(v for k, v in record.scores.items() if k.endswith("accuracy")) > 0.5
            for way, found in findings(record, Path(folder)).items():
                seen = alarms(found)
                counts.update({(way, each.level, each.fault) for each in seen} | {(way, e.level, "") for e in seen})
                for each in seen:
                    if way == WAYS[0]:
                        mended[each.fault, tried(record, each, store)] += 1
                    print(f"{way}: {each.level} {each.fault}: {each.evidence}\n  {record.name}: {described(record)}")
            sys.stdout.flush()
    print(f"\n{shares(counts, kept)}\n")
    for (fault, better), many in sorted(mended.items(), key=str):
        what = {True: "is clearly better", False: "is not clearly better", None: "is not known"}[better]
        print(f"{fault}: in {many} runs the mended run {what}")
    diverged, seconds = asked.runs - kept, time.monotonic() - began
    print(f"{kept} runs, {learnt} with most images right; {diverged} more diverged; {seconds:.0f} s")
    return int(any(level == "fail" for _, level, _ in counts))


if __name__ == "__main__":
    sys.exit(main())
