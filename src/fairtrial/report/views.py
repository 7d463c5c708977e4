"""Records and comparisons as plain data, ready to be drawn; all that is computed for a report is computed here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from textwrap import wrap
from typing import Any

from scipy import stats

from fairtrial.spec.arch import Shape
from fairtrial.spec.events import Ended, Event, Fitted, Scored, Scores
from fairtrial.spec.recipe import Recipe
from fairtrial.statistics import Interval, estimate
from fairtrial.store import Record
from fairtrial.verdicts import Comparison, Pair, fit_seconds, metric_of

FEW = 5  # arms up to which bands and single seeds can be told apart
LONG = 5  # epochs from which a curve is seen well enough at their ends
PARTS = ("train", "valid", "test", "running")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, direction marks, surrogates, line separators


def clean(text: object) -> str:
    """The text with every character that could move a cursor, turn a line round or break a file shown as `�`."""
    return "".join("�" if unicodedata.category(c) in HIDDEN else c for c in str(text))


# Numbers as people read them


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


# Tables


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


# One run


@dataclass(frozen=True)
class Point:
    """A score at a place in a run, in epochs."""

    epoch: float
    value: float


@dataclass(frozen=True)
class Curve:
    """One score of a run; points that are no finite numbers are left out."""

    part: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Outcome:
    """What a run came to: the numbers behind its table and its JSON."""

    name: str
    path: str
    ended: str  # finished, early-stopped, diverged, interrupted, or unfinished: killed, or still at work
    detail: str
    epochs: int  # completed
    planned: int
    best_epoch: int  # 0: none was completed
    scores: dict[str, float]  # of the best epoch's weights
    images: dict[str, int]  # images in each part
    seconds: float
    images_per_second: float | None


def outcome(record: Record) -> Outcome:
    """The fold of a record's events into what is worth saying at its end."""
    last = record.events[-1] if record.events else None
    end = last if isinstance(last, Ended) else None
    counts = record.made.get("data", {}).get("counts", {})
    return Outcome(
        name=record.name,
        path=record.name if record.store.path == "memory" else f"{record.store.path}/{record.name}",
        ended=end.reason if end else "unfinished",
        detail=end.detail if end else "",
        epochs=len(record.epochs),
        planned=record.recipe.epochs,
        best_epoch=record.best.epoch if record.best else 0,
        scores={key: value for key, value in record.scores.items() if not key.startswith("running/")},
        images={part: counts[part] for part in PARTS if part in counts},
        seconds=fit_seconds(record) + sum(e.score_seconds for e in record.events if isinstance(e, Scored)),
        images_per_second=_rate(record.events),
    )


def _rate(events: Iterable[Event]) -> float | None:
    """Images a second in training steps, over all epochs."""
    last = {event.epoch: event for event in events if isinstance(event, Fitted)}
    seconds = sum(event.fit_seconds for event in last.values())
    return sum(event.images for event in last.values()) / seconds if seconds > 0 else None


def title(recipe: Recipe) -> str:
    """What is trained on what, and how, in a line."""
    how = f"{recipe.optimizer}, lr {recipe.lr:g}, batch {recipe.batch}, seed {recipe.seed}, {recipe.engine}"
    return clean(f"{recipe.model} on {recipe.data}: {how}")


def ending(made: Outcome) -> str:
    """Why and where a run ended, in a line."""
    best = f", best epoch {made.best_epoch}" if made.best_epoch else ""
    why = f": {made.detail}" if made.detail else ""
    return clean(f"{made.ended} after {made.epochs} of {counted(made.planned, 'epoch')}{best}{why}")


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
    notes = [*_sampling(made), ending(made), f"{duration(made.seconds)}{rate}", made.path]
    return table(title(record.recipe), ("part", "loss", "accuracy", "images"), rows, notes=notes)


def _sampling(made: Outcome) -> list[str]:
    """What the number of test images leaves open; the spread between seeds comes on top of it."""
    share, images = made.scores.get("test/accuracy"), made.images.get("test", 0)
    if share is None or not images or not isfinite(share):
        return []
    low, high = stats.binomtest(round(share * images), images).proportion_ci(0.95, method="wilson")
    return [f"other test images: {100 * low:.2f} to {100 * high:.2f} % (95 %, Wilson); other seeds: n = 1"]


def steps_per_epoch(record: Record) -> float:
    """Steps in an epoch, from the first one completed, or else from the recipe and the size of the training part."""
    for event in record.epochs:
        return event.step / event.epoch
    images = record.made.get("data", {}).get("counts", {}).get("train", 0)
    return max(1, -(-images // record.recipe.batch))


def curves(record: Record, measure: str) -> list[Curve]:
    """The recorded curves of `loss` or `accuracy` against the epoch, one for each part that was scored.

    The running mean begins anew with each epoch: of a long run only its values at the ends of epochs are kept.
    """
    known = {k for e in record.events if isinstance(e, Scored | Fitted) for k in e.scores}
    per_epoch = steps_per_epoch(record)
    made: list[Curve] = []
    for part in PARTS:
        if f"{part}/{measure}" in known:
            pairs = zip(*record.curve(f"{part}/{measure}"), strict=True)
            points = tuple(Point(step / per_epoch, value) for step, value in pairs if isfinite(value))
            if part == "running" and len(record.epochs) >= LONG:
                points = tuple(point for point in points if point.epoch == int(point.epoch))
            made += [Curve(part, points)] if points else []
    if f"test/{measure}" not in known:
        made += _test_point(record, measure)
    return made


def _test_point(record: Record, measure: str) -> list[Curve]:
    """The test score, known for the best epoch's weights alone."""
    made = outcome(record)
    value = made.scores.get(f"test/{measure}", nan)
    return [Curve("test", (Point(made.best_epoch, value),))] if isfinite(value) else []


def run_caption(record: Record) -> str:
    """What the curves of a run are."""
    asked = any("test/loss" in epoch.scores for epoch in record.epochs)
    test = "" if asked or "test/loss" not in outcome(record).scores else "; test: once, with the best epoch's weights"
    return f"Scores of whole parts of the data, in eval mode{test}. Running: mean over the epoch so far, in training."


def frame(values: Sequence[float], share: bool) -> tuple[float, float]:
    """The range of an axis that shows these values with a little air; a share's hardly goes beyond 0 and 1."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = 0.06 * (high - low) or 0.02 * abs(high) or 0.05
    floor = -0.3 * air if low >= 0 else low - air
    return max(floor, low - air), (min(1 + 0.3 * air, high + air) if share else high + air)


def curve_frame(curves: Sequence[Curve], share: bool) -> tuple[float, float]:
    """The range for the curves of one run: that of the scores; the running mean starts far off, and may leave it."""
    scored = [c for c in curves if c.part != "running"]
    drawn = scored if any(len(c.points) > 1 for c in scored) else curves
    return frame([point.value for curve in drawn for point in curve.points], share)


def short(record: Record) -> str:
    """A finished run in a few words."""
    made = outcome(record)
    known = [key for key in ("test/accuracy", "valid/accuracy", "train/accuracy") if key in made.scores]
    said = [f"{key} {percent(made.scores[key])}" for key in known[:1]]
    return clean("  ".join([*said, ending(made), duration(made.seconds)]))


def fitted_words(event: Fitted) -> str:
    """Where a run is, and how it does."""
    rate = f"  {event.images / event.fit_seconds:,.0f} images/s" if event.fit_seconds > 0 else ""
    return f"epoch {event.epoch}  loss {_both(event.scores, 'running')}{rate}"


def progress_line(event: Scored) -> str:
    """One line for the scores at the end of an epoch, or `score_every` steps into it."""
    place = f"epoch {event.epoch}" if event.at_end else f"  step {event.step}"
    parts = [p for p in PARTS if f"{p}/loss" in event.scores and not (p == "running" and "train/loss" in event.scores)]
    said = "  ".join(f"{part} {_both(event.scores, part)}" for part in parts)
    return f"{place}  {said}{' *' if event.best else ''}"


def _both(scores: Scores, part: str) -> str:
    return f"{scores[f'{part}/loss']:.4f} {percent(scores.get(f'{part}/accuracy'))}"


# An architecture


def size(shape: Shape) -> str:
    """(10, 28, 28) as `10x28x28`"""
    return "x".join(map(str, shape))


def memory(count: int) -> str:
    """Bytes in the unit that fits."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"


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


# A comparison


@dataclass(frozen=True)
class Mean:
    """The mean over n seeds at the end of an epoch, and its interval by Student's t."""

    epoch: float
    n: int
    mean: float
    interval: Interval


@dataclass(frozen=True)
class Dot:
    """The metric of one seed."""

    seed: int
    value: float


@dataclass(frozen=True)
class ArmView:
    """An arm as it is drawn; `curves` are its seeds, one each, at the ends of epochs."""

    name: str
    means: tuple[Mean, ...]
    curves: tuple[Curve, ...]
    dots: tuple[Dot, ...]
    n: int
    failed: int
    mean: float
    interval: Interval


def curve_key(comparison: Comparison) -> str:
    """The score that the curves show: the first that all runs have, validation before training."""
    kind = comparison.metric.rpartition("/")[2]
    runs = [record for records in comparison.records.values() for record in records]
    keys = [f"{part}/{kind}" for part in ("valid", "train", "running")]
    return next((k for k in keys if all(any(k in e.scores for e in r.epochs) for r in runs if r.epochs)), keys[0])


def arm_views(comparison: Comparison) -> list[ArmView]:
    """The arms in the comparison's order, best first."""
    key = curve_key(comparison)
    return [_arm_view(comparison, place, key) for place in range(len(comparison.arms))]


def _arm_view(comparison: Comparison, place: int, key: str) -> ArmView:
    arm = comparison.arms[place]
    records = comparison.records[arm.name]
    curves = tuple(_ends(record, key) for record in records)
    ended = [curve for record, curve in zip(records, curves, strict=True) if not _diverged(record)]
    dots = tuple(Dot(r.recipe.seed, v) for r in records if (v := metric_of(r, comparison.metric)) is not None)
    made = arm.estimate
    return ArmView(
        clean(arm.name), means(ended, comparison.alpha), curves, dots, made.n, arm.failed, made.mean, made.interval
    )


def _diverged(record: Record) -> bool:
    return record.end is not None and record.end.reason == "diverged"


def after_first_epoch(arms: Sequence[ArmView]) -> list[ArmView]:
    """The arms with the curves' score after one epoch in place of the metric, for want of curves."""
    return [_after_first_epoch(arm) for arm in arms]


def _after_first_epoch(arm: ArmView) -> ArmView:
    dots = tuple(Dot(place, curve.points[0].value) for place, curve in enumerate(arm.curves) if curve.points)
    first = arm.means[0] if arm.means else Mean(1, 0, nan, None)
    return replace(arm, dots=dots, n=first.n, mean=first.mean, interval=first.interval)


def _ends(record: Record, key: str) -> Curve:
    """A score at the ends of a run's epochs."""
    points = (Point(e.epoch, e.scores[key]) for e in record.epochs if isfinite(e.scores.get(key, nan)))
    return Curve(f"seed {record.recipe.seed}", tuple(points))


def means(curves: Sequence[Curve], alpha: float = 0.05) -> tuple[Mean, ...]:
    """The mean over seeds at each epoch that all of them completed.

    It ends where the first seed stopped: a mean of those still running would jump as it loses members, and the last
    score of a run that has ended, carried on, would be one that nobody measured.
    """
    scored = [{point.epoch: point.value for point in curve.points} for curve in curves]
    shared = sorted(set.intersection(*map(set, scored))) if scored else []
    made = {epoch: estimate([values[epoch] for values in scored], alpha) for epoch in shared}
    return tuple(Mean(epoch, e.n, e.mean, e.interval) for epoch, e in made.items())


def means_frame(arms: Sequence[ArmView], share: bool) -> tuple[float, float]:
    """The range for curves of all seeds; the first tenth of the epochs may leave it for the sake of the rest."""
    every = [point for arm in arms for curve in arm.curves for point in curve.points]
    last = max((point.epoch for point in every), default=0)
    return frame([point.value for point in every if point.epoch > last / 10], share)


def dots_frame(arms: Sequence[ArmView], share: bool) -> tuple[float, float]:
    """The range that shows every seed and interval."""
    sides = [side for arm in arms if arm.interval for side in arm.interval]
    return frame([dot.value for arm in arms for dot in arm.dots] + sides, share)


def has_bands(arms: Sequence[ArmView]) -> bool:
    """Whether bands tell something: of few arms, and not of 2 seeds, whose t is 12.7."""
    ns = [mean.n for arm in arms for mean in arm.means]
    return len(arms) <= FEW and min(ns, default=0) > 2


def curves_caption(comparison: Comparison) -> str:
    """What the lines and bands are."""
    arms = arm_views(comparison)
    if all(len(arm.curves) < 2 for arm in arms):
        return "n = 1, one seed an arm: no band."
    said = [f"Mean over seeds ({_spread_of_n(arms)}) at the end of each epoch."]
    if has_bands(arms):
        said.append(f"Band: {_level(comparison)} interval of the mean, Student's t. Faint: single seeds.")
    else:
        said.append(
            "Faint: single seeds; for the intervals see the right." if len(arms) <= FEW else "Intervals: on the right."
        )
    if any(
        arm.means[-1].epoch < curve.points[-1].epoch
        for arm in arms
        if arm.means
        for curve in arm.curves
        if curve.points
    ):
        said.append("The mean ends where the first seed stopped.")
    low, high = means_frame(arms, is_share(curve_key(comparison)))
    if any(not low <= mean.mean <= high for arm in arms for mean in arm.means):
        said.append("The start lies outside the frame.")
    if any(arm.failed for arm in arms):
        said.append("Runs that diverged are not in it.")
    return " ".join(said)


def dots_caption(comparison: Comparison, when: str = "at its best epoch's weights") -> str:
    """What the dots and bars are."""
    said = f"Dot: one seed, {when}; darker: several alike."
    if any(arm.interval for arm in arm_views(comparison)):
        return f"{said} Diamond and bar: mean and its {_level(comparison)} interval over n seeds, Student's t."
    return f"{said} n = 1: no interval."


def _spread_of_n(arms: Sequence[ArmView]) -> str:
    """`n = 5`, or `n = 3 to 5` where arms have different numbers of seeds."""
    ns = sorted({len(arm.curves) for arm in arms})
    return f"n = {ns[0]}" if len(ns) == 1 else f"n = {ns[0]} to {ns[-1]}"


def arm_label(arm: ArmView, width: int) -> str:
    """The whole name of an arm with its n, on lines of at most `width` characters."""
    failed = f", {arm.failed} diverged" if arm.failed else ""
    tail = f"(n = {arm.n}{failed})".replace(" ", "\xa0")  # kept on one line
    return "\n".join(wrap(f"{arm.name} {tail}", width)).replace("\xa0", " ")


def headline(comparison: Comparison, longest: int) -> str:
    """The summary where it is no longer than this; of many arms, how many there are and which is first."""
    said, arms = clean(comparison.summary), len(comparison.arms)
    if len(said) <= longest:
        return said
    best = comparison.arms[0]
    return clean(f"{arms} arms, {counted(len(comparison.pairs), 'pair')}; best mean {comparison.metric}: {best.name}")


def arms_table(comparison: Comparison) -> Table:
    """Each arm's n, mean, interval and time."""
    level, key = _level(comparison), comparison.metric
    rows = [
        (
            a.name,
            a.estimate.n,
            score(key, a.estimate.mean),
            between(key, a.estimate.interval),
            duration(a.seconds),
            a.failed,
        )
        for a in comparison.arms
    ]
    heads, diverged = ["arm", "n", f"mean {key}", f"{level} interval", "time"], any(a.failed for a in comparison.arms)
    heads += ["diverged"] * diverged
    notes = _beyond_seeds(comparison)
    return table(f"{comparison.study}: {key} by arm", heads, [row[: len(heads)] for row in rows], notes=notes)


def _beyond_seeds(comparison: Comparison) -> list[str]:
    """Which part of the uncertainty the interval over seeds does not hold, and more seeds cannot shrink."""
    known = [arm.sampling for arm in comparison.arms if arm.sampling is not None]
    if not known:
        return []
    key, low, high = comparison.metric, f"{100 * min(known):.2f}", f"{100 * max(known):.2f}"
    half = high if low == high else f"{low} to {high}"
    part = key.partition("/")[0]
    return [
        f"interval: of the mean over seeds; for other {part} images add up to +-{half} points ({_level(comparison)}, "
        "Wilson), a part that more seeds cannot shrink"
    ]


def chief_pairs(comparison: Comparison) -> tuple[Pair, ...]:
    """All pairs where they are few, else those of the best arm."""
    best = comparison.arms[0].name
    few = len(comparison.arms) <= FEW
    return comparison.pairs if few else tuple(pair for pair in comparison.pairs if best in (pair.a, pair.b))


def pairs_table(comparison: Comparison, pairs: Sequence[Pair]) -> Table:
    """Each pair's difference with its interval, its p corrected for all pairs, and the verdict."""
    unit = "in points of accuracy" if is_share(comparison.metric) else f"in {comparison.metric}"
    heads = ("pair", "difference", f"{_level(comparison)} interval", "p", "verdict", "more seeds")
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
    rows = [_pair_row(pair, comparison.metric) for pair in pairs]
    return table(f"Pair by pair, {unit}", heads, rows, words=(0, 4), notes=notes)


def _pair_row(pair: Pair, key: str) -> tuple[object, ...]:
    j = pair.judged
    shown = f"{100 * j.difference:+.2f}" if is_share(key) else f"{j.difference:+.4g}"
    difference = shown if isfinite(j.difference) else "-"
    more = "-" if j.more_seeds is None else j.more_seeds
    return f"{pair.a} - {pair.b}", difference, between(key, j.interval, signed=True), p_value(j.p), j.verdict, more


def p_value(p: float | None) -> str:
    """Three digits; what is smaller is said to be."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3g}"


def points(key: str, difference: float) -> str:
    """A difference in the unit of its score."""
    return f"{100 * difference:g} points" if is_share(key) else f"{difference:g}"


def _level(comparison: Comparison) -> str:
    return f"{100 * (1 - comparison.alpha):g} %"


def seeds_line(comparison: Comparison) -> str:
    """Which seeds were run, and whether every arm has all of them."""
    by_arm = {frozenset(r.recipe.seed for r in records) for records in comparison.records.values()}
    every = ", ".join(map(str, sorted(frozenset().union(*by_arm))))
    return f"Seeds: {every}; {'the same for every arm' if len(by_arm) < 2 else 'not every arm has all of them'}."


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


def setting(value: Any) -> str:
    """A recipe's value as one writes it on the command line."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "the part's own"}[value]
    if isinstance(value, list | tuple):
        return ",".join(f"{x:g}" for x in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def made_table(comparison: Comparison) -> Table:
    """Versions, machine and data of the runs; more than one value where the runs were not all made alike."""
    found: dict[str, dict[str, None]] = {}
    for record in (r for records in comparison.records.values() for r in records):
        data = record.made.get("data", {})
        parts = ", ".join(f"{n} {part}" for part, n in data.get("counts", {}).items())
        facts = {**record.made.get("environment", {}), "data": data.get("name", ""), "images": parts}
        for key, value in {**facts, "fingerprint": data.get("fingerprint", "")}.items():
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
