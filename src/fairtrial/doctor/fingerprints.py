"""What curves alone can prove: losses and accuracies have floors, ceilings and sums that no healthy training has.

A rule returns what it found, or None where the curves do not have what it looks at. Floors and sums that follow from
the formula of a loss fail a run; what has several causes warns, and says which test decides between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, e, inf, log
from typing import TypeAlias

import numpy as np

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, Level, finding, ordered
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.events import GROWN

PARTS = ("train", "valid", "test")
EVALUATED = ("valid", "test")
ENOUGH = 8  # evaluations in which a course can be seen
FEW = 3  # points that a relation must hold at before it counts
COUNTS = (10, 100, 1000)  # numbers of classes that are tried where nobody says how many there are
BATCHES = (16, 32, 50, 64, 100, 128, 200, 256, 500, 512, 1024)
MNIST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)  # images of each digit in its test part of 10,000
CLIPS = {15.942: "1e-7 in float32", 16.118: "1e-7", 23.026: "1e-10", 27.631: "1e-12", 34.539: "1e-15"}
CLEARLY = 0.05  # of accuracy gained in the last third of a training: it was far from its end
LOST = 0.1  # of accuracy that was there and is gone: more than the noise of one training
LASTS = 0.04  # of loss: over less than this, a sum of loss and accuracy may stay the same by chance
HARDLY = 0.95  # of a loss that is left at the end: it hardly fell
DECIMALS = 3  # of a score: with fewer, that it is the same again says little
SURE = 4.6  # t of a slope whose p is below 0.01 even with 3 degrees of freedom
NEEDS_SCRIPT = (
    "what is not observable in curves needs the script: `fairtrial doctor SCRIPT.py` looks at the training itself"
)
NOTES = (
    "shuffled or wrong labels cannot be seen in one curve: whether a linear model fits the labels better than the same "
    "labels shuffled decides",
    NEEDS_SCRIPT,
)
NON_FINITE = (
    "Curves do not name the operation, `fairtrial doctor SCRIPT.py` does: look for a root, a logarithm or a division "
    "that gets 0. If the loss grew before, lower the learning rate and scale the inputs."
)

PRINTED = "printing one batch of what goes into the loss decides"
TENTH = "from the same start for 100 steps, decides"
HEARTS = (
    "scoring the training part once more in eval mode, and looking at twenty images of each part with labels, decides"
)
# Which test decides where a finding of curves is only likely
TESTS = {
    "softmax-before-cross-entropy": f"{PRINTED}: after softmax each row sums to 1",
    "sigmoid-before-cross-entropy": f"{PRINTED}: after sigmoid or softmax all numbers are between 0 and 1",
    "sigmoid-before-bce-with-logits": f"{PRINTED}: after sigmoid all numbers are between 0 and 1",
    "activation-on-logits": f"{PRINTED}: after tanh all numbers are between -1 and 1",
    "nll-on-non-log-probabilities": f"{PRINTED}: exp() of each row must sum to 1",
    "single-output-for-many-classes": "the shape of the outputs beside the largest label decides",
    "bce-for-single-label": "counting outputs.argmax(1) == labels decides",
    "unstable-log": "cross_entropy of the raw outputs, printed beside the loss, decides",
    "sum-reduction": "the loss of half a batch decides: a sum is half of it, a mean stays",
    "ascending-loss": "one batch decides: after a small step on it, its own loss must be lower",
    "weights-not-updated": "the weights before and after a step decide: gradients, the step or the rate are missing",
    "lr-too-high": f"a tenth of the rate, {TENTH}",
    "lr-too-low": f"ten times the rate, {TENTH} (vanishing gradients look alike)",
    "constant-init": "weights and gradients of each layer, printed after the first backward, decide: equal rows, "
    "units that are 0, gradients that vanish on their way",
    "init-too-large": "x.min(), x.max() and the loss of the first batch before any step decide: inputs that are not "
    "scaled do the same",
    "unshuffled-training": "the labels of the first batches decide",
    "labels-misaligned": HEARTS,
    "class-map-mismatch": HEARTS,
    "repeated-batch": HEARTS,
    "under-trained": "twice the epochs decide",
}


@dataclass(frozen=True)
class Curve:
    """Values of one score at rising places, which are epochs or steps; NaN and infinity are what was written."""

    places: NumpyArray
    values: NumpyArray
    digits: int = 16  # decimals that the values were written with


@dataclass(frozen=True)
class Curves:
    """The curves of one training by names such as `valid/loss` and `lr`, and what is known of it besides."""

    scores: Mapping[str, Curve]
    classes: int | None = None
    images: Mapping[str, int] = field(default_factory=dict[str, int])  # in each part
    loss: str = ""  # the loss's name; empty: nobody said
    epochs: NumpyArray | None = None  # of each place of train/loss, where it was written several times an epoch

    def whole(self, name: str) -> tuple[NumpyArray, NumpyArray]:
        """Places and values of a score without those that are no finite numbers."""
        if name not in self.scores:
            return np.empty(0), np.empty(0)
        curve = self.scores[name]
        kept = np.isfinite(curve.values)
        return curve.places[kept], curve.values[kept]

    def values(self, name: str) -> NumpyArray:
        """The finite values of a score, in order."""
        return self.whole(name)[1]

    def both(self, part: str) -> tuple[NumpyArray, NumpyArray]:
        """Loss and accuracy of a part where both are known."""
        (where, loss), (there, accuracy) = self.whole(f"{part}/loss"), self.whole(f"{part}/accuracy")
        _, first, second = np.intersect1d(where, there, return_indices=True)
        return loss[first], accuracy[second]

    @property
    def losses(self) -> dict[str, NumpyArray]:
        """The finite losses of each part that has any."""
        named = {part: self.values(f"{part}/loss") for part in PARTS}
        return {part: values for part, values in named.items() if len(values)}

    @property
    def most_right(self) -> float:
        """The highest accuracy of any part."""
        return max((float(self.values(f"{part}/accuracy").max(initial=0)) for part in PARTS), default=0.0)

    @property
    def may_be_cross_entropy(self) -> bool:
        """Whether its formula may be held against the losses."""
        return self.loss in ("", "cross-entropy")


Verdict: TypeAlias = list[Finding] | None
Rule: TypeAlias = Callable[[Curves], Verdict]
RULES: list[tuple[tuple[str, ...], Rule]] = []


def decides(*faults: str) -> Callable[[Rule], Rule]:
    """Decorator: where the rule can look and is silent, the curves are free of these faults' marks."""

    def add(rule: Rule) -> Rule:
        RULES.append((faults, rule))
        return rule

    return add


def diagnose_curves(curves: Curves) -> Diagnosis:
    """What all rules say of the curves."""
    curves, known = with_classes(curves)
    findings: list[Finding] = []
    checked: set[str] = set()
    for faults, rule in RULES:
        verdict = rule(curves)
        if verdict is not None:
            findings += map(with_test, verdict)
            checked |= {*faults, *(found.fault for found in verdict)}
    return Diagnosis(
        ordered(findings),
        tuple(name for name in FAULTS if name in checked),
        tuple(name for name in FAULTS if name not in checked),
        (known, *lower_evaluation(curves), *NOTES),
    )


def with_test(found: Finding) -> Finding:
    """The finding with the test that decides, where it is only likely."""
    if found.level != "warn" or found.fault not in TESTS:
        return found
    return replace(found, evidence=f"{found.evidence}; {TESTS[found.fault]}")


# The number of classes


def floor(classes: int) -> float:
    """The least cross-entropy of outputs that went through softmax before."""
    return log(1 + (classes - 1) / e)


def with_classes(curves: Curves) -> tuple[Curves, str]:
    """The curves with the number of classes, where it is known or one alone fits, and how it is known."""
    if curves.classes:
        return curves, f"{curves.classes} classes"
    fitting = [count for count in COUNTS if curves.may_be_cross_entropy and fits(curves, count)]
    if len(fitting) == 1:
        return replace(curves, classes=fitting[0]), f"{fitting[0]} classes, as the losses and accuracies tell"
    return curves, "the number of classes is not known: floors and chance were not looked at; --classes K tells it"


def fits(curves: Curves, classes: int) -> bool:
    """Whether a part was at chance of so many classes, or is doubly squeezed by softmax."""
    starts = [float(values[0]) for values in curves.losses.values()]
    if any(abs(first - log(classes)) < 0.01 for first in starts):
        return True
    if classes == COUNTS[0] and any(summed_batch(first, classes, 0.01) for first in starts):
        return True
    for part in PARTS:
        loss, accuracy = curves.both(part)
        if ((np.abs(loss - log(classes)) < 0.05) & (np.abs(accuracy * classes - 1) < 0.5)).any():
            return True
        squeezed = saturated(loss, accuracy, classes) or collapsed_twice(loss, accuracy, classes)
        near = (accuracy >= 0.8) & (loss < floor(classes) + 0.2)
        if (squeezed or near.sum() >= FEW) and not below_floor(curves, classes):
            return True
    return False


# Numbers that are none


@decides("non-finite")
def non_finite(curves: Curves) -> Verdict:
    """Losses that end in NaN, or are infinite; a NaN with a finite loss beside it or after it is a gap."""
    named = [name for name in curves.scores if name.endswith("/loss")]
    if not named:
        return None
    sound = {place for name in named for place in curves.whole(name)[0].tolist()}
    for name in named:
        curve = curves.scores[name]
        finite = np.flatnonzero(np.isfinite(curve.values))
        tail = curve.places[int(finite[-1]) + 1 if len(finite) else 0 :].tolist()
        bad = [place for place in tail if place not in sound] + curve.places[np.isinf(curve.values)].tolist()
        if bad:
            row = int(np.searchsorted(curve.places, min(bad))) + 1
            evidence = (
                f"{len(set(bad))} of the {len(curve.values)} values of {name} are no finite numbers; value {row} is "
                "the first" + f", at epoch or step {min(bad):g}" * (min(bad) != row)
            )
            return [replace(finding("non-finite", "fail", name, evidence), fix=NON_FINITE)]
    return []


# Accuracy


@decides("wrong-accuracy")
def wrong_accuracy(curves: Curves) -> Verdict:
    """Shares above one, or shares of a known number of images that no whole number of right answers gives."""
    named = [part for part in PARTS if f"{part}/accuracy" in curves.scores]
    if not named:
        return None
    return [found for part in named for found in above_one(curves, part) or no_whole_number(curves, part)][:1]


def above_one(curves: Curves, part: str) -> list[Finding]:
    """More than all right."""
    highest = float(curves.values(f"{part}/accuracy").max(initial=0))
    if highest <= 1 + 1e-6:
        return []
    evidence = f"{highest:.2%} of the answers are right, which is more than all"
    return [finding("wrong-accuracy", "fail", f"{part}/accuracy", evidence)]


def no_whole_number(curves: Curves, part: str) -> list[Finding]:
    """No number of right answers among the part's images gives this accuracy; the divisor that does is named."""
    name = f"{part}/accuracy"
    values = curves.values(name)
    images = curves.images.get(part, 0)
    if part == "train" or not images or not len(values):  # a training mean may leave out the last, smaller batch
        return []
    broken = values[off(values, images) > slack(curves, name, images)]
    if not len(broken):
        return []
    evidence = (
        f"{broken[0]:.7g} x {images} = {broken[0] * images:.3f} is no whole number of images "
        f"(so in {len(broken)} of {len(values)} evaluations){divisor(curves, name, images)}"
    )
    return [finding("wrong-accuracy", "fail", name, evidence)]


def off(values: NumpyArray, images: int) -> NumpyArray:
    """How far each share of so many images is from a whole number of them."""
    return np.abs(values * images - np.round(values * images))


def slack(curves: Curves, name: str, images: int) -> float:
    """How far off rounding to the digits written, or to single precision, can bring a true share."""
    return images * (0.5 * 10.0 ** -curves.scores[name].digits + 1.2e-7) + 1e-6


def divisor(curves: Curves, name: str, images: int) -> str:
    """The number of batches times their size that the accuracies are whole shares of, if there is one."""
    values = curves.values(name)
    for batch in BATCHES:
        whole = ceil(images / batch) * batch
        room = slack(curves, name, whole)
        if whole > images and room < 0.2 and (off(values, whole) <= room).all():
            all_right = f"the last batch is smaller, so all right would be {images / whole:.3%}"
            return f"; it is a share of {whole} = {whole // batch} batches x {batch}: {all_right}"
    return ""


# Losses that cross-entropy cannot have


@decides("softmax-before-cross-entropy", "sigmoid-before-cross-entropy")
def softmax_twice(curves: Curves) -> Verdict:
    """Losses that never leave what softmax of numbers between 0 and 1 allows, though most answers are right."""
    if not (curves.classes and curves.losses and curves.may_be_cross_entropy):
        return None
    least = floor(curves.classes)
    if below_floor(curves, curves.classes):
        return []
    for part in PARTS:
        loss, accuracy = curves.both(part)
        if saturated(loss, accuracy, curves.classes) or collapsed_twice(loss, accuracy, curves.classes):
            evidence = (
                f"{part}/loss + {part}/accuracy = {np.median((loss + accuracy)[-FEW:]):.4f}, where softmax twice with "
                f"{curves.classes} classes gives {least + 1:.4f}, and no loss is below {least:.4f}"
            )
            if accuracy.max() > 0.95:
                evidence += "; where so few are wrong, sigmoid in its place looks the same"
            # a healthy training passes by that sum, one of few classes often, but does not stay while its loss falls
            sure = curves.classes >= COUNTS[0] and lasting(loss, accuracy, curves.classes)
            level: Level = "fail" if sure else "warn"
            return [finding("softmax-before-cross-entropy", level, f"{part}/loss", evidence, 1.0 if sure else 0.8)]
    return squeezed(curves, curves.classes)


def below_floor(curves: Curves, classes: int) -> bool:
    """Whether any loss is below what double softmax allows."""
    return any(values.min() < floor(classes) - 2e-3 for values in curves.losses.values())


def saturated(loss: NumpyArray, accuracy: NumpyArray, classes: int) -> bool:
    """Whether loss and accuracy have the sum of softmax twice, over answers that are mostly right."""
    good = accuracy >= (0.6 if classes >= COUNTS[0] else 0.85)
    if good.sum() < FEW or loss.min() < floor(classes) - 2e-3:
        return False
    total = (loss + accuracy)[good]
    return bool((np.abs(total[len(total) // 2 :] - floor(classes) - 1) < 0.02).all())


def lasting(loss: NumpyArray, accuracy: NumpyArray, classes: int) -> bool:
    """Whether the loss falls by as much as the accuracy rises, or no accuracy is left to rise."""
    held = loss[np.abs(loss + accuracy - floor(classes) - 1) < 0.02]
    return bool(len(held) >= FEW and np.ptp(held) > LASTS) or collapsed_twice(loss, accuracy, classes)


def collapsed_twice(loss: NumpyArray, accuracy: NumpyArray, classes: int, within: float = 1e-3) -> bool:
    """Whether the loss stands still at what one and the same sure answer costs after softmax twice."""
    if len(loss) < FEW or np.ptp(loss[-FEW:]) > 1e-3 or abs(accuracy[-1] * classes - 1) > 0.5:
        return False
    return bool((np.abs(loss + accuracy - floor(classes) - 1)[-FEW:] < within).all())


def squeezed(curves: Curves, classes: int) -> list[Finding]:
    """Never below the floor although four in five are right, and not on the way there."""
    if classes < COUNTS[0] or rate_died(curves):
        return []
    least = floor(classes)
    for part in PARTS:
        loss, accuracy = curves.both(part)
        good = accuracy >= 0.8
        total = (loss + accuracy)[good]
        above = total[len(total) // 2 :] - least - 1
        if collapsed_twice(loss, accuracy, classes, 5e-3):  # a mean of the batches' means is a little off
            fault, seen = "softmax", "stands still at what one answer for all costs after softmax twice"
        elif good.sum() >= FEW and (above > -0.02).all() and (above < 0.06).all() and tracks(loss, accuracy, least):
            fault, seen = "softmax", f"falls by what the accuracy rises, and is never below {least:.4f}"
        elif good.sum() >= FEW and stops_above(loss, least):
            fault, seen = "sigmoid", f"stops above {least:.4f}, the floor of outputs squeezed into (0, 1)"
        else:
            continue
        evidence = f"{part}/loss, {loss[-1]:.4f} at last, {seen}, at an accuracy of up to {accuracy.max():.1%}"
        return [finding(f"{fault}-before-cross-entropy", "warn", f"{part}/loss", evidence, 0.7)]
    return []


def tracks(loss: NumpyArray, accuracy: NumpyArray, least: float) -> bool:
    """Whether a loss falls by what the accuracy rises, as that of sure answers does, or has come to rest."""
    half = np.flatnonzero(accuracy >= 0.8)
    half = half[len(half) // 2 :]
    if np.ptp(accuracy[half]) < LASTS:
        return stops_above(loss, least)
    return abs(np.polyfit(accuracy[half], loss[half], 1)[0] + 1) < 0.3


def rate_died(curves: Curves) -> bool:
    """Whether the learning rate fell so far that it brought the training to rest."""
    rates = curves.values("lr")
    return bool(len(rates) and rates[-1] < 0.1 * rates.max())


def stops_above(loss: NumpyArray, least: float) -> bool:
    """Whether a loss would still be above its floor if it went on half as long as it did, and fell as it does now."""
    if len(loss) < 5:
        return False
    last = loss[-max(FEW, len(loss) // 3) :]
    now = (last[0] - last[-1]) / (len(last) - 1)
    return bool(loss[-1] - now * len(loss) / 2 > least)


@decides("activation-on-logits")
def tanh_on_logits(curves: Curves) -> Verdict:
    """Losses that come to rest just above the floor of outputs between -1 and 1."""
    if not (curves.classes and curves.losses and curves.may_be_cross_entropy) or curves.classes < COUNTS[0]:
        return None
    least = log(1 + (curves.classes - 1) * e**-2)
    lowest = min(values.min() for values in curves.losses.values())
    still = any(len(v) >= FEW and np.ptp(v[-FEW:]) < 0.02 for v in curves.losses.values())
    if not (least - 1e-3 < lowest < least + 0.06 and curves.most_right > 0.95 and still):
        return []
    evidence = (
        f"the loss comes to rest at {lowest:.4f} with up to {curves.most_right:.1%} right; with outputs "
        "between -1 and 1 "
        f"it cannot go below {least:.4f}"
    )
    return [finding("activation-on-logits", "warn", "loss", evidence, 0.8)]


@decides("nll-on-non-log-probabilities", "single-output-for-many-classes")
def negative_loss(curves: Curves) -> Verdict:
    """Losses below zero, which no logarithm of a probability gives."""
    if not curves.losses or curves.loss not in ("", "cross-entropy", "nll", "bce"):
        return None
    parts = [part for part, values in curves.losses.items() if values.min() < -1e-6]
    parts.sort(key=lambda part: -len(curves.both(part)[0]))
    return [negative(curves, part) for part in parts[:1]]


def negative(curves: Curves, part: str) -> Finding:
    """Which mistake makes a loss below zero."""
    loss, accuracy = curves.both(part)
    where, lowest = f"{part}/loss", float(curves.losses[part].min())
    if lowest >= -1 - 1e-6:
        close = len(loss) >= FEW and bool((np.abs(loss + accuracy)[-FEW:] < 0.1).all() and accuracy[-1] > 0.3)
        said = f", and {part}/accuracy is {accuracy[-1]:.4f}: the loss is minus the probability" if close else ""
        level: Level = "fail" if close else "warn"
        evidence = f"{where} falls to {lowest:.4f}, between -1 and 0{said}"
        return finding("nll-on-non-log-probabilities", level, where, evidence, 1.0 if close else 0.6)
    last, first, chance = accuracy[-FEW:], float(curves.losses[part][0]), log(curves.classes or COUNTS[0])
    if abs(first + chance) < 0.1 * chance:
        evidence = f"{where} starts at {first:.4f}, which is minus what guessing costs, and falls to {lowest:.4g}"
        return finding("ascending-loss", "warn", where, evidence, 0.9)
    if len(last) and last.max() < 0.5 / (curves.classes or COUNTS[0]):
        evidence = f"{where} falls to {lowest:.4g} while only {last[-1]:.2%} are right, less than by guessing"
        return finding("ascending-loss", "warn", where, evidence, 0.9)
    if len(last) > 1 and np.ptp(last) < 0.02 and last[-1] < 0.3:
        evidence = f"{where} falls to {lowest:.4g} and {last[-1]:.2%} stay right: a binary loss on labels above 1"
        return finding("single-output-for-many-classes", "warn", where, evidence, 0.7)
    evidence = f"{where} falls to {lowest:.4g}: picked from raw outputs, it falls without end"
    return finding("nll-on-non-log-probabilities", "warn", where, evidence, 0.7)


@decides("sigmoid-before-bce-with-logits")
def sigmoid_twice(curves: Curves) -> Verdict:
    """Losses that stay between the floor of sigmoid twice and ln 2, near the floor at last."""
    if not (curves.classes and curves.losses and curves.loss in ("", "bce")):
        return None
    least = log(1 + 1 / e) / curves.classes + (1 - 1 / curves.classes) * log(2)
    every = np.concatenate(list(curves.losses.values()))
    if said := sigmoid_at_its_ends(curves, curves.classes, least):
        return [finding("sigmoid-before-bce-with-logits", "warn", "loss", f"the loss {said}", 0.7)]
    last = min(values[-1] for values in curves.losses.values())
    if len(every) < FEW or every.min() < least - 1e-3 or every.max() > log(2) + 0.05 or last > least + 0.02:
        return []
    if not all(stops_above(values, least - 1e-3) for values in curves.losses.values()):
        return []
    if curves.classes < COUNTS[0] and curves.most_right < 0.95:  # so few are right that no loss would be lower
        return []
    evidence = f"all losses lie in [{every.min():.4f}, {every.max():.4f}]; sigmoid twice cannot go below {least:.4f}"
    return [finding("sigmoid-before-bce-with-logits", "warn", "loss", evidence, 0.8)]


def sigmoid_at_its_ends(curves: Curves, classes: int, least: float) -> str:
    """What the losses do that start where sigmoid gives 1/2, or rest where it gives 0; empty for others."""
    every = np.concatenate(list(curves.losses.values()))
    ends = [values[-5:] for values in curves.losses.values() if len(values) >= 5]
    if classes < COUNTS[0] or not ends or every.min() < least - 1e-3:
        return ""
    near = 1e-3 if every.max() > log(2) + 5e-3 else 1e-4  # a loss that came down to ln 2, or was there all along
    if every.min() > log(2) - 1e-4 and all((np.abs(end - log(2)) < near).all() for end in ends):
        return f"stays at ln 2 = {log(2):.4f}, what outputs of 0 cost: sigmoid comes before it and is at its end"
    half = log(1 + e**0.5) - 0.5 / classes
    if binary(curves) and any(abs(values[0] - half) < 0.05 for values in curves.losses.values()):
        return f"starts near {half:.4f}, what outputs of 1/2 cost, and never is below {least:.4f}"
    return ""


def binary(curves: Curves) -> bool:
    """Whether losses are far below -ln of the accuracies, the cross-entropy of outputs that are as sure as right."""
    both = [curves.both(part) for part in EVALUATED]
    return any(len(loss) and bool((loss < -0.7 * np.log(np.clip(right, 1e-9, 1)))[:FEW].all()) for loss, right in both)


@decides("bce-for-single-label")
def binary_accuracy(curves: Curves) -> Verdict:
    """The accuracy of saying no to every class, and the loss that goes with it."""
    if not (curves.losses and curves.loss in ("", "bce")):
        return None
    classes = curves.classes or COUNTS[0]
    none, prior = 1 - 1 / classes, entropy(1 / classes)
    for part in PARTS:
        loss, accuracy = curves.both(part)
        rough = rounded(curves, f"{part}/accuracy")  # then some of a healthy training are 0.90, too: the loss decides
        stuck = (np.abs(accuracy - none) < 5e-4) & (np.abs(loss - prior) < (1e-3 if rough else 0.02) * prior)
        still = (np.abs(accuracy - none) < 1e-6) & (loss < log(2)) & (not rough)
        if classes >= COUNTS[0] and (stuck.sum() >= 2 or still.sum() >= 5):  # a linear net on MNIST passes there once
            evidence = (
                f"{part}/accuracy is {none:.1%} with a loss near {prior:.4f}: what saying no to every class gives"
            )
            return [finding("bce-for-single-label", "warn", f"{part}/accuracy", evidence, 0.8)]
    return []


def rounded(curves: Curves, name: str) -> bool:
    """Whether a score was rounded to two decimals; one that never changes may be as short without that."""
    return name in curves.scores and curves.scores[name].digits < DECIMALS and len(np.unique(curves.values(name))) > 1


def entropy(share: float) -> float:
    """Of a yes or no whose yes has this share, in nats."""
    return -share * log(share) - (1 - share) * log(1 - share)


@decides("mse-for-classification")
def too_low_a_loss(curves: Curves) -> Verdict:
    """A wrong answer costs cross-entropy at least ln 2: losses below that are of another kind, maybe on purpose."""
    if not curves.losses or curves.loss:
        return None
    for part in PARTS:
        loss, accuracy = curves.both(part)
        least = (1 - accuracy) * log(2)
        if len(loss) >= FEW and (loss < 0.98 * least).all() and (loss >= 0).all() and (accuracy <= 1).all():
            evidence = (
                f"{part}/loss is {loss[-1]:.4f} with {1 - accuracy[-1]:.1%} wrong; cross-entropy would be above "
                f"{least[-1]:.4f}: it is squared error, a binary loss or focal loss, which may be what you want"
            )
            return [finding("mse-for-classification", "info", f"{part}/loss", evidence, 0.6)]
    return []


@decides("unstable-log")
def clipped_log(curves: Curves) -> Verdict:
    """Losses that are a clipped logarithm, or that times the share of wrong answers."""
    if not curves.losses or curves.loss not in ("", "cross-entropy", "nll"):
        return None
    for part, values in curves.losses.items():
        loss, accuracy = curves.both(part)
        wrong = 1 - accuracy
        cost = loss[wrong > 0.02] / wrong[wrong > 0.02]
        for clip, at in CLIPS.items():
            exact, near = (max(int((np.abs(x - clip) < r * clip).sum()) for x in (cost, values)) for r in (2e-4, 1e-2))
            if near >= FEW and near > 0.5 * len(values):  # near: a mean of the batches' means is a little off
                sure = exact >= FEW and exact > 0.5 * len(values)
                evidence = f"each wrong answer costs {clip:.3f} = -log({at}), in {near} of {len(values)} evaluations"
                return [
                    finding("unstable-log", "fail" if sure else "warn", f"{part}/loss", evidence, 1 if sure else 0.8)
                ]
    return []


@decides("sum-reduction")
def summed(curves: Curves) -> Verdict:
    """A first loss of a batch times ln K, or a wrong answer that costs as much as dozens should."""
    train = curves.values("train/loss")
    if not (curves.classes and len(train) and curves.may_be_cross_entropy):
        return None
    loss, accuracy = curves.both("train")
    last = train[-max(FEW, len(train) // 3) :]
    still = len(train) > FEW and bool(np.ptp(last) < 0.03 * np.median(last))
    for does, at in (("starts", float(train[0])), ("stays", float(np.median(last)) if still else 0.0)):
        batch = summed_batch(at, curves.classes, 0.03)
        if batch is None or (train[-1] < at / 2 and guesses(curves)):  # a sum falls only where something is learnt
            continue
        if len(loss) and accuracy[0] > 2 / curves.classes:  # it does not guess, so ln K is not what an answer costs
            continue
        each = f"{batch} x {at / batch:.4f}; guessing costs {log(curves.classes):.4f}"
        evidence = f"train/loss {does} at {at:.1f} = {each}: the sum of a batch of {batch}"
        return [finding("sum-reduction", "warn", "train/loss", evidence, 0.9)]
    some = (accuracy > 0.5) & (accuracy < 0.96)  # beyond, the floor of label smoothing counts for too much
    cost = loss[some] / (1 - accuracy[some])
    usual = float(np.median(cost[len(cost) // 2 :])) if len(cost) >= FEW else 0.0
    if usual < 60 or cost[-1] < 0.8 * cost[0]:  # of a sum it stays; weights that start too large become smaller
        return []
    evidence = f"each wrong answer costs {usual:.0f} on average, where about 3 is usual: no mean over images was taken"
    return [finding("sum-reduction", "warn", "train/loss", evidence, 0.8)]


def guesses(curves: Curves) -> bool:
    """Whether the last accuracies are known, and hardly better than guessing."""
    last = [curves.values(f"{part}/accuracy")[-FEW:] for part in PARTS]
    return bool(curves.classes) and any(map(len, last)) and max(max(v, default=0) for v in last) < 1.7 / curves.classes


def summed_batch(first: float, classes: int, within: float) -> int | None:
    """The usual size of a batch whose summed loss this is before anything is learnt."""
    return next((batch for batch in BATCHES if abs(first / log(classes) / batch - 1) < within), None)


# Trainings that do not learn


@decides("weights-not-updated")
def stands_still(curves: Curves) -> Verdict:
    """The same loss to the last digit from the first evaluation to the last, or no learning rate at all."""
    rates = curves.values("lr")
    if len(rates) and rates.max() == 0:
        return [finding("weights-not-updated", "fail", "lr", "the learning rate is 0 throughout")]
    long = {f"{part}/loss": values for part, values in curves.losses.items() if len(values) >= FEW}
    for name, values in long.items():
        learnt = not curves.classes or values[0] < HARDLY * log(curves.classes)
        if learnt and curves.scores[name].digits < DECIMALS:  # a net that learns slowly looks the same
            continue
        if np.ptp(values) == 0 and values[0] > 0 and not (moved(curves) or softmax_twice(curves)):
            exact = curves.scores[name].digits >= 6
            evidence = f"{name} is {values[0]:.7g} in all {len(values)} evaluations"
            return [finding("weights-not-updated", "fail" if exact else "warn", name, evidence, 1 if exact else 0.7)]
    return [] if long else None


def moved(curves: Curves) -> bool:
    """Whether other scores say that weights changed: those of evaluations vary, or the first in training stands out.

    A loss of few decimals may stay the same while the answers change.
    """
    of = {part: [curves.values(f"{part}/{measure}") for measure in ("loss", "accuracy")] for part in PARTS}
    return any(len(np.unique(values)) > 1 for part in EVALUATED for values in of[part]) or any(
        map(first_stands_out, of["train"])
    )


def first_stands_out(values: NumpyArray) -> bool:
    """Whether the first value is none of the others, which are all the same but for noise."""
    first, others = values[:1], values[1:]
    return len(others) >= FEW and bool(np.ptp(values) > 0 and abs(first - others.mean()) > 5 * others.std())


@decides("lr-too-high", "ascending-loss", "lr-too-low")
def does_not_learn(curves: Curves) -> Verdict:
    """Losses that rise, hardly fall, or stay where the net says the same of every image."""
    name = "train/loss" if len(curves.values("train/loss")) else "valid/loss"
    values = curves.values(name)
    if (
        len(values) < FEW
        or (np.ptp(values) == 0 and not moved(curves))
        or values.min() < 0
        or summed(curves)
        or not curves.may_be_cross_entropy
    ):
        return None
    slowly = falling_slowly(curves, "valid/loss") or falling_slowly(curves, name)
    return rising(curves, name) or slowly or loses(curves, name) or at_chance(curves, name)


def rising(curves: Curves, name: str) -> list[Finding]:
    """A training loss that ends far above its start and above chance."""
    values, chance = curves.values(name), log(curves.classes or COUNTS[0])
    right = curves.values("train/accuracy")
    worse = bool(len(right)) and curves.classes is not None and float(right.min()) < 0.6 / curves.classes
    if (
        name == "train/loss"
        and len(values) >= 5
        and (np.diff(values) > 0).all()
        and values[0] < 1.05 * chance
        and worse
    ):
        evidence = (
            f"train/loss rises at every evaluation, from {values[0]:.4f} to {values[-1]:.4g}, and down to "
            f"{right.min():.1%} were right, less than guessing gives"
        )
        return [finding("ascending-loss", "warn", name, evidence, 0.9)]
    if name != "train/loss" or values[-FEW:].min() < GROWN * max(values[0], chance):
        return []
    right = right[-FEW:]
    evidence = f"train/loss rises from {values[0]:.4g} to {values[-1]:.4g}"
    if len(right) and curves.classes and right.max() < 0.5 / curves.classes:
        less = f"{right[-1]:.2%} right is less than guessing gives ({1 / curves.classes:.0%})"
        return [finding("ascending-loss", "warn", name, f"{evidence}, and {less}", 0.9)]
    return [finding("lr-too-high", "warn", name, evidence, 0.7)]


def falling_slowly(curves: Curves, name: str) -> list[Finding]:
    """A loss near chance or above that falls a little each time, and at the end not more slowly than at first."""
    values = curves.values(name)
    if not curves.classes or len(values) < 5:
        return []
    falls, half, chance = -np.diff(values), len(values) // 2, log(curves.classes)
    steady = (falls > 0).mean() >= 0.9 and falls[half:].mean() > 0.4 * falls[:half].mean()
    if not steady or values[-1] < HARDLY * values[0] or values[-1] < 0.8 * chance:
        return []
    evidence = (
        f"{name} falls steadily, but only from {values[0]:.4f} to {values[-1]:.4f} in {len(values)} evaluations, near "
        f"ln {curves.classes} = {chance:.4f}"
    )
    return [finding("lr-too-low", "warn", name, evidence, 0.6)]


def loses(curves: Curves, name: str) -> list[Finding]:
    """Answers that were right once and are wrong at the end, while the training loss rises."""
    values = curves.values(name)
    if name != "train/loss" or len(values) < ENOUGH or values[-FEW:].mean() < 1.02 * smooth(values).min():
        return []
    for part in ("train", "valid"):
        right = curves.values(f"{part}/accuracy")
        best, last = (float(smooth(right).max()), float(right[-FEW:].mean())) if len(right) >= ENOUGH else (0.0, 0.0)
        if best - last > LOST:
            evidence = f"{part}/accuracy falls from {best:.1%} to {last:.1%}, and train/loss rises to {values[-1]:.4g}"
            return [finding("lr-too-high", "warn", f"{part}/accuracy", evidence, 0.6)]
    return []


def at_chance(curves: Curves, name: str) -> list[Finding]:
    """Loss and accuracy of a net that says the same of every image, in the last third."""
    values = curves.values(name)
    if not curves.classes or len(values) < 5:  # a plateau of a few epochs may end in a drop
        return []
    chance, last = log(curves.classes), values[-max(FEW, len(values) // 3) :]
    right = {part: curves.values(f"{part}/accuracy")[-FEW:] for part in PARTS}
    highest = max((float(shares.max()) for shares in right.values() if len(shares)), default=0.0)
    if last.min() < 0.975 * chance or highest > 1.7 / curves.classes:
        return []
    if (np.diff(last) < 0).all() and last[0] - last[-1] > 0.01 * chance and last[-1] == values.min():
        return []  # it does not stay
    middle = float(np.median(last))
    evidence = f"{name} stays at {middle:.4f} (ln {curves.classes} is {chance:.4f}){always_one(right, curves.classes)}"
    course = curves.values("valid/loss") if len(curves.values("valid/loss")) >= 5 else values
    gain, t = trend(course)
    downhill = bool((np.diff(course) < 0).all())  # five numbers in falling order: by chance once in 120
    if not (downhill and course[-1] > HARDLY * course[0]) and (
        values.min() < 0.9 * chance or values[0] > 1.1 * chance or middle > chance + 0.02
    ):
        said = f"{evidence}, within {values.min():.4g} to {values.max():.4g}: the steps are too large"
        return [finding("lr-too-high", "warn", name, said, 0.6)]
    if t < -SURE or downhill:
        said = f"{evidence}, but falls, by {-gain:.2g} in all"
        return [finding("lr-too-low", "warn", name, said, 0.5)]
    said = f"{evidence}, as it did from the start: equal or dead units, or gradients that vanish"
    return [finding("constant-init", "warn", name, said, 0.4)]


def always_one(right: Mapping[str, NumpyArray], classes: int) -> str:
    """Which digit of MNIST is always the answer, if the accuracy is exactly its share."""
    shares = {count / 10_000: digit for digit, count in enumerate(MNIST)} if classes == 10 else {}
    for part in EVALUATED:
        last = round(float(right[part][-1]), 6) if len(right[part]) else -1.0
        if last in shares:
            return f", and {part}/accuracy {last:.2%} is that of always answering {shares[last]} on MNIST's test part"
    return ""


@decides("init-too-large")
def starts_high(curves: Curves) -> Verdict:
    """A first loss several times that of guessing, which then falls."""
    train = curves.values("train/loss")
    if not (curves.classes and len(train) and curves.may_be_cross_entropy):
        return None
    chance = log(curves.classes)
    if train[0] < 3 * chance or train[-1] > min(0.8 * train[0], 3 * chance) or summed(curves):
        return []
    if guesses(curves):  # it does not come down to learn
        return []
    times = f"{train[0] / chance:.1f} times ln {curves.classes}"
    evidence = f"train/loss starts at {train[0]:.4g}, {times}"
    return [finding("init-too-large", "warn", "train/loss", evidence, 0.5)]


@decides("schedule-too-fast")
def rate_dies(curves: Curves) -> Verdict:
    """A learning rate below a thousandth of its height before a fifth of the training is over, to the end."""
    rates = curves.values("lr")
    if len(rates) < 10 or rates.max() <= 0:
        return None
    alive = np.flatnonzero(rates >= 1e-3 * rates.max())
    share = (int(alive[-1]) + 1) / len(rates)
    if share >= 0.2:
        return []
    evidence = f"the rate falls below a thousandth of {rates.max():g} after {share:.0%} of the training and stays there"
    return [finding("schedule-too-fast", "fail", "lr", evidence)]


@decides("unshuffled-training")
def sawtooth(curves: Curves) -> Verdict:
    """Training losses of single steps that go through the same ups and downs in every epoch."""
    table = by_epoch(curves)
    if table is None:
        return None
    table = table - table.mean(axis=1, keepdims=True)
    epochs = len(table)
    profile = table.mean(axis=0)
    noise = float((table - profile).std()) / epochs**0.5
    moves = np.diff(profile)[np.abs(np.diff(profile)) > 3 * noise]
    turns = int((np.diff(np.sign(moves)) != 0).sum())  # a restart or a running mean turns once at most
    others = [(profile * epochs - row) / (epochs - 1) for row in table]
    alike = min(correlation(row, other) for row, other in zip(table, others, strict=True))
    if profile.std() < 3 * noise or alike < 0.5 or turns < 3:
        return []
    evidence = (
        f"train/loss goes through the same {turns + 1} ups and downs in each of {epochs} epochs (any one of "
        "them and the "
        f"others have a correlation of at least {alike:.2f})"
    )
    return [finding("unshuffled-training", "warn", "train/loss", evidence, 0.9)]


def correlation(a: NumpyArray, b: NumpyArray) -> float:
    """Of two rows; 0 where one of them does not vary."""
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def by_epoch(curves: Curves) -> NumpyArray | None:
    """The training losses as (epochs, places within one), but the first epoch; None if there are too few of either."""
    if curves.epochs is None or "train/loss" not in curves.scores:
        return None
    values = curves.scores["train/loss"].values
    rows = [row for row in np.split(values, np.flatnonzero(np.diff(curves.epochs)) + 1)[1:] if np.isfinite(row).all()]
    width = min((len(row) for row in rows[:-1]), default=0)
    whole = [row[:width] for row in rows if len(row) >= width]
    return np.stack(whole) if len(whole) >= FEW and width >= 8 else None


# Training against validation


@decides()
def learns_by_heart(curves: Curves) -> Verdict:
    """Training far better than guessing, validation at chance: of several faults the likeliest is named."""
    train, valid = curves.values("train/accuracy"), curves.values("valid/accuracy")
    valid = valid if len(valid) else curves.values("test/accuracy")
    if not curves.classes or len(train) < FEW or len(valid) < FEW:
        return None
    chance, last = 1 / curves.classes, float(valid[-max(FEW, len(valid) // 3) :].mean())
    learnt = 3 * chance if len(train) >= 10 else 0.9  # a new batch norm is at chance for a few epochs
    if train[-1] < min(0.9, learnt) or last > chance * (1.5 if curves.classes > 2 else 1.1):
        return []
    fault = "labels-misaligned"
    if last < 0.4 * chance:
        fault = "class-map-mismatch"
    elif train[0] > 0.99:
        fault = "repeated-batch"
    evidence = (
        f"{train[-1]:.1%} right in training, {last:.1%} in validation, where guessing gives {chance:.1%}: "
        "labels of other images, another map of classes, one batch again and again, other preprocessing, or batch norm "
        "in the wrong mode"
    )
    return [finding(fault, "warn", "valid/accuracy", evidence, 0.4)]


@decides("over-trained")
def over_trained(curves: Curves) -> Verdict:
    """A validation loss whose best is long past, and that rose since by more than its noise."""
    (where, train), (there, valid) = curves.whole("train/loss"), curves.whole("valid/loss")
    if len(valid) < ENOUGH:
        return None
    best = int(valid.argmin())
    rise = float(valid[-FEW:].mean() - valid[best])
    fell = len(train) < 2 or train[-1] < np.interp(there[best], where, train)
    if (
        beyond_a_start(curves, valid[best])
        or best > len(valid) - 6
        or rise < max(3 * noise_of(valid[best:]), 0.1 * abs(valid[best]))
        or not fell
    ):
        return []
    right = curves.values("valid/accuracy")
    lost = float(smooth(right).max() - right[-FEW:].mean()) if len(right) > FEW else inf
    hurts = lost > max(3 * noise_of(right), 0.005)
    accuracy = (
        "" if lost == inf else f"; valid/accuracy is {lost:.2%} below its best, {'beyond' if hurts else 'within'} noise"
    )
    evidence = (
        f"valid/loss was best at evaluation {best + 1} of {len(valid)} and rose from {valid[best]:.4f} by {rise:.4f} "
        f"since{accuracy}"
    )
    return [finding("over-trained", "warn" if hurts else "info", "valid/loss", evidence, 0.9)]


@decides("under-trained")
def under_trained(curves: Curves) -> Verdict:
    """A validation loss that falls to the end, beyond its noise, at a rate that has not died."""
    valid = curves.values("valid/loss")
    if len(valid) < ENOUGH:
        return None
    ends = min(values[-1] for values in curves.losses.values())
    if ends < 0 or beyond_a_start(curves, ends) or rate_died(curves):  # it lacks something else than steps
        return []
    window = valid[-max(5, len(valid) // 3) :]
    gain, t = trend(window)
    right = curves.values("valid/accuracy")[-len(window) :]
    more, sure = trend(right) if len(right) == len(window) else (0.0, 0.0)
    still = sure > SURE and more > CLEARLY
    if t > -SURE or not (still or -gain > 0.1 * abs(valid[-1])):
        return []
    evidence = (
        f"valid/loss fell from {window[0]:.4f} to {window[-1]:.4f} over the last {len(window)} of {len(valid)} "
        f"evaluations (t = {t:.1f})" + (f", and valid/accuracy rose by {100 * more:.2f} points" if still else "")
    )
    return [finding("under-trained", "warn" if still else "info", "valid/loss", evidence, 0.9)]


def beyond_a_start(curves: Curves, loss: float) -> bool:
    """Whether a loss is above what outputs cost as random as Kaiming's rule makes them: of a variance of 2."""
    return curves.may_be_cross_entropy and curves.classes is not None and loss > log(curves.classes) + 1


def noise_of(values: NumpyArray) -> float:
    """The standard deviation of a curve about its course, from its second differences."""
    return float(np.std(np.diff(values, 2)) / 6**0.5) if len(values) > FEW else 0.0


def smooth(values: NumpyArray) -> NumpyArray:
    """Means of three neighbours."""
    return np.convolve(values, np.ones(FEW) / FEW, "valid")


def trend(values: NumpyArray) -> tuple[float, float]:
    """How much a straight line rises over these values, and the t of its slope."""
    x = np.arange(len(values)) - (len(values) - 1) / 2
    slope = float((x * values).sum() / (x * x).sum())
    left = values - values.mean() - slope * x
    spread = float(np.sqrt((left @ left) / (len(values) - 2) / (x @ x)))
    return slope * (len(values) - 1), slope / spread if spread else float(np.sign(slope)) * inf


@decides()
def looks_at_test(curves: Curves) -> Verdict:
    """The test part scored all along, with no validation part beside it to choose by."""
    looks = max(len(curves.values(f"test/{measure}")) for measure in ("loss", "accuracy"))
    if not looks:
        return None
    chosen = any(f"valid/{measure}" in curves.scores for measure in ("loss", "accuracy"))
    if looks < FEW or chosen:
        return []
    evidence = (
        f"the test part was scored {looks} times, and there is no validation part: whatever is picked of "
        "these epochs is "
        "picked by the test part"
    )
    return [finding("test-set-selection", "info", "test", evidence, 0.5)]


def lower_evaluation(curves: Curves) -> Sequence[str]:
    """A word on validation losses below the training's, which look wrong and are not."""
    (where, train), (there, valid) = curves.whole("train/loss"), curves.whole("valid/loss")
    shared, first, second = np.intersect1d(where, there, return_indices=True)
    lower = int((valid[second] < train[first]).sum())
    if lower <= len(shared) / 2:
        return ()
    return (
        f"valid/loss is below train/loss in {lower} of {len(shared)} evaluations: usual with dropout, augmentation or "
        "label smoothing, and because training's is a mean over an epoch in which the net was still worse; no fault",
    )
