"""Faults in how a model is evaluated: in which mode, how it is counted, what chose it, what is reported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from itertools import accumulate
from math import inf

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Axis,
    Crossed,
    Curve,
    Evaluation,
    Lineage,
    Loader,
    Look,
    LossCall,
    Model,
    Pass,
    Printed,
    SameMember,
    Seeded,
    Shared,
    StateLoaded,
    StateTaken,
    Trained,
)
from fairtrial.doctor.symptoms.places import first, leading
from fairtrial.doctor.symptoms.step import layers_named

NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:e-?\d+)?\s*(%?)")
AFTER = re.compile(r"(?i)acc\w*\W{0,4}(\d+(?:\.\d+)?)\s*(%?)")
SEVERAL = 4  # evaluations among which a state is chosen
REPORTED = r"(?i)(?<!train_)test|final|hold|held|unseen"  # what people call the part that is reported


@decides("wrong-accuracy")
def wrong_accuracy(journal: Journal) -> Verdict:
    """The largest score along the wrong axis, or a printed number that only a wrong formula gives."""
    axes, crossed = journal.of(Axis), journal.of(Crossed)
    if not (axes or crossed or journal.of(Evaluation)):
        return None
    shapes = {(call.rows, call.classes) for call in journal.of(LossCall)}
    wrong = [one for one in axes if len(one.shape) == 2 and one.axis in (0, -2) and _scores(one.shape, shapes)]
    if wrong:
        evidence = f"the largest of {wrong[0].shape} scores is looked for along axis {wrong[0].axis}: over the examples"
        return [finding("wrong-accuracy", "fail", wrong[0].where, evidence)]
    if crossed:
        labels, predictions = crossed[0].shape
        evidence = f"{predictions} predictions are compared with {labels} labels of another shape: each with each"
        return [finding("wrong-accuracy", "fail", crossed[0].where, evidence)]
    return _misprinted(journal)


def _scores(shape: tuple[int, ...], known: set[tuple[int, int]]) -> bool:
    """Whether these are scores of a batch: as many columns as the loss has classes."""
    return shape[0] != shape[1] and shape[1] in {classes for _, classes in known} and shape[1] > 1


def _misprinted(journal: Journal) -> list[Finding]:
    """Numbers that a wrong formula gives and no evaluation so far does, more often than right ones at the same line."""
    lengths = {one.length for one in journal.of(Loader)}
    wrong: dict[str | None, list[tuple[str, tuple[str, ...], Evaluation]]] = {}
    right = Counter[str | None]()
    so_far: list[Evaluation] = []
    shares = set[float]()  # of right answers, so far
    recent: list[Evaluation] = []  # since the last line that was printed
    closed = False
    for one in journal.seen:
        if isinstance(one, Evaluation) and one.count:
            recent = [one] if closed else [*recent, one]
            so_far.append(one)
            shares.add(one.right / one.count)
            closed = False
        elif isinstance(one, Printed) and so_far:
            closed = True
            for text, values in accuracies(one):
                if any(abs(value - share) <= error for share in shares for value, error in values):
                    right[one.where] += 1
                    continue
                for known in recent:
                    until = so_far[: so_far.index(known) + 1]
                    earlier = [other for other in until if other.source == known.source]
                    wrong.setdefault(one.where, []).extend(_explained(text, values, known, earlier, lengths))
    for where, said in wrong.items():
        averaged = len(said) == 1 and "evaluations" in said[0][0]  # over seeds or folds, once
        if len(said) > right[where] and not averaged:
            evidence, patterns, known = said[0]
            line = first(leading(journal, "printed", where), *patterns) if patterns else known.where
            return [finding("wrong-accuracy", "fail", line or where, evidence)]
    return []


def accuracies(printed: Printed) -> list[tuple[str, list[tuple[float, float]]]]:
    """The numbers of a line about an accuracy, each with the shares that it may mean and their rounding."""
    about = AFTER.findall(printed.text) or (NUMBER.findall(printed.text) if "acc" in printed.text.lower() else [])
    found: list[tuple[str, list[tuple[float, float]]]] = []
    for text, percent in about:
        if "." in text:
            precision = max(0.5 * 10.0 ** -len(text.partition(".")[2]) * 1.001, 1e-6)  # of a 32-bit float
            values = [(float(text), precision)] if not percent else []
            found.append((text + percent, [*values, (float(text) / 100, precision / 100)]))
    return found


def _explained(
    text: str, values: list[tuple[float, float]], known: Evaluation, earlier: list[Evaluation], lengths: set[int]
) -> list[tuple[str, tuple[str, ...], Evaluation]]:
    """What is wrong with a number that a wrong formula alone explains, and what the line looks like."""
    right, count, batches = known.right, known.count, known.batches
    largest, (some, last) = max(number for _, number in batches), batches[-1]
    equal, entries = known.entries
    truth, said = Counter[int](), Counter[int]()
    for label, prediction, number in known.confusion:
        truth[label] += number
        said[prediction] += number
    classes = 1 + max((*truth, *said), default=0)
    each = sum(number * said[label] for label, number in truth.items()) / count**2
    summed = sum(one.right for one in earlier)
    formulas: list[tuple[str, float, tuple[str, ...]]] = [
        (
            f"{right} right ones divided by {len(batches)} batches x {largest}, where there are {count} examples",
            right / (len(batches) * largest),
            ("/",),
        ),
        (
            f"the mean of the {len(batches)} batches' means, though the last batch has {last} of {largest}",
            sum(r / n for r, n in batches) / len(batches),
            (r"mean\(|accuracy_score", "/"),
        ),
        (f"{right} right ones divided by {len(batches)} batches", right / len(batches), ("/",)),
        (f"{right} right ones divided by the {last} of the last batch", right / last, ("/",)),
        (f"the last batch's {some} right ones divided by all {count}", some / count, ("/",)),
        (f"the last batch's {some} right of {last} alone, of {count}", some / last, (r"mean\(|sum\(|accuracy_score",)),
        (f"the mean over {count} x {count} pairs, each label with each prediction", each, (r"==", r"mean\(")),
        *((f"{right} right ones divided by the {n} of another part", right / n, ("/",)) for n in lengths if n),
    ]
    if entries:
        formulas.append((f"{equal} of {entries} entries of one-hot rows", equal / entries, ()))
    elif classes > 2:
        share = 1 - 2 * (count - right) / (count * classes)
        formulas.append((f"the mean over {count} x {classes} entries of one-hot rows", share, (r"==", r"mean\(")))
    if len(earlier) > 1:
        total = sum(one.count for one in earlier)
        formulas.append((f"{summed} right ones of {len(earlier)} evaluations together", summed / count, (r"\+=", "/")))
        formulas.append((f"the share of all {total} of {len(earlier)} evaluations", summed / total, (r"\+=", "/")))
    share = f"{right}/{count} = {right / count:.4f}"
    meant = f"whole rows are right in {share}" if entries else f"the accuracy is {share}"
    return [
        (f"{text} was printed: {formula}; {meant}", patterns, known)
        for formula, wrong, patterns in formulas
        if any(abs(value - wrong) <= error and abs(wrong - right / count) > 2 * error for value, error in values)
    ][:1]


def _looks(journal: Journal) -> list[tuple[Look, int]]:
    """Looks at parts of the data that training did not see, each with the part's number."""
    parts = {one.source: one.part for one in journal.of(Shared) if one.source}
    trained = {one.source for one in journal.of(Shared) if one.same_part}
    taught = {one.where for one in journal.of(Pass) if one.backward}
    looks = [one for one in journal.of(Look) if one.source not in trained and one.where not in taught]
    return [(one, parts.get(one.source, one.source)) for one in looks]


@decides("best-not-restored")
def best_not_restored(journal: Journal) -> Verdict:
    """Weights were kept when a score was best, and the last ones are evaluated; or they were kept when it was worst."""
    if worst := _worst_kept(journal):
        return worst
    taken, looks = journal.of(StateTaken), _looks(journal)
    if not taken or len(looks) < 2:
        return None
    (final, part), before = looks[-1], looks[:-1]
    looked = {one.step for one, other in before if other != part and one.model == final.model}
    kept = {one.step for one in taken if one.model == final.model} & looked
    later = {step for step in looked if step > max(kept, default=0)}
    chosen = bool(kept) and len(kept) < len(looked) and bool(later)
    loaded = [one for one in journal.of(StateLoaded) if one.step >= final.step and one.model == final.model]
    last = (
        next(one for one, other in reversed(before) if other != part and one.model == final.model) if looked else final
    )
    if not chosen or loaded or final.weights != last.weights or any(other == part for _, other in before):
        return []
    evidence = (
        f"weights were kept after {len(kept)} of {len(looked)} evaluations, last at step "
        f"{max(kept)}; the last evaluation, at step {final.step}, is not of those weights, but of that step's"
    )
    return [finding("best-not-restored", "fail", final.callers[min(1, len(final.callers) - 1)][0], evidence)]


def _worst_kept(journal: Journal) -> list[Finding]:
    """Weights that a comparison kept whenever a score was at its worst so far, and that were put back at the end."""
    looks, curves = journal.of(Look), journal.of(Curve)
    for model in {one.model for one in journal.of(StateTaken) if one.choice}:
        taken = {one.step: one for one in journal.of(StateTaken) if one.choice and one.model == model}
        looked = {(one.step, one.source) for one in looks if one.model == model}
        shares = dict[int, dict[int, Evaluation]]()
        for one in journal.of(Evaluation):
            if (one.step, one.source) in looked and one.step >= min(taken):
                shares.setdefault(one.source, {})[one.step] = one
        steps = {step for step, _ in looked if step >= min(taken)}
        losses = {
            step: -loss for one in curves for step, loss in zip(one.held_at, one.held, strict=True) if step in steps
        }
        scores = [{step: one.right / one.count for step, one in seen.items()} for seen in shares.values()]
        known = [series for series in (*scores, losses) if len(series) >= SEVERAL]
        if any(_kept_at(taken, series, 1) for series in known) or not _put_back(journal, max(steps, default=0)):
            continue
        for series in known:
            kept = max(taken.keys() & series.keys(), default=None)
            best = max(series, key=series.__getitem__)
            if kept is None or not _kept_at(taken, series, -1):
                continue
            if series is not losses:
                about = leading(journal, "choice", taken[kept].choice)
                counts = next(seen for seen in shares.values() if seen.keys() == series.keys())
                noise = sum(one.right * (one.count - one.right) / one.count**3 for one in (counts[kept], counts[best]))
                if first(about, r"(?i)loss|entropy|nll|err") or series[best] - series[kept] < 3 * noise**0.5:
                    continue
            what = "a loss of" if series is losses else "an accuracy of"
            evidence = (
                f"of {len(series)} evaluations the worst is kept, at step {kept}, with {what} {abs(series[kept]):.4f}; "
                f"at step {best} it was {abs(series[best]):.4f}"
            )
            return [finding("best-not-restored", "fail", taken[kept].choice, evidence)]
    return []


def _kept_at(taken: Collection[int], series: dict[int, float], sign: int) -> bool:
    """Whether states were taken at each score that is the highest so far, or the lowest, and at no other one."""
    values = [(step, sign * series[step]) for step in sorted(series)]
    tops = [-inf, *accumulate((value for _, value in values), max)]
    strict = {step for (step, value), top in zip(values, tops, strict=False) if value > top}
    equal = {step for (step, value), top in zip(values, tops, strict=False) if value >= top}
    return strict <= series.keys() & set(taken) <= equal


def _put_back(journal: Journal, last: int) -> bool:
    """Whether a state is loaded after the last of these steps, or a model evaluated that never learned."""
    learned = {one.model for one in journal.of(Pass) if one.backward}
    copies = (one for one in journal.of(Look) if one.model not in learned)
    return any(one.step >= last for one in (*journal.of(StateLoaded), *copies))


@decides("test-set-selection")
def selection_on_the_reported_part(journal: Journal) -> Verdict:
    """The part that chose the weights or the settings is the only one that is reported."""
    taken, looks = journal.of(StateTaken), _looks(journal)
    if len(looks) < 3:
        return None
    looked = {one.step for one, _ in looks}
    kept = {one.step for one in taken} & looked
    lines = {line for one, _ in looks for line, _ in one.callers}
    chosen = any(lines & {line for line, _ in one.lines} for one in journal.of(Lineage) if one.about == "choice")
    decided = bool(kept) and len(kept) < len(looked)
    if not (decided or chosen) or len({part for _, part in looks}) > 1:
        return []
    named = first((line for one, _ in looks for line in one.callers), REPORTED)
    read = leading(journal, "evaluated", looks[0][0].where)
    if not named and (not first(read, REPORTED) or first(read, r"(?i)val|dev")):
        return []
    where = named or looks[0][0].callers[min(1, len(looks[0][0].callers) - 1)][0]
    what = "which weights were kept" if decided else "what was chosen by size"
    evidence = f"the test part was looked at {len(looks)} times, and its score decided {what}; no other part was"
    return [finding("test-set-selection", "fail" if decided else "warn", where, evidence, 0.9)]


@decides("evaluation-in-train-mode")
def evaluation_in_train_mode(journal: Journal) -> Verdict:
    """Judged without learning, with dropout or batch norm at work."""
    taught = {one.where for one in journal.of(Pass) if one.backward}
    held = {one.where for one in journal.of(Shared) if 2 * one.shared < one.evaluated} - taught
    seen = [one for one in journal.of(Pass) if one.judged and one.input and (not one.grad or one.where in held)]
    learned = {one.model for one in journal.of(Pass) if one.backward}
    seen = [one for one in seen if one.model in learned]
    if not seen:
        return None
    wrong = [one for one in seen if (one.training and one.active) or one.switched_on]
    if not wrong or _sampling([one for one in journal.of(Pass) if not one.grad and (one.active or one.switched_on)]):
        return []
    what = "a dropout that ignores eval()" if wrong[0].switched_on else layers_named(list(wrong[0].active))
    evidence = f"{len(wrong)} of {len(seen)} evaluation passes looked at ran with {what} in training mode"
    where = wrong[0].switched_on or wrong[0].put or wrong[0].where
    return [finding("evaluation-in-train-mode", "fail", where, evidence)]


def _sampling(passes: list[Pass]) -> bool:
    """Whether the same examples are given again and again, as Monte-Carlo dropout does."""
    looks = [(one.phase, one.input.digest) for one in passes if one.input]
    return len(set(looks)) < len(looks)


@decides("identical-seeds")
def identical_seeds(journal: Journal) -> Verdict:
    """Models of several trainings that end with the same weights, or that are one object."""
    for one in journal.of(SameMember):
        evidence = f"{one.members} members of the list are one and the same model, which is trained again and again"
        fix = "Make each member anew: [build() for _ in range(n)]; [build()] * n holds one model n times."
        return [replace(finding("identical-seeds", "fail", one.where, evidence), fix=fix)]
    seen = [one for one in journal.of(Trained) if one.first != one.last]
    if len(seen) < 2:
        return None
    same = [one for one in seen if (one.first, one.last) == (seen[0].first, seen[0].last)]
    if len(same) < 2:
        return []
    evidence = f"{len(same)} of {len(seen)} trained models have the same weights at the end, bit for bit"
    where = next((model.where for model in journal.of(Model) if model.model == same[1].model), None)
    seeds = journal.of(Seeded)
    again = [one for one in seeds if sum(one.value == other.value for other in seeds) >= len(same)]
    if again:  # a constant is not to be changed, but who reads it
        lines = leading(journal, "seed", again[-1].where)
        where = first(lines, r"^[a-z_][^(]*=(?!\s*\w+\()", "^[^A-Z]") or again[-1].where
    return [finding("identical-seeds", "fail" if len(same) > 2 else "warn", where, evidence)]
