"""Faults in the data: what the model is fed, in which order, with which labels, and what the parts share."""

from __future__ import annotations

import re
from itertools import pairwise
from math import log
from statistics import median

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Batch,
    End,
    Evaluation,
    Input,
    Loader,
    LossCall,
    Model,
    Pass,
    Seen,
    Shared,
)

NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:e-?\d+)?\s*(%?)")
ENOUGH_ROWS = 32


@decides("input-scale")
def input_scale(journal: Journal) -> Verdict:
    """Raw pixels, or inputs that were scaled away."""
    passes = [one for one in journal.of(Pass) if one.backward and one.input and one.input.finite]
    normed = {m.model for m in journal.of(Model) if _begins_with_norm(m)}
    seen: list[tuple[Pass, Input]] = [(one, one.input) for one in passes if one.input and one.model not in normed]
    if not seen:
        return None
    if all(given.maximum > 100 and given.minimum >= 0 and given.deviation > 10 for _, given in seen):
        given = seen[0][1]
        evidence = (
            f"the model is fed numbers from {given.minimum:g} to {given.maximum:g} (mean {given.mean:.3g}, deviation "
            f"{given.deviation:.3g})"
        )
        return [finding("input-scale", "warn", seen[0][0].where, evidence, 0.9)]
    if all(len(given.shape) > 2 and 0 < given.deviation < 0.02 for _, given in seen):
        given = seen[0][1]
        evidence = f"the inputs' deviation is {given.deviation:.2g} (mean {given.mean:.3g})"
        return [finding("input-scale", "warn", seen[0][0].where, evidence, 0.9)]
    return []


def _begins_with_norm(model: Model) -> bool:
    kinds = [layer.kind for layer in model.layers if layer.rows or "Norm" in layer.kind]
    return bool(kinds) and "Norm" in kinds[0]


@decides("repeated-batch")
def repeated_batch(journal: Journal) -> Verdict:
    """The same images at step after step, where there are more."""
    seen = [one for one in journal.of(Pass) if one.backward and one.input and one.step]
    if len({one.step for one in seen}) < 3:
        return None
    if len({one.input.digest for one in seen if one.input}) > 1:
        return []
    loaders = [one for one in journal.of(Loader) if one.length > one.batch > 0]
    given = seen[0].input
    if loaders and journal.of(Batch) and given and given.shape[0] == loaders[0].batch:
        whole = f"a batch of {loaders[0].batch} of {loaders[0].length}"
    elif given and given.share < 0.9:
        whole = f"{given.share:.0%} of the tensor they were cut out of"
    else:
        return []
    evidence = f"the same {given.shape[0]} inputs at all {len(seen)} steps looked at: {whole}"
    return [finding("repeated-batch", "fail", seen[0].where, evidence)]


@decides("unshuffled-training")
def unshuffled_training(journal: Journal) -> Verdict:
    """Labels that come sorted."""
    learned = {one.step for one in journal.of(Pass) if one.backward}
    batches = [one for one in journal.of(Batch) if one.labels and one.step in learned]
    used = {one.loader for one in batches}
    loaders = [one for one in journal.of(Loader) if one.loader in used]
    if not loaders:
        return None
    found: list[Finding] = []
    for loader in loaders:
        labels = [y for one in batches if one.loader == loader.loader and one.round == 0 for y in one.labels]
        excess = _neighbours(labels)
        if excess > 10:
            evidence = (
                f"neighbours among {len(labels)} training labels are equal {excess:.0f} deviations more "
                "often than by chance"
            )
            found.append(finding("unshuffled-training", "fail", loader.where, evidence))
    return found[:1]


def _neighbours(labels: list[int]) -> float:
    """How many standard deviations the equal neighbours exceed what a random order has."""
    n = len(labels)
    if n < 20:
        return 0.0
    counts = [labels.count(label) for label in set(labels)]
    chance = sum(count * (count - 1) for count in counts) / (n * (n - 1))
    equal = sum(a == b for a, b in pairwise(labels))
    deviation = ((n - 1) * chance * (1 - chance)) ** 0.5
    return (equal - (n - 1) * chance) / deviation if deviation else 0.0


@decides("split-leakage")
def split_leakage(journal: Journal) -> Verdict:
    """Evaluated inputs that training saw, byte by byte; or indices in both parts."""
    seen = [one for one in journal.of(Shared) if one.trained and one.evaluated and not one.same_part]
    learned = _learning_loaders(journal)
    loaders = {one.loader: one for one in journal.of(Loader)}
    found: list[Finding] = []
    for train in learned:
        for other in loaders.values():
            a, b = loaders[train].indices, other.indices
            if other.loader in learned or other.base != loaders[train].base or other.dataset == loaders[train].dataset:
                continue
            if a is not None and b is not None and a != b and len(a & b):
                evidence = f"{len(a & b)} of {len(b)} evaluated items have the index of a training item"
                found.append(finding("split-leakage", "fail", other.where, evidence))
    for one in seen:
        share, usual = one.shared / one.evaluated, one.repeats / one.trained
        if one.shared >= 5 and 0.01 < share < 0.99 and share > 5 * usual:
            where = loaders[one.source].where if one.source in loaders else _evaluated_at(journal, one.source)
            evidence = (
                f"{one.shared} of {one.evaluated} different evaluated inputs ({share:.0%}) are among "
                f"the first {one.trained} "
                f"training inputs, byte by byte"
            )
            found.append(finding("split-leakage", "fail", where, evidence))
    return found[:1] if seen or loaders else None


def _evaluated_at(journal: Journal, source: int) -> str | None:
    return next((one.caller for one in journal.of(Evaluation) if one.source == source), None)


def _learning_loaders(journal: Journal) -> set[int]:
    """Loaders whose batches are followed by a backward pass."""
    used: set[int] = set()
    last: Seen | None = None
    for one in journal.seen:
        if isinstance(one, Batch):
            last = one
        elif isinstance(one, Pass) and one.backward and isinstance(last, Batch):
            used.add(last.loader)
    return used


@decides("augmented-validation")
def augmented_validation(journal: Journal) -> Verdict:
    """The same labels in the same places, and other pictures."""
    learned = _learning_loaders(journal)
    loaders = {one.loader: one for one in journal.of(Loader)}
    places: dict[tuple[int, int, tuple[int, ...]], set[int]] = {}
    turns: set[int] = set()
    for one in journal.of(Batch):
        if one.loader not in learned and len(one.labels) >= 8 and len(set(one.labels)) > 1:
            places.setdefault((one.loader, one.place, one.labels), set()).add(one.images)
            turns.add(one.round)
    if len(turns) < 2:
        return None
    for (loader, _, labels), images in places.items():
        if len(images) > 1:
            evidence = (
                f"a batch of {len(labels)} evaluated images had the same labels and {len(images)} "
                "different contents from "
                f"one reading to the next"
            )
            return [finding("augmented-validation", "fail", loaders[loader].where, evidence)]
    return []


@decides("split-preprocessing-mismatch")
def split_preprocessing_mismatch(journal: Journal) -> Verdict:
    """Evaluation inputs of another size or centre than training inputs."""
    passes = [one for one in journal.of(Pass) if one.input and one.input.finite and one.input.shape[0] >= ENOUGH_ROWS]
    train = [one.input for one in passes if one.backward and one.input]
    scored = [one for one in passes if not one.grad and one.judged]
    judged = [one.input for one in scored if one.input]
    if not train or not judged or len(train[0].shape) != len(judged[0].shape):
        return None
    centre, spread = _middle(train)
    other, width = _middle(judged)
    if not spread or not width:
        return []
    gap, ratio = abs(other - centre) / spread, width / spread
    if gap < 0.5 and 0.5 < ratio < 2:
        return []
    level = "fail" if gap > 3 or not 0.1 < ratio < 10 else "warn"
    evidence = (
        f"training inputs have mean {centre:.3g} and deviation {spread:.3g}, evaluation inputs {other:.3g} "
        f"and {width:.3g}"
    )
    return [finding("split-preprocessing-mismatch", level, scored[0].where, evidence, 1.0 if level == "fail" else 0.9)]


def _middle(inputs: list[Input]) -> tuple[float, float]:
    return median(one.mean for one in inputs), median(one.deviation for one in inputs)


@decides("class-map-mismatch")
def class_map_mismatch(journal: Journal) -> Verdict:
    """Two maps from names to numbers, or predictions that a renaming of classes makes right."""
    maps = [one for one in journal.of(Loader) if one.classes]
    for a, b in pairwise(maps):
        if a.classes != b.classes:
            differ = sorted({name for name, _ in set(a.classes) ^ set(b.classes)})
            evidence = f"class_to_idx differs between two datasets at {', '.join(differ[:4])}"
            return [finding("class-map-mismatch", "fail", b.where, evidence)]
    evaluations = [one for one in journal.of(Evaluation) if one.count >= 100]
    losses = [one for one in journal.of(LossCall) if one.learning and one.name in ("cross_entropy", "nll_loss")]
    ends = journal.of(End)
    learned = bool(losses and ends) and ends[0].loss < 0.6 * log(max(losses[-1].classes, 2))
    if not evaluations or not learned or evaluations[-1].right > 0.8 * evaluations[-1].count:
        return [] if len(maps) > 1 else None
    last = evaluations[-1]
    size = 1 + max(max(y, p) for y, p, _ in last.confusion)
    if size < 3 or size > 1000 or min(min(y, p) for y, p, _ in last.confusion) < 0:
        return []
    table = [[0] * size for _ in range(size)]
    for label, said, number in last.confusion:
        table[said][label] += number
    most = min(sum(map(max, table)), sum(max(column) for column in zip(*table, strict=True)))
    if most - last.right < 0.2 * last.count:  # no renaming can do better than this
        return []
    from scipy.optimize import linear_sum_assignment  # takes half a second that hardly any script has to pay

    rows, columns = linear_sum_assignment(table, maximize=True)
    matched = {int(p): int(y) for p, y in zip(rows, columns, strict=True)}
    best = sum(table[p][y] for p, y in matched.items())
    moved = [p for p, y in matched.items() if p != y and table[p][y] > 0.5 * sum(table[p]) >= 0.025 * last.count]
    if best - last.right < 0.2 * last.count or len(moved) < 2:
        return []
    evidence = f"{last.right} of {last.count} are right as counted, {best} if classes are renamed: " + ", ".join(
        f"what is called {p} is labelled {matched[p]}" for p in moved[:3]
    )
    return [finding("class-map-mismatch", "warn", last.caller, evidence, 0.95)]


@decides("repeated-worker-rng")
def repeated_worker_rng(journal: Journal) -> Verdict:
    """A dataset with a generator of its own, copied to each worker in the same state."""
    loaders = [one for one in journal.of(Loader) if one.workers > 1]
    if not loaders:
        return None
    copied = [one for one in loaders if one.generators and not one.seeded]
    return [
        finding(
            "repeated-worker-rng",
            "fail",
            one.where,
            f"the dataset holds a generator ({', '.join(one.generators)}), and each of {one.workers} "
            "workers begins with "
            f"the same copy of it",
        )
        for one in copied[:1]
    ]


@decides("degenerate-data")
def degenerate_data(journal: Journal) -> Verdict:
    """Inputs that are no numbers, blank pictures, a single class."""
    passes = [one for one in journal.of(Pass) if one.input]
    learning = [one for one in passes if one.backward]
    if not learning:
        return None
    broken = next((one for one in passes if one.input and not one.input.finite), None)
    if broken:
        evidence = f"an input at step {broken.step} holds numbers that are not finite"
        return [finding("degenerate-data", "fail", broken.where, evidence)]
    calls = [one for one in journal.of(LossCall) if one.learning and one.targets.counts and one.classes > 1]
    totals = [sum(column) for column in zip(*(one.targets.counts for one in calls), strict=False)]
    if calls and sum(totals) >= 64 and max(totals) == sum(totals):
        evidence = f"all {sum(totals)} training labels seen are class {totals.index(max(totals))}"
        return [finding("degenerate-data", "fail", calls[0].where, evidence)]
    blank = [one.input.blank for one in learning if one.input]
    if sum(blank) / len(blank) > 0.05:
        evidence = f"{sum(blank) / len(blank):.0%} of the training pictures looked at have one value in all pixels"
        return [finding("degenerate-data", "warn", learning[0].where, evidence, 0.9)]
    return []
