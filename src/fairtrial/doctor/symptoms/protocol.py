"""Faults in how a model is evaluated: in which mode, how it is counted, what chose it, what is reported."""

from __future__ import annotations

import re

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Axis,
    Evaluation,
    LossCall,
    Model,
    Pass,
    Printed,
    StateLoaded,
    StateTaken,
    Trained,
)
from fairtrial.doctor.symptoms.step import listed

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


@decides("evaluation-in-train-mode")
def evaluation_in_train_mode(journal: Journal) -> Verdict:
    """Judged without learning, with dropout or batch norm at work."""
    seen = [one for one in journal.of(Pass) if not one.grad and one.judged and one.input]
    learned = {one.model for one in journal.of(Pass) if one.backward}
    seen = [one for one in seen if one.model in learned]
    if not seen:
        return None
    wrong = [one for one in seen if (one.training and one.active) or one.switched_on]
    if not wrong or _sampling([one for one in journal.of(Pass) if not one.grad and (one.active or one.switched_on)]):
        return []
    what = "a dropout that ignores eval()" if wrong[0].switched_on else listed(list(wrong[0].active))
    evidence = f"{len(wrong)} of {len(seen)} evaluation passes looked at ran with {what} in training mode"
    return [finding("evaluation-in-train-mode", "fail", wrong[0].switched_on or wrong[0].where, evidence)]


def _sampling(passes: list[Pass]) -> bool:
    """Whether the same images are given again and again, as Monte-Carlo dropout does."""
    looks = [(one.phase, one.input.digest) for one in passes if one.input]
    return len(set(looks)) < len(looks)


@decides("identical-seeds")
def identical_seeds(journal: Journal) -> Verdict:
    """Models of several trainings that end with the same weights."""
    seen = [one for one in journal.of(Trained) if one.first != one.last]
    if len(seen) < 2:
        return None
    same = [one for one in seen if (one.first, one.last) == (seen[0].first, seen[0].last)]
    if len(same) < 2:
        return []
    evidence = f"{len(same)} of {len(seen)} trained models have the same weights at the end, bit for bit"
    where = next((model.where for model in journal.of(Model) if model.model == same[1].model), None)
    return [finding("identical-seeds", "fail" if len(same) > 2 else "warn", where, evidence)]
