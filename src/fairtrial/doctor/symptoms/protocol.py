"""Faults in the data and in how a model is evaluated: what is shared, how it is counted, what chose the model."""

from __future__ import annotations

import re
from itertools import pairwise
from math import log
from statistics import median

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Axis,
    Batch,
    End,
    Evaluation,
    Input,
    Loader,
    LossCall,
    Pass,
    Printed,
    Seen,
    Shared,
    StateLoaded,
    StateTaken,
)

NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:e-?\d+)?\s*(%?)")
ENOUGH_ROWS = 32


@decides("wrong-accuracy")
def wrong_accuracy(journal: Journal) -> Verdict:
    """The largest score along the wrong axis, or a printed number that only a wrong formula gives."""
    evaluations, axes = journal.of(Evaluation), journal.of(Axis)
    if not evaluations and not axes:
        return None
    shapes = {(call.rows, call.classes) for call in journal.of(LossCall)}
    wrong = [one for one in axes if len(one.shape) == 2 and one.axis in (0, -2) and _scores(one.shape, shapes)]
    if wrong:
        evidence = f"the largest of {wrong[0].shape} scores is looked for along axis {wrong[0].axis}: over the examples"
        return [finding("wrong-accuracy", "fail", wrong[0].where, evidence)]
    found: list[Finding] = []
    for evaluation, printed in _told(journal):
        if said := _misprinted(evaluation, printed):
            found.append(finding("wrong-accuracy", "fail", printed.where, said))
    return found[:1]


def _scores(shape: tuple[int, ...], known: set[tuple[int, int]]) -> bool:
    """Whether these are scores of a batch: as many columns as the loss has classes."""
    return shape[0] != shape[1] and shape[1] in {classes for _, classes in known} and shape[1] > 1


def _told(journal: Journal) -> list[tuple[Evaluation, Printed]]:
    """Evaluations, each with the lines printed before the next."""
    pairs: list[tuple[Evaluation, Printed]] = []
    last: Evaluation | None = None
    for one in journal.seen:
        last = one if isinstance(one, Evaluation) else last
        if isinstance(one, Printed) and last is not None:
            pairs.append((last, one))
    return pairs


def _misprinted(evaluation: Evaluation, printed: Printed) -> str | None:
    """What is wrong with a printed accuracy that a wrong formula explains and the right one does not."""
    if "acc" not in printed.text.lower() or not evaluation.count:
        return None
    right, count, batches = evaluation.right, evaluation.count, evaluation.batches
    largest = max(number for _, number in batches)
    formulas = {
        f"{right} right ones divided by {len(batches)} batches x {largest}, where there are {count} images": right
        / (len(batches) * largest),
        f"the mean of the {len(batches)} batches' means, though the last batch has {batches[-1][1]} of {largest}": sum(
            r / n for r, n in batches
        )
        / len(batches),
        f"{right} right ones divided by {len(batches)} batches": right / len(batches),
        f"the last batch's {batches[-1][0]} right of {batches[-1][1]} alone, of {count}": batches[-1][0]
        / batches[-1][1],
    }
    for text, percent in NUMBER.findall(printed.text):
        precision = 0.5 * 10.0 ** -len(text.partition(".")[2]) * 1.001
        values = [(float(text), precision)] if not percent else []
        values.append((float(text) / 100, precision / 100))
        if "." not in text or any(abs(value - right / count) <= error for value, error in values):
            continue
        for formula, wrong in formulas.items():
            if any(abs(value - wrong) <= error and abs(wrong - right / count) > 2 * error for value, error in values):
                return (
                    f"{text}{percent} was printed, which is {formula}; the accuracy is {right}/{count} = "
                    f"{right / count:.4f}"
                )
    return None


@decides("best-not-restored")
def best_not_restored(journal: Journal) -> Verdict:
    """Weights were kept when a score was best, and another part is evaluated with the last ones."""
    taken, evaluations = journal.of(StateTaken), journal.of(Evaluation)
    if not taken or len(evaluations) < 2:
        return None
    final, before = evaluations[-1], evaluations[:-1]
    looked = {one.step for one in before if one.source != final.source}
    kept = {one.step for one in taken} & looked
    later = {step for step in looked if step > max(kept, default=0)}
    chosen = bool(kept) and len(kept) < len(looked) and bool(later)
    loaded = [one for one in journal.of(StateLoaded) if one.step >= final.step]
    if not chosen or loaded or final.step < max(looked) or any(one.source == final.source for one in before):
        return []
    evidence = (
        f"state_dict() was kept after {len(kept)} of {len(looked)} evaluations, last at step "
        f"{max(kept)}; the last part "
        f"is evaluated at step {final.step} with the weights of that step"
    )
    return [finding("best-not-restored", "fail", final.caller or final.where, evidence)]


@decides("test-set-selection")
def selection_on_the_reported_part(journal: Journal) -> Verdict:
    """The part that chose the weights is the only one that is reported."""
    taken, evaluations = journal.of(StateTaken), journal.of(Evaluation)
    if not taken or len(evaluations) < 2:
        return None
    sources = {one.source for one in evaluations}
    looked = {one.step for one in evaluations}
    kept = {one.step for one in taken} & looked
    if not kept or len(kept) == len(looked) or len(sources) > 1:
        return []
    named = any("test" in (one.text + (one.caller or "")).lower() for one in evaluations)
    if not named:
        return []
    evidence = f"the test part was looked at {len(evaluations)} times, and its score decided which weights were kept"
    return [finding("test-set-selection", "fail", evaluations[0].caller, evidence, 0.9)]


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
