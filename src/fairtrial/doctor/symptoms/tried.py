"""Faults that are decided by trying: the first steps made again from the same state, with one thing changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from math import inf, isfinite, log, sqrt
from statistics import linear_regression, mean, median, stdev

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Curve,
    Empty,
    Loader,
    LossCall,
    OptimizerMade,
    Pass,
    Rates,
    Scheduled,
    ScheduleMade,
    StateLoaded,
    Step,
    Tried,
)
from fairtrial.doctor.symptoms import places
from fairtrial.doctor.symptoms.model import models
from fairtrial.doctor.symptoms.step import freezing, frozen_as_drawn, layers_named, reached

# What these say is what came of trying.
OWN = frozenset(("unsuitable-batch-size", "unsuitable-capacity", "under-trained"))
ENOUGH = 10  # losses, to say anything of a curve
AMPLE = 4  # units for each class: a bottleneck has fewer


def confirmed(tried: Tried) -> bool:
    """Whether the change made the same steps end at a loss that is lower by a fifth and by three standard errors."""
    return tried.after + 3 * tried.error < tried.before and tried.after < 0.8 * tried.before


def found_by_trying(findings: Iterable[Finding], tries: list[Tried]) -> list[Finding]:
    """Warnings whose fix was tried: failures where it mends, less sure where it does not."""
    known, findings = {tried.fault: tried for tried in tries}, list(findings)
    proven = any(one.level == "fail" for one in findings)  # which may keep any other fix from helping
    told: list[Finding] = []
    for one in findings:
        tried = known.get(one.fault) if one.level == "warn" and one.fault not in OWN else None
        if tried is None:
            told.append(one)
        elif confirmed(tried):
            told.append(replace(one, level="fail", evidence=f"{one.evidence}; {words(tried)}", confidence=0.99))
        elif proven or tried.after < tried.before:
            told.append(replace(one, evidence=f"{one.evidence}; {words(tried)}", confidence=0.5 * one.confidence))
    return told


def words(tried: Tried) -> str:
    """What was tried, and what came of it."""
    before = f"{tried.before:.4g}" if isfinite(tried.before) else "no number"
    after = f"{tried.after:.4g}" if isfinite(tried.after) else "no number"
    return (
        f"tried: with {tried.said}, the same {tried.steps} steps from the same state end at a loss of {after} instead "
        f"of {before}"
    )


def learned(journal: Journal) -> float | None:
    """The last losses as a share of the first ones; infinite where they are no numbers; None: too few."""
    curves = journal.of(Curve)
    losses = curves[0].losses if curves else ()
    if len(losses) < ENOUGH:
        return None
    some = max(len(losses) // 20, 3)
    first, last = min(losses[:3]), mean(losses[-some:])
    return last / first if isfinite(last) and isfinite(first) and first > 0 else inf


def falling(journal: Journal) -> bool:
    """Whether a line through the last fifth of the losses falls by a twentieth in half its length, beyond the noise."""
    losses = journal.of(Curve)[0].losses
    some = max(len(losses) // 10, ENOUGH)
    last, when = losses[-2 * some :], range(2 * some)
    if len(last) < len(when) or not all(map(isfinite, last)):
        return False
    slope, start = linear_regression(when, last)
    noise = sqrt(sum((y - start - slope * x) ** 2 for x, y in zip(when, last, strict=True)) / (2 * some - 2))
    error = noise / sqrt(some * (4 * some**2 - 1) / 6)
    return -slope * some > max(0.05 * mean(last[:some]), 3 * error * some)


def moved(journal: Journal) -> float | None:
    """By how much of their size a step moves the weights, in the middle of what was looked at."""
    seen = [
        p.update / p.weight
        for step in journal.of(Step)
        for p in step.parameters
        if p.size >= 16 and p.weight and p.gradient
    ]
    return median(seen) if seen else None


def begins_at_chance(journal: Journal) -> bool:
    """Whether the first loss is that of a net that knows nothing."""
    first = next((call for call in journal.of(LossCall) if call.learning and call.classes > 1), None)
    return first is None or first.value > 0.7 * log(first.classes)


def suspicions(journal: Journal) -> set[str]:
    """Faults that trying may show, where the curve makes them possible."""
    share, size = learned(journal), moved(journal)
    if share is None or size is None:
        return set()
    wanted: set[str] = set()
    if share > 0.5 or (share > 0.1 and falling(journal)):
        wanted.add("under-trained")
    if share > 0.5 or size > 0.1:
        wanted.add("lr-too-high")
    if share > 0.5:
        wanted.add("unsuitable-capacity")
    if share > 0.7 and size < 1e-3 and begins_at_chance(journal):
        wanted.add("lr-too-low")
    if held_down(journal):
        wanted.add("schedule-too-fast")
    if share > 0.5 and journal.of(Curve)[0].rows >= 256:
        wanted.add("unsuitable-batch-size")
    return wanted


def held_down(journal: Journal) -> float | None:
    """How many times its highest rate an optimizer was made with, where a LambdaLR keeps it a tenth below and more."""
    made, rates = journal.of(OptimizerMade), journal.of(Rates)
    if len(made) != 1 or not rates or not any(one.kind == "LambdaLR" for one in journal.of(Scheduled)):
        return None
    highest = max(one.lr for one in rates)
    return made[0].rate / highest if 0 < highest <= 0.1 * made[0].rate else None


def attempt(journal: Journal, fault: str) -> Tried | None:
    """What was tried for a fault."""
    return next((one for one in journal.of(Tried) if one.fault == fault), None)


def built(journal: Journal) -> str | None:
    """The line of the first optimizer."""
    return next((one.where for one in journal.of(OptimizerMade)), None)


def rate_finding(journal: Journal, fault: str, confidence: float) -> list[Finding]:
    """What a wrong rate does."""
    steps = [step for step in journal.of(Step) if step.settings]
    losses, tried = journal.of(Curve)[0].losses, attempt(journal, fault)
    evidence = (
        f"with lr={steps[0].settings[0].lr if steps else float('nan'):.3g} a step moves the weights by "
        f"{moved(journal) or 0:.1g} of their size; the loss went from {losses[0]:.4g} to {mean(losses[-3:]):.4g}"
    )
    level = "fail" if tried else "warn"
    return [finding(fault, level, built(journal), f"{evidence}; {words(tried)}" if tried else evidence, confidence)]


@decides("lr-too-high")
def lr_too_high(journal: Journal) -> Verdict:
    """A loss that does not fall, and does at a tenth of the rate; untried: steps of a tenth of the weights."""
    share, size, tried = learned(journal), moved(journal), attempt(journal, "lr-too-high")
    if share is None or size is None:
        return None
    if tried:
        tiny = journal.of(Curve)[0].rows <= TINY
        return rate_finding(journal, "lr-too-high", 0.99) if _too_high(journal) and not tiny else []
    return rate_finding(journal, "lr-too-high", 0.8) if size > 0.1 and share > 0.9 else []


@decides("lr-too-low")
def lr_too_low(journal: Journal) -> Verdict:
    """A loss that hardly falls, and falls three times as fast and more at ten times the rate."""
    share, size, tried = learned(journal), moved(journal), attempt(journal, "lr-too-low")
    if share is None or size is None:
        return None
    if tried:
        return rate_finding(journal, "lr-too-low", 0.99) if _too_low(journal) else []
    return rate_finding(journal, "lr-too-low", 0.8) if size < 1e-5 and share > 0.95 else []


def _too_low(journal: Journal) -> bool:
    """Whether ten times the rate makes the loss fall more than three times as far, on the same batches.

    How far it falls is counted from where a tenth of the rate leaves it, which is all but no training.
    """
    slow, fast = attempt(journal, "lr-too-high"), attempt(journal, "lr-too-low")
    if slow is None or fast is None:
        return False
    fall, faster = slow.after - slow.before, slow.after - fast.after
    return faster > 3 * max(fall, 0) and faster > 3 * fast.error


def _too_high(journal: Journal) -> bool:
    """Whether a tenth of the rate ends lower, or keeps the loss from a rise to ten times its start and more."""
    slow, losses = attempt(journal, "lr-too-high"), journal.of(Curve)[0].losses
    if slow is None:
        return False
    rose = not max(losses) <= 10 * losses[0]
    return confirmed(slow) or (rose and slow.peak < 0.1 * max(losses) and slow.after < slow.before)


def wrong_rate(journal: Journal) -> bool:
    """Whether trying showed that the rate is the fault."""
    return _too_low(journal) or _too_high(journal)


TINY = 4  # examples whose mean gradient is mostly noise


@decides("schedule-too-fast")
def scheduled_down(journal: Journal) -> Verdict:
    """A LambdaLR whose function gives rates where factors are meant, and a loss that falls further without that."""
    times, tried, made = held_down(journal), attempt(journal, "schedule-too-fast"), journal.of(ScheduleMade)
    if times is None or tried is None or not made:
        return None
    if not confirmed(tried):
        return []
    rate = journal.of(OptimizerMade)[0].rate
    evidence = (
        f"the optimizer is made with lr={rate:.3g}, and with the schedule it never has more than {rate / times:.3g}: "
        f"what the function gives is a factor of it; {words(tried)}"
    )
    return [finding("schedule-too-fast", "fail", made[0].where, evidence, 0.99)]


@decides("unsuitable-batch-size")
def unsuitable_batch_size(journal: Journal) -> Verdict:
    """The same examples in smaller batches end lower; or a rate that is too high for a few examples."""
    share, tried = learned(journal), attempt(journal, "unsuitable-batch-size")
    if share is None:
        return None
    rows, rate = journal.of(Curve)[0].rows, attempt(journal, "lr-too-high")
    if tried and (confirmed(tried) or _few_updates(journal)):
        evidence = f"{rows} examples a step, and the loss is still at {share:.0%} of its start; {words(tried)}"
        return [finding("unsuitable-batch-size", "warn", batched(journal), evidence, 0.9)]
    if rate and confirmed(rate) and 0 < rows <= TINY:
        evidence = f"{rows} examples a step: their gradient is too noisy for this rate; {words(rate)}"
        return [finding("unsuitable-batch-size", "warn", batched(journal), evidence, 0.8)]
    return []


def _few_updates(journal: Journal) -> bool:
    """Whether training too short has one or two steps a round, and smaller batches make it fall three times as far."""
    tried, curve = attempt(journal, "unsuitable-batch-size"), journal.of(Curve)[0]
    used = {one.loader for one in journal.of(Pass) if one.backward}
    whole = any(one.length <= 2 * curve.rows for one in journal.of(Loader) if one.loader in used)
    if tried is None or not whole or not _helped_by_more(journal):
        return False
    fall, further = curve.losses[0] - tried.before, curve.losses[0] - tried.after
    return further > 3 * max(fall, 0) and further > 3 * tried.error


def batched(journal: Journal) -> str | None:
    """The line that decides on the batches."""
    passed = next((one.where for one in journal.of(Pass) if one.backward), None)
    line = places.first(places.leading(journal, "learned", passed), r"split\(|range\(.*,.*,", r"(?i)batch")
    read = next((one.where for one in journal.of(Loader)), None)
    made = places.first(places.leading(journal, "loader", read), r"DataLoader\(")
    return made or read or line or journal.of(Curve)[0].loop


@decides("unsuitable-capacity")
def unsuitable_capacity(journal: Journal) -> Verdict:
    """A net that cannot even learn a few examples by heart."""
    share, tried = learned(journal), attempt(journal, "unsuitable-capacity")
    if share is None:
        return None
    if tried is None or tried.after <= 0.05 or wrong_rate(journal) or frozen_layers(journal):
        return []
    hidden = [layer for model in models(journal) for layer in model.layers[:-1] if layer.rows]
    narrow = min(hidden, key=lambda layer: layer.rows, default=None)
    classes = max((call.classes for call in journal.of(LossCall) if call.learning), default=1)
    if narrow and narrow.rows >= AMPLE * classes:  # nothing that wider layers would mend
        return []
    evidence = f"trained on {tried.said}, the net still gets {tried.after:.0%} of them wrong" + (
        f"; its narrowest layer, {narrow.name}, has {narrow.rows} units" if narrow else ""
    )
    return [finding("unsuitable-capacity", "warn", narrow.where if narrow else None, evidence, 0.8)]


@decides("frozen-parameters")
def frozen_at_random(journal: Journal) -> Verdict:
    """Most weights are frozen as they were drawn, and what is left cannot even learn a few examples by heart."""
    share, tried = learned(journal), attempt(journal, "unsuitable-capacity")
    if share is None:
        return None
    frozen = frozen_layers(journal)
    if tried is None or tried.after <= 0.05 or wrong_rate(journal) or not frozen:
        return []
    evidence = (
        f"the weights of {layers_named(frozen)} have requires_grad=False and are the random ones of the start; "
        f"trained on {tried.said}, the others still get {tried.after:.0%} of them wrong"
    )
    return [finding("frozen-parameters", "warn", freezing(journal), evidence, 0.8)]


def frozen_layers(journal: Journal) -> list[str]:
    """Layers of models that learn which are frozen with random weights, where they are most of all."""
    got = reached(journal)
    known = ((model, frozenset(serial for serial, _, _ in model.names) - got) for model in models(journal))
    return next((drawn for model, idle in known if (drawn := frozen_as_drawn(model, idle))), [])


@decides("under-trained")
def under_trained(journal: Journal) -> Verdict:
    """Training on from the end makes held-out predictions better; or half of the rounds had nothing to train on."""
    if idle := next((one for one in journal.of(Empty) if 2 * one.empty >= one.turns), None):
        evidence = (
            f"{idle.empty} of {idle.turns} rounds made no step: there was no batch left, and the same inputs were "
            "evaluated with the same weights"
        )
        return [finding("under-trained", "fail", _emptied(journal) or idle.where, evidence)]
    share, tried = learned(journal), attempt(journal, "under-trained")
    if share is None:
        return None
    if tried is None or not _helped_by_more(journal) or _few_updates(journal):
        return []
    evidence = (
        f"the loss ended at {share:.0%} of its start; tried: {tried.steps} more steps from the end, on batches already "
        f"seen, raise the accuracy of {tried.said} from {1 - tried.before:.1%} to {1 - tried.after:.1%}"
    )
    return [finding("under-trained", "warn", journal.of(Curve)[0].loop, evidence, 0.95)]


def _emptied(journal: Journal) -> str | None:
    """The line that made what the batches come from, where it is made once."""
    passed = next((one.where for one in journal.of(Pass) if one.backward), None)
    lines = places.leading(journal, "learned", passed)
    names = (found[1] for _, text in lines if (found := re.match(r"for .* in (?:\w+\()*(\w+)\W", text)))
    return next((made for name in names if (made := places.first(lines, rf"^{name} = "))), None)


def _helped_by_more(journal: Journal) -> bool:
    """Whether trying showed that more steps at the same rate make fewer errors."""
    tried = attempt(journal, "under-trained")
    gain = tried.before - tried.after if tried else 0.0  # of errors
    return tried is not None and not wrong_rate(journal) and gain >= max(0.05, 3 * tried.error)


@decides("over-trained")
def over_trained(journal: Journal) -> Verdict:
    """A held-out loss that was lowest long ago and has risen far above its noise, and no state put back."""
    curves = journal.of(Curve)
    held = curves[0].held if curves else ()
    if len(held) < 8 or not all(map(isfinite, held)):
        return None
    lowest = min(range(len(held)), key=held.__getitem__)
    last = mean(held[-3:])
    if lowest > len(held) - 6:
        return []
    noise = stdev(b - a for a, b in pairwise(held[lowest:]))
    share = learned(journal)
    ends = max((one.step for one in journal.of(Step)), default=0)
    restored = any(one.step >= ends for one in journal.of(StateLoaded))
    if last < 1.3 * held[lowest] + 3 * noise or restored or share is None or share > 0.9:
        return []
    evidence = (
        f"the held-out loss was lowest at evaluation {lowest + 1} of {len(held)} ({held[lowest]:.3g}) and ended at "
        f"{last:.3g}, while the training loss fell to {share:.0%} of its start"
    )
    return [finding("over-trained", "warn", curves[0].loop, evidence, 0.9)]
