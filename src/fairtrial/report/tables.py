"""Records and comparisons as tables of text, for a terminal, a page or a notebook alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from fairtrial.report.arm_findings import ArmFinding
from fairtrial.report.views import (
    FEW,
    PARTS,
    Mean,
    Outcome,
    arm_views,
    became,
    curve_key,
    ending,
    left_out,
    outcome,
    title,
    tuned_ranges,
    unread,
)
from fairtrial.report.wording import (
    between,
    clean,
    counted,
    duration,
    is_share,
    level,
    memory,
    number,
    p_value,
    percent,
    points,
    score,
    setting,
    size,
)
from fairtrial.statistics import wilson
from fairtrial.store import Record
from fairtrial.verdicts import Arm, Comparison, Pair, metric_of

FEW_FILES, MOST_FILES = 3, 50  # that were left out and are named, of a run and on a page
MOST_EPOCHS = 20  # rows of an arm in the table of its curve


@dataclass(frozen=True)
class Column:
    """A heading, and whether numbers stand below it."""

    name: str
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first cell names its row. All text is clean."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    words: Iterable[int] = (0,),
    notes: Iterable[str] = (),
) -> Table:
    """A table of cleaned text; `words` are the columns that hold no numbers."""
    heads = tuple(Column(clean(name), place not in set(words)) for place, name in enumerate(columns))
    return Table(clean(caption), heads, tuple(tuple(map(clean, row)) for row in rows), tuple(map(clean, notes)))


def run_table(record: Record) -> Table:
    """Loss and accuracy of the best epoch's weights on each part, and what else the run came to."""
    made = outcome(record)
    parts = [part for part in PARTS if f"{part}/loss" in made.scores]
    rows = [
        (
            part,
            number(made.scores[f"{part}/loss"]),
            percent(made.scores.get(f"{part}/accuracy")),
            made.images.get(part, "-"),
        )
        for part in parts
    ]
    rate = f", {made.images_per_second:,.0f} images/s in training" if made.images_per_second else ""
    left = filter(None, [left_out(record, FEW_FILES), unread(record)])
    ended = ending(made), f"{duration(made.seconds)}{rate}", made.path
    notes = [*_sampling(made), *_origin(record), *left, *ended]
    return table(title(record.recipe), ("part", "loss", "accuracy", "images"), rows, notes=notes)


def _origin(record: Record) -> list[str]:
    """Which run it came from, as a fork or a longer one."""
    notes: list[str] = []
    if parent := record.made.get("parent"):
        engine = ", which the other engine trained" if parent["cross_engine"] else ""
        notes.append(f"forked: starts from the best weights ({parent['weights'][:12]}) of {parent['run']}{engine}")
    if shorter := record.made.get("extends"):
        notes.append(f"longer: its first {counted(shorter['step'], 'step')} are those of {shorter['run']}")
    return notes


def _sampling(made: Outcome) -> list[str]:
    """What the number of test images leaves open; the spread between seeds comes on top of it."""
    share, images = made.scores.get("test/accuracy"), made.images.get("test", 0)
    if share is None or not images or not isfinite(share):
        return []
    low, high = wilson(share, images)
    return [f"other test images: {100 * low:.2f} to {100 * high:.2f} % (95 %, Wilson); other seeds: n = 1"]


def arch_table(net: Mapping[str, Any]) -> Table:
    """A net as `contract.arch_json` describes it: its layers, and the totals last."""
    keys = ("parameters", "multiply_adds")
    body = [
        (row["name"], row["layer"], size(row["output"]), *(f"{row[key]:,}" for key in keys), memory(row["bytes"]))
        for row in net["layers"]
    ]
    total = ("total", "", "", *(f"{net[key]:,}" for key in keys), memory(net["output_bytes"]))
    caption = f"{net['model']} for images of {size(net['input'])}"
    weights = f"{memory(net['parameter_bytes'])} of parameters; multiply-adds and memory are of one image, forward"
    heads = ("name", "layer", "output", "parameters", "multiply-adds", "memory")
    return table(caption, heads, [*body, total], words=(0, 1, 2), notes=(weights,))


def arms_table(comparison: Comparison) -> Table:
    """Each arm's n, mean, interval and time."""
    key = comparison.metric
    heads = ["arm", "n", f"mean {key}", f"{level(comparison.alpha)} interval", "time"]
    heads += ["diverged"] * any(arm.failed for arm in comparison.arms)
    rows = [_arm_row(arm, key)[: len(heads)] for arm in comparison.arms]
    return table(
        f"{comparison.study}: {key} by arm", heads, rows, notes=[*_beyond_seeds(comparison), *_leaks(comparison)]
    )


def _arm_row(arm: Arm, key: str) -> tuple[object, ...]:
    made = arm.estimate
    shown = score(key, made.mean), between(key, made.interval), duration(arm.cost.seconds)
    return arm.name, made.n, *shown, arm.failed


def costs_table(comparison: Comparison) -> Table:
    """What a run of each arm took, and what its net is in numbers."""
    heads = ("arm", "time a run", "images/s", "parameters", "memory")
    notes = (
        "time: training and scoring; images/s: in training; memory: of one step, reckoned from shapes: parameters, "
        "gradients, the optimizer's slots, outputs of all layers for a batch; work space comes on top",
    )
    if any("together" in record.made for records in comparison.records.values() for record in records):
        notes += ("runs that were made together have equal shares of their time, whatever each would take alone",)
    return table("What a run cost", heads, [_cost_row(arm) for arm in comparison.arms], notes=notes)


def _cost_row(arm: Arm) -> tuple[object, ...]:
    rate, net, size = arm.cost.images_per_second, arm.cost.parameters, arm.cost.memory
    shown = "-" if rate is None else f"{rate:,.0f}", "-" if net is None else f"{net:,}", memory(size) if size else "-"
    return arm.name, duration(arm.cost.seconds / max(1, len(arm.runs))), *shown


def _beyond_seeds(comparison: Comparison) -> list[str]:
    """Which part of the uncertainty the interval over seeds does not hold, and more seeds cannot shrink."""
    known = [arm.sampling for arm in comparison.arms if arm.sampling is not None]
    if not known:
        return []
    key, low, high = comparison.metric, f"{100 * min(known):.2f}", f"{100 * max(known):.2f}"
    half = high if low == high else f"{low} to {high}"
    part = key.partition("/")[0]
    return [
        f"interval: of the mean over seeds; for other {part} images add up to +-{half} points "
        f"({level(comparison.alpha)}, Wilson), a part that more seeds cannot shrink"
    ]


def _leaks(comparison: Comparison) -> list[str]:
    """Test images that a net may have learnt by heart."""
    runs = [run for runs in comparison.records.values() for run in runs]
    of = {run.recipe.data: run.made.get("data", {}).get("counts", {}).get("test") for run in runs}
    return [
        f"{word}: {count} of {images} test images are in the training part too"
        for word, images in of.items()
        if (count := comparison.test_in_train.get(word))
    ]


def chief_pairs(comparison: Comparison) -> tuple[Pair, ...]:
    """All pairs where they are few, else those of the best arm."""
    best = comparison.arms[0].name
    few = len(comparison.arms) <= FEW
    return comparison.pairs if few else tuple(pair for pair in comparison.pairs if best in (pair.a, pair.b))


def pairs_table(comparison: Comparison, pairs: Sequence[Pair]) -> Table:
    """Each pair's difference with its interval, its p corrected for all pairs, and the verdict."""
    unit = "in points of accuracy" if is_share(comparison.metric) else f"in {comparison.metric}"
    heads = ["pair", "difference", f"{level(comparison.alpha)} interval", "p", "verdict", "more seeds"]
    heads += ["n"] * (len({pair.judged.n for pair in comparison.pairs}) > 1)
    test = "a t test that holds after every seed" if comparison.at_any_time else "Student's t test"
    notes = [
        f"difference: the first minus the second, mean over paired seeds; p: {test}, corrected by Holm for "
        f"{counted(len(comparison.pairs), 'pair')}; equivalent: within {points(comparison.metric, comparison.margin)}; "
        "the interval is each pair's own",
    ]
    if any(pair.judged.more_seeds for pair in pairs):
        notes.append("more seeds: to add for an undecided pair until it is likely settled")
    if len(pairs) < len(comparison.pairs):
        notes.append(f"{len(comparison.pairs) - len(pairs)} pairs without the best arm are in the report")
    if "n" in heads:
        ended = "; an arm gets no more seeds once all its pairs are decided" if comparison.at_any_time else ""
        notes.append(f"n: seeds that both have a score of{ended}")
    rows = [_pair_row(pair, comparison.metric)[: len(heads)] for pair in pairs]
    return table(f"Pair by pair, {unit}", heads, rows, words=(0, 4), notes=notes)


def _pair_row(pair: Pair, key: str) -> tuple[object, ...]:
    j = pair.judged
    signed = f"{100 * j.difference:+.2f}" if is_share(key) else f"{j.difference:+.4g}"
    difference = signed if isfinite(j.difference) else "-"
    more = "-" if j.more_seeds is None else j.more_seeds
    shown = difference, between(key, j.interval, signed=True), p_value(j.p), j.verdict, more
    return f"{pair.a} - {pair.b}", *shown, j.n


def findings_table(caption: str, findings: Iterable[ArmFinding]) -> Table:
    """What the doctor found in each arm's runs, and what to change."""
    rows = [
        (
            each.arm,
            each.worst.level,
            each.worst.fault,
            f"{len(each.runs)} of {each.of}",
            f"{each.worst.evidence} (seed {each.seed})" if each.of > 1 else each.worst.evidence,
            each.worst.fix,
        )
        for each in findings
    ]
    return table(caption, ("arm", "level", "fault", "seeds", "seen", "what to change"), rows, words=(0, 1, 2, 4, 5))


def settings_table(comparison: Comparison) -> Table:
    """The fields in which arms differ, arm by arm."""
    fields = list(dict.fromkeys(field for arm in comparison.arms for field in arm.fields))
    rows = [(arm.name, *(setting(arm.fields.get(field)) for field in fields)) for arm in comparison.arms]
    return table("Settings that differ", ("arm", *fields), rows, words=range(len(fields) + 1))


def base_table(comparison: Comparison) -> Table:
    """The fields that all runs share; the seeds, which they do not, are said beside it."""
    recipes = [r.recipe.model_dump(mode="json") for records in comparison.records.values() for r in records]
    shared = recipes[0] if recipes else {}
    rows = [
        (field, setting(v)) for field, v in shared.items() if field != "seed" and all(r[field] == v for r in recipes)
    ]
    return table("Settings that all runs share", ("field", "value"), rows, words=(0, 1))


def made_table(comparison: Comparison) -> Table:
    """Versions, machine and data of the runs; more than one value where the runs were not all made alike."""
    found: dict[str, dict[str, None]] = {}
    for record in (r for records in comparison.records.values() for r in records):
        data = record.made.get("data", {})
        parts = ", ".join(f"{n} {part}" for part, n in data.get("counts", {}).items())
        facts = {**record.made.get("environment", {}), "data": data.get("name", ""), "images": parts}
        facts |= {"fingerprint": data.get("fingerprint", "")}
        facts |= {"left out": said} if (said := left_out(record, MOST_FILES)) else {}
        for key, value in facts.items():
            found.setdefault(key, {})[str(value)] = None
    return table(
        "How the runs were made", ("what", "value"), [(k, "; ".join(v)) for k, v in found.items()], words=(0, 1)
    )


def runs_table(comparison: Comparison) -> Table:
    """Every run with its seed, its score, how it ended and its name in the store."""
    key = comparison.metric
    rows = [
        (arm.name, r.recipe.seed, score(key, metric_of(r, key)), ending(outcome(r)), r.name)
        for arm in comparison.arms
        for r in comparison.records[arm.name]
    ]
    return table(f"Every run: {key}", ("arm", "seed", key, "ended", "run"), rows, words=(0, 3, 4))


def means_table(comparison: Comparison) -> Table:
    """The curves in numbers: the mean over seeds at the ends of epochs, at most so many of them an arm."""
    key = curve_key(comparison)
    rows = [
        (arm.name, f"{mean.epoch:g}", mean.n, score(key, mean.mean), between(key, mean.interval))
        for arm in arm_views(comparison)
        for mean in thinned(arm.means)
    ]
    heads = ("arm", "epoch", "n", f"mean {key}", f"{level(comparison.alpha)} interval")
    return table(f"The curves in numbers: {key}", heads, rows)


def thinned(means: Sequence[Mean]) -> list[Mean]:
    """The last and others at even distances."""
    every = -(-len(means) // MOST_EPOCHS)
    return [mean for place, mean in enumerate(reversed(means)) if place % every == 0][::-1] if means else []


def tuned_table(comparison: Comparison) -> Table:
    """What tuning gave each arm, and with which means."""
    key = comparison.tuning[0].metric
    rows = [
        (
            tuned.arm,
            " ".join(f"{field}={value:g}" for field, value in tuned.values.items()) or "-",
            score(key, tuned.chosen.score if tuned.chosen else None),
            len(tuned.trials),
            tuned.epochs,
            tuned.diverged,
        )
        for tuned in comparison.tuning
    ]
    heads = ("arm", "runs with", key, "trials", "epochs", "diverged")
    ranges = ", ".join(map(str, tuned_ranges(comparison)))
    return table(f"Each arm at its own value, found in {ranges}", heads, rows, words=(0, 1))


def trials_table(comparison: Comparison) -> Table:
    """Every trial of every arm."""
    key, fields = comparison.tuning[0].metric, [each.field for each in tuned_ranges(comparison)]
    rows = [
        (
            tuned.arm,
            *(setting(trial.values[field]) if field in trial.values else "-" for field in fields),
            score(key, trial.score),
            trial.epochs,
            became(tuned, trial),
            trial.run,
        )
        for tuned in comparison.tuning
        for trial in tuned.trials
    ]
    heads = ("arm", *fields, key, "epochs", "became", "run")
    return table("Every trial", heads, rows, words=(0, len(heads) - 2, len(heads) - 1))
