"""Records and comparisons as plain data, ready to be drawn; all that is computed for a report is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from textwrap import wrap
from typing import Literal, TypeAlias

from fairtrial.costs import fit_seconds, images_per_second, score_seconds
from fairtrial.report.wording import between, clean, counted, duration, is_share, level, percent, score
from fairtrial.spec.events import Ended, Fitted, Scored, Scores
from fairtrial.spec.files import EVENTS
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import Range, Trial, Tuned
from fairtrial.statistics import Interval, estimate
from fairtrial.store import Record
from fairtrial.verdicts import Comparison, metric_of, summarise

Became: TypeAlias = Literal["chosen", "to its end", "given up early", "diverged"]

FEW = 5  # arms up to which bands and single seeds can be told apart
MOST_TICKS = 10
MOST_LINES = 5  # damaged ones that are named
LONG = 5  # epochs from which a curve is seen well enough at their ends
PARTS = ("train", "valid", "test", "running")


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
        seconds=fit_seconds(record) + score_seconds(record),
        images_per_second=images_per_second([record]),
    )


def left_out(record: Record, most: int) -> str:
    """The files of its data that a run did without, at most so many by name; empty: none."""
    skipped = record.made.get("data", {}).get("skipped", [])
    named = "; ".join(f"{path} ({reason})" for path, reason in skipped[:most])
    more = f" and {len(skipped) - most} more" if len(skipped) > most else ""
    return clean(f"{counted(len(skipped), 'unusable file')} left out: {named}{more}") if skipped else ""


def title(recipe: Recipe) -> str:
    """What is trained on what, and how, in a line."""
    how = f"{recipe.optimizer}, lr {recipe.lr:g}, batch {recipe.batch}, seed {recipe.seed}, {recipe.engine}"
    return clean(f"{recipe.model} on {recipe.data}: {how}")


def ending(made: Outcome) -> str:
    """Why and where a run ended, in a line."""
    best = f", best epoch {made.best_epoch}" if made.best_epoch else ""
    why = f": {made.detail}" if made.detail else ""
    return clean(f"{made.ended} after {made.epochs} of {counted(made.planned, 'epoch')}{best}{why}")


def unread(record: Record) -> str:
    """Which lines of a run's events could not be read; empty: all were."""
    lines = record.damaged_lines
    if not lines:
        return ""
    some = ", ".join(map(str, lines[:MOST_LINES])) + ", ..." * (len(lines) > MOST_LINES)
    return f"left out of {EVENTS}: {counted(len(lines), 'damaged line')} ({some})"


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


def epoch_ticks(first: float, last: float) -> list[int]:
    """At most a dozen whole epochs at distances of 1, 2 or 5 times a power of ten."""
    steps = (digit * 10**power for power in range(9) for digit in (1, 2, 5))
    step = next(step for step in steps if last / step <= MOST_TICKS)
    return [epoch for epoch in range(0, int(last) + 1, step) if epoch >= first]


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
    """The score that the curves show: of the metric's kind if there are such, the first that all runs have.

    Validation comes before training. A measure is known for the end of a run alone: accuracy stands for it.
    """
    kind = comparison.metric.rpartition("/")[2]
    runs = [record for records in comparison.records.values() for record in records]
    scored = [epoch.scores for record in runs for epoch in record.epochs]
    keys = [f"{part}/{measure}" for measure in (kind, "accuracy", "loss") for part in ("valid", "train", "running")]
    return next((key for key in keys if all(key in scores for scores in scored)), keys[0])


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


def has_curves(arms: Sequence[ArmView]) -> bool:
    """Whether any run went on for more than one epoch."""
    return any(len(curve.points) > 1 for arm in arms for curve in arm.curves)


def curves_caption(comparison: Comparison, seeds: str) -> str:
    """What the lines and bands are; `seeds` says of which arms single seeds are drawn."""
    arms = arm_views(comparison)
    if all(len(arm.curves) < 2 for arm in arms):
        return "n = 1, one seed an arm: no band."
    said = [f"Mean over seeds ({_spread_of_n(arms)}) at the end of each epoch."]
    if has_bands(arms):
        said.append(f"Band: {level(comparison.alpha)} interval of the mean, Student's t.")
    else:
        said.append("Intervals: in the other panel.")
    said += [seeds] if seeds else []
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


def curves_in_words(comparison: Comparison) -> str:
    """Where the curves end, for those who cannot see them."""
    key = curve_key(comparison)
    ends = [
        f"{arm.name} ends at {score(key, arm.means[-1].mean)} after epoch {arm.means[-1].epoch:g}"
        if arm.means
        else f"{arm.name} has no mean"
        for arm in arm_views(comparison)
    ]
    return "; ".join(ends)


def dots_in_words(arms: Sequence[ArmView], key: str) -> str:
    """The mean and the interval of each arm, for those who cannot see them."""
    return "; ".join(f"{arm.name}: {score(key, arm.mean)}, interval {between(key, arm.interval)}" for arm in arms)


def dots_caption(comparison: Comparison, when: str = "at its best epoch's weights") -> str:
    """What the dots and bars are."""
    arms = arm_views(comparison)
    if not any(arm.n for arm in arms):
        return "n = 0: no run came to its end."
    said = f"Dot: one seed, {when}; darker: several alike."
    if any(arm.interval for arm in arms):
        return f"{said} Diamond and bar: mean and its {level(comparison.alpha)} interval over n seeds, Student's t."
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
    """The outcome where it is no longer than this; of many arms, how the best of them does against the others."""
    said = clean(summarise(comparison))
    return said if len(said) <= longest else clean(_in_short(comparison))


def _in_short(comparison: Comparison) -> str:
    best, alone = comparison.arms[0].name, {arm.name for arm in comparison.arms if arm.failed and not arm.values}
    verdicts = [p.judged.verdict for p in comparison.pairs if best in (p.a, p.b) and alone.isdisjoint((p.a, p.b))]
    ways = {
        "better": "beats",
        "worse": "loses to",
        "equivalent": "is equivalent to",
        "undecided": "is undecided against",
    }
    said = ", ".join(f"{way} {verdicts.count(verdict)}" for verdict, way in ways.items() if verdict in verdicts)
    failed = sum(arm.failed > 0 for arm in comparison.arms)
    diverged = f" {counted(failed, 'arm')} diverged in some or all seeds." if failed else ""
    first = f"{best} has the best mean {comparison.metric} of {len(comparison.arms)} arms"
    return f"{first}; it {said or 'stands alone'}.{diverged}"


def seeds_line(comparison: Comparison) -> str:
    """Which seeds were run, and how many of them each arm has where that is not the same."""
    by_arm = {arm: {r.recipe.seed for r in records} for arm, records in comparison.records.items()}
    every = sorted(set[int]().union(*by_arm.values()))
    counts = ", ".join(f"{clean(arm)} {len(seeds)}" for arm, seeds in by_arm.items())
    said = (
        f"the first of them by arm: {counts}" if len(set(map(len, by_arm.values()))) > 1 else "the same for every arm"
    )
    return f"Seeds: {', '.join(map(str, every))}; {said}."


# Tuning


@dataclass(frozen=True)
class TrialDot:
    """A trial of an arm: the value it tried of one field, its score on the validation part, and what became of it."""

    arm: str
    value: float
    score: float | None  # None: it diverged
    became: Became


def became(tuned: Tuned, trial: Trial) -> Became:
    """What a trial came to."""
    if trial == tuned.chosen:
        return "chosen"
    return "diverged" if trial.score is None else "to its end" if trial.complete else "given up early"


def trial_dots(comparison: Comparison, field: str) -> list[TrialDot]:
    """All trials of all arms that tried values of this field."""
    return [
        TrialDot(clean(tuned.arm), trial.values[field], trial.score, became(tuned, trial))
        for tuned in comparison.tuning
        for trial in tuned.trials
        if field in trial.values
    ]


def tuned_ranges(comparison: Comparison) -> list[Range]:
    """The ranges that arms were tuned in, each once."""
    return list(dict.fromkeys(each for tuned in comparison.tuning for each in tuned.ranges))


def tuned_in_words(comparison: Comparison, field: str) -> str:
    """Which value each arm got, for those who cannot see the trials."""
    got = [(clean(tuned.arm), tuned.values.get(field)) for tuned in comparison.tuning]
    return "; ".join(f"{arm}: {'none' if value is None else f'{value:g}'} chosen" for arm, value in got)
