"""What is wrong with a run of ours, from its record alone: its net's text, its curves and rates, its best weights.

A fault that can be mended in the recipe comes with words for the command line. Nothing is trained, no data are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import log
from typing import Any, TypeAlias

import numpy as np

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, Level, finding, ordered
from fairtrial.doctor.fingerprints import ENOUGH, NEEDS_SCRIPT, Curve, Curves, beyond_a_start, diagnose_curves
from fairtrial.spec import arch as a
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import FairtrialError, UsageError
from fairtrial.spec.events import Ended, Fitted
from fairtrial.store import Record

CLASS_LOSSES = ("cross-entropy", "nll", "bce")
STRAIGHT = (a.Conv, a.Linear, a.AvgPool, a.GlobalAvgPool, a.Flatten, a.Dropout, a.BatchNorm)  # affine once trained
SATURATING = (a.Sigmoid, a.Tanh)
SOME = 100  # steps below which a loss that has not fallen yet says little
STRONG, MILD = 0.8, a.Dropout(0.3)
REACH = 0.01  # of the weights' norm: what moves them by less has not trained them
GAINS = (0.02, 5.0)  # of a layer's outputs over its inputs: below and above, a start without batch norm is lost
RANGE = (0.1, 20.0)  # of the inputs' numbers; standardised pixels take about 3 to 6
EQUAL = ("zeros", "constant")  # ways to start that give all units of a layer the same weights
DEAD = 0.9  # share of a layer's units that must be dead for certain to fail a run; half of it warns
STEPS = 8  # of an epoch, at least, where a batch is to be smaller
ONE_SEED = "one run shows nothing about another seed: `fairtrial compare` tells a difference from luck"
Verdict: TypeAlias = list[Finding] | None
Rule: TypeAlias = Callable[[Record, a.Arch], Verdict]


def diagnose(record: Record) -> Diagnosis:
    """What the recipe, the curves and the best weights of a run show; `fix` ends in the fields to change."""
    if not isinstance(record, Record):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(
            f"diagnose takes a record, as run() returns and a store reads it, and no {type(record).__name__}"
        )
    arch = read_arch(record.made["arch"]) if record.made.get("arch") else ()
    by_curves = diagnose_curves(curves_of(record))
    findings = [told for found in by_curves.findings for told in in_our_words(record, arch, found)]
    checked = {*by_curves.checked}
    for fault, rule in RULES.items():
        verdict = rule(record, arch)
        if verdict is not None:
            findings = [found for found in findings if found.fault != fault] + verdict
            checked.add(fault)
    if any(
        found.fault in STUCK or (found.fault, found.level) == ("constant-init", "fail") for found in findings
    ):  # which is why the net learns little or nothing
        findings = [found for found in findings if found.level == "fail" or found.fault not in STILL]
    if record.end is None or any(found.fault in ("lr-too-high", "lr-too-low") for found in findings):
        findings = [found for found in findings if found.fault != "under-trained"]
    return Diagnosis(
        ordered(with_words(record, arch, found) for found in findings),
        tuple(name for name in FAULTS if name in checked),
        tuple(name for name in FAULTS if name not in checked),
        (*(note for note in by_curves.notes if note != NEEDS_SCRIPT), ONE_SEED),
    )


STILL = ("lr-too-high", "lr-too-low", "constant-init", "vanishing-gradient", "under-trained")
STUCK = {
    "dead-relu",
    "non-finite",
    "clipping-too-tight",
    "saturating-hidden-activation",
    "init-too-large",
    "init-too-small",
    "input-scale",
}


def curves_of(record: Record) -> Curves:
    """The scores at the ends of the epochs, the learning rate, and what is known of the data."""
    epochs = record.epochs
    scores: dict[str, Curve] = {}
    for part in ("train", "valid", "test"):
        for measure in ("loss", "accuracy"):
            found = scored(record, f"{part}/{measure}")
            scores |= {f"{part}/{measure}": found} if len(found.values) else {}
    if "train/loss" not in scores and epochs:  # not scored: the running mean at the end of each epoch stands for it
        scores |= {f"train/{measure}": scored(record, f"running/{measure}") for measure in ("loss", "accuracy")}
    fitted = [event for event in record.events if isinstance(event, Fitted)]
    if fitted:
        scores["lr"] = Curve(np.array([float(e.step) for e in fitted]), np.array([e.lr for e in fitted]))
    data = record.made.get("data", {})
    counts = {part: count for part, count in data.get("counts", {}).items() if count}
    loss = record.recipe.loss.split()[0]
    targets = loss if record.recipe.targets != "number" else "number"
    return Curves(scores, len(data.get("classes", ())) or None, counts, targets)


def scored(record: Record, key: str) -> Curve:
    """One score at the ends of the epochs."""
    points = [(epoch.epoch, epoch.scores[key]) for epoch in record.epochs if key in epoch.scores]
    places, values = zip(*points, strict=True) if points else ((), ())
    return Curve(np.array(places, float), np.array(values, float))


def in_our_words(record: Record, arch: a.Arch, found: Finding) -> Iterator[Finding]:
    """A finding of the curves, with what the recipe adds to it."""
    recipe = record.recipe
    if found.fault == "over-trained":  # the best epoch's weights are what is kept and tested
        kept = (
            f"{found.evidence}; epoch {record.best.epoch if record.best else 0} was kept and tested, so "
            "only time was lost"
        )
        yield replace(found, level="info", evidence=kept)
    elif found.fault == "lr-too-low" and penalties(record) and shrunk(record):
        yield finding("over-regularised", "warn", found.where, f"{found.evidence}; with {penalties(record)}", 0.6)
    elif found.fault == "constant-init":
        if sum(isinstance(layer, SATURATING) for layer in arch) >= 3:
            why = f"{found.evidence}; {len(arch)} layers with sigmoid or tanh between them"
            yield finding("vanishing-gradient", "warn", found.where, why, 0.7)
        elif recipe.init.split()[0] in EQUAL:
            yield found
        elif penalties(record):
            yield finding("over-regularised", "warn", found.where, f"{found.evidence}; with {penalties(record)}", 0.6)
        elif (steps := record.events[-1].step) >= SOME:
            yield finding("lr-too-high", "warn", found.where, f"{found.evidence}; lr is {recipe.lr:g}", 0.5)
        else:
            few = f"{found.evidence}; only {steps} steps were made"
            yield finding("under-trained", "info", found.where, few, 0.5)
    elif found.fault not in ("test-set-selection", "mse-for-classification"):  # what the recipe tells better
        yield found


def penalties(record: Record) -> str:
    """The recipe's penalties that are not zero."""
    fields = {name: vars(record.recipe).get(name) for name in ("weight_decay", "l1", "l2")}
    return ", ".join(f"{name}={value:g}" for name, value in fields.items() if value)


def shrunk(record: Record) -> bool:
    """Whether half of the layers or more have weights that make their outputs a tenth of their inputs or less."""
    weights = best_weights(record)
    gains = [float(np.sqrt((w.astype(float) ** 2).sum(1).mean())) for _, w in matrices(weights or {})]
    return bool(gains) and float(np.median(gains)) < 0.1


# What the recipe's net and fields prove


def last_of(record: Record, arch: a.Arch) -> a.Layer:
    """The layer whose outputs go into the loss, of which the log-softmax before nll is half."""
    beside = (a.Dropout, a.LogSoftmax) if loss_of(record) == "nll" else a.Dropout
    return next((layer for layer in reversed(arch) if not isinstance(layer, beside)), arch[-1])


def loss_of(record: Record) -> str:
    """The loss's name, or nothing where it is given numbers to predict."""
    return record.recipe.loss.split()[0] if record.recipe.targets != "number" else ""


def ends_in(
    fault: str, level: Level, layers: tuple[type[a.Layer], ...], losses: tuple[str, ...]
) -> Callable[[Record, a.Arch], Verdict]:
    """A rule: the net ends in one of these layers, and its outputs go into one of these losses."""

    def rule(record: Record, arch: a.Arch) -> Verdict:
        if not arch:
            return None
        last, loss = last_of(record, arch), loss_of(record)
        if not isinstance(last, layers) or loss not in losses:
            return []
        word = a.WORDS[type(last)]
        return [finding(fault, level, a.names(arch)[-1], f"the model ends in {word}, and loss={loss} follows it")]

    return rule


def no_log_softmax(record: Record, arch: a.Arch) -> Verdict:
    """The loss nll, and no log-softmax before it."""
    if not arch:
        return None
    if loss_of(record) != "nll" or isinstance(arch[-1], a.LogSoftmax):
        return []
    evidence = f"loss=nll follows {a.words(arch[-1])}, and not log-softmax"
    return [finding("nll-on-non-log-probabilities", "fail", a.names(arch)[-1], evidence)]


def on_purpose(fault: str, losses: tuple[str, ...]) -> Callable[[Record, a.Arch], Verdict]:
    """A rule: the recipe asks for one of these losses; it may mean it, so it is only told."""

    def rule(record: Record, arch: a.Arch) -> Verdict:
        loss = loss_of(record)
        return [finding(fault, "info", "recipe", f"loss={loss}, each image has one class")] if loss in losses else []

    return rule


def affine(record: Record, arch: a.Arch) -> Verdict:
    """Two layers with weights or more, and nothing in the net that is not affine."""
    if not arch:
        return None
    weighted = [layer for layer in arch if isinstance(layer, a.Conv | a.Linear)]
    inside = arch[:-1] if isinstance(arch[-1], a.Softmax | a.LogSoftmax) else arch
    if len(weighted) < 2 or not all(isinstance(layer, STRAIGHT) for layer in inside):
        return []
    evidence = f"{len(weighted)} layers with weights and no activation between them: {a.text(arch)}"
    return [finding("no-nonlinearity", "fail", a.names(arch)[0], evidence)]


def dropped_logits(record: Record, arch: a.Arch) -> Verdict:
    """Dropout behind the last layer with weights."""
    if not arch:
        return None
    behind = [layer for layer in arch[last_weighted(arch) + 1 :] if isinstance(layer, a.Dropout)]
    return (
        [finding("dropout-on-logits", "warn", a.names(arch)[-1], a.text(arch[last_weighted(arch) :]))] if behind else []
    )


def last_weighted(arch: a.Arch) -> int:
    """The place of the last layer with weights."""
    return max((place for place, layer in enumerate(arch) if isinstance(layer, a.Conv | a.Linear)), default=0)


def strong_dropout(record: Record, arch: a.Arch) -> Verdict:
    """Dropout of four fifths, and a net that does far better without it on the very images that it learns."""
    if not arch:
        return None
    rates = [layer.rate for layer in arch if isinstance(layer, a.Dropout) and layer.rate]
    scores = record.epochs[-1].scores if record.epochs else {}
    if max(rates, default=0) < STRONG or not {"running/loss", "train/loss"} <= scores.keys():
        return []
    running, whole = scores["running/loss"], scores["train/loss"]
    right, able = (scores.get(f"{part}/accuracy", 0.0) for part in ("running", "train"))
    if running < 1.25 * whole and able < 2 * right:
        return []
    evidence = f"dropout {max(rates):g}: the training loss is {running:.4f} with it and {whole:.4f} without"
    return [finding("dropout-too-strong", "warn", "dropout", evidence, 0.7)]


def single_image(record: Record, arch: a.Arch) -> Verdict:
    """Batch norm where a batch, or what is left for the last one of an epoch, is one image."""
    if not arch:
        return None
    images = record.made.get("data", {}).get("counts", {}).get("train", 0)
    batch = record.recipe.batch
    if "batch-norm" not in a.text(arch) or not images or (batch > 1 and images % batch != 1):
        return []
    evidence = (
        f"{images} images in batches of {batch}: {'every batch' if batch == 1 else 'the last batch'} is one image"
    )
    return [finding("batchnorm-batch-of-one", "warn", "batch", evidence, 0.9)]


def few_steps(record: Record, arch: a.Arch) -> Verdict:
    """Few steps, of which the last epoch's are the best, and too few epochs to see in curves that more would help."""
    best, epochs = record.best, record.epochs
    if best is None or len(epochs) >= ENOUGH or best.epoch < epochs[-1].epoch or best.step >= SOME:
        return None
    steps = f"only {best.step} steps were made, and the last of {len(epochs)} epochs is the best"
    steps = steps if len(epochs) > 1 else f"only {best.step} steps were made, in one epoch"
    return [finding("under-trained", "info", "epochs", steps, 0.6)]


def thrown_off(record: Record, arch: a.Arch) -> Verdict:
    """Losses at the end, in training mode and in eval mode, above any start's: the steps have led away from there."""
    curves, last = curves_of(record), record.epochs[-1:]
    ends = [loss for key, loss in last[0].scores.items() if key.endswith("/loss")] if last else []
    if not curves.classes or not ends or not beyond_a_start(curves, min(ends)):
        return None
    evidence = (
        f"after {last[0].step} steps no loss is below {min(ends):.4g}, where guessing costs ln {curves.classes} = "
        f"{log(curves.classes):.4f}; lr is {record.recipe.lr:g}"
    )
    return [finding("lr-too-high", "warn", "lr", evidence, 0.6)]


def one_step(record: Record, arch: a.Arch) -> Verdict:
    """A batch of all images, so that an epoch is one step."""
    images = record.made.get("data", {}).get("counts", {}).get("train", 0)
    if not images or record.recipe.batch < images:
        return [] if images else None
    evidence = f"{images} images in batches of {record.recipe.batch}: an epoch is one step"
    return [finding("unsuitable-batch-size", "info", "batch", evidence, 0.6)]


def soft_inside(record: Record, arch: a.Arch) -> Verdict:
    """Softmax between layers with weights: its outputs sum to 1, and hardly any gradient comes through."""
    if not arch:
        return None
    inside = [place for place, layer in enumerate(arch[: last_weighted(arch)]) if isinstance(layer, a.Softmax)]
    if not inside:
        return []
    where = a.names(arch)[inside[0]]
    return [finding("saturating-hidden-activation", "warn", where, f"softmax in {len(inside)} hidden layers", 0.9)]


def scaled(fault: str, outside: Callable[[float], bool]) -> Callable[[Record, a.Arch], Verdict]:
    """A rule: `init` gives weights so large or so small that a layer's outputs have lost the scale of its inputs."""

    def rule(record: Record, arch: a.Arch) -> Verdict:
        weights, words = best_weights(record), record.recipe.init.split()
        if not arch or weights is None or "batch-norm" in a.text(arch) or len(words) < 2 or words[0] not in SPREADS:
            return None if not arch else []
        inputs = float(np.median([w.shape[1] for _, w in matrices(weights)]))
        gain = float(words[1]) * SPREADS[words[0]] * inputs**0.5
        if not outside(gain):
            return []
        evidence = (
            f"init={record.recipe.init} makes outputs about {gain:.2g} times as large as the inputs, layer by layer"
        )
        return [finding(fault, "warn", "init", evidence, 0.8)]

    return rule


SPREADS = {"normal": 1.0, "uniform": 3**-0.5}  # standard deviations of draws with the number 1


def pixel_range(record: Record, arch: a.Arch) -> Verdict:
    """Pixels that `mean-std` stretches far or presses together, with no batch norm in the net to undo it."""
    if not arch:
        return None
    word, *numbers = record.recipe.input.split()
    if word != "mean-std" or "batch-norm" in a.text(arch):
        return []
    means, spreads = (np.array(half, float) for half in np.split(np.array(numbers, float), 2))
    low, high = float((-means / spreads).min()), float(((1 - means) / spreads).max())
    if RANGE[0] < high - low < RANGE[1]:
        return []
    evidence = f"input={record.recipe.input} makes numbers from {low:.3g} to {high:.3g} of the pixels"
    return [finding("input-scale", "warn", "input", evidence, 0.8)]


def clipped_short(record: Record, arch: a.Arch) -> Verdict:
    """Clipping with which all steps together cannot have moved the weights by more than a hundredth of their norm."""
    recipe, weights = record.recipe, best_weights(record)
    fitted = [event for event in record.events if isinstance(event, Fitted)]
    if weights is None or not fitted or recipe.optimizer not in ("sgd", "momentum", "nesterov"):
        return None if recipe.clip else []
    kept = recipe.momentum if recipe.momentum is not None else 0.0 if recipe.optimizer == "sgd" else 0.9
    reach = recipe.clip * max(event.lr for event in fitted) * fitted[-1].step / (1 - kept)
    norm = float(np.sqrt(sum(float((w.astype(float) ** 2).sum()) for _, w in matrices(weights))))
    if not recipe.clip or reach > REACH * norm:
        return []
    moved = f"{fitted[-1].step} steps move the weights by {reach:.2g} at most"
    evidence = f"clip={recipe.clip:g}: {moved}; their norm is {norm:.3g}"
    return [finding("clipping-too-tight", "warn", "clip", evidence, 0.9)]


def noisy(record: Record, arch: a.Arch) -> Verdict:
    """Wrong targets that the recipe asks for; whether the data have others is not known."""
    share = record.recipe.outliers
    return [finding("label-noise", "info", "recipe", f"outliers={share:g} of the training targets")] if share else None


def extreme(record: Record, arch: a.Arch) -> Verdict:
    """A momentum or a beta that hardly forgets."""
    recipe = record.recipe
    long = [f"momentum={recipe.momentum:g}"] if (recipe.momentum or 0) > 0.995 else []
    if recipe.optimizer.startswith("adam"):
        long += [f"betas={b1:g},{b2:g}" for b1, b2 in [recipe.betas] if b1 > 0.995 or b2 > 0.99999]
    return [finding("extreme-optimizer-settings", "warn", "recipe", ", ".join(long), 0.8)] if long else []


def looked_at(record: Record, arch: a.Arch) -> Verdict:
    """The test part scored during the training: nothing was selected by it, which is worth saying once."""
    looks = sum("test/accuracy" in epoch.scores for epoch in record.epochs)
    if looks < 2:
        return []
    by = record.recipe.monitor if record.recipe.valid else "being the last"
    evidence = f"the test part was scored {looks} times; the epoch was chosen by {by}, not by it: leave it so"
    return [finding("test-set-selection", "info", "test", evidence)]


def diverged(record: Record, arch: a.Arch) -> Verdict:
    """A number that was not finite ended the run."""
    last = record.events[-1] if record.events else None
    if not isinstance(last, Ended) or last.reason != "diverged":
        return []
    place = last.detail.partition(": ")[2].partition(" is not finite")[0]
    return [finding("non-finite", "fail", place or None, last.detail)]


# What the best weights prove


def equal_units(record: Record, arch: a.Arch) -> Verdict:
    """Hidden layers whose units still have the same weights, to the bit, that they started with."""
    weights = best_weights(record)
    if weights is None or not arch:
        return None
    last = a.names(arch)[last_weighted(arch)]
    equal = [name for name, w in matrices(weights) if name != last and len(w) > 1 and (w == w[:1]).all()]
    if not equal or record.recipe.init.split()[0] not in EQUAL:  # else penalties have brought all weights to zero
        return []
    evidence = f"all units of {', '.join(equal)} have equal weights after training: init={record.recipe.init}"
    return [finding("constant-init", "fail", equal[0], evidence)]


def dead_units(record: Record, arch: a.Arch) -> Verdict:
    """Units behind ReLU that no input can wake: inputs are never negative, and no weight and bias is positive."""
    weights = best_weights(record)
    if weights is None or not arch:
        return None
    shares = {name: share for name in certain(record, arch) if (share := dead_share(weights, name)) > DEAD / 2}
    if not shares or any(record.recipe.init.split()[0] == word for word in EQUAL):
        return []
    name, share = max(shares.items(), key=lambda item: item[1])
    evidence = f"{share:.0%} of the units of {name} give 0 for every input: no weight and no bias of theirs is positive"
    return [finding("dead-relu", "fail" if share > DEAD else "warn", name, evidence)]


def certain(record: Record, arch: a.Arch) -> Iterator[str]:
    """Layers with weights that ReLU follows at once, and whose inputs cannot be negative."""
    positive = record.recipe.input.split()[0] == "unit"
    names = a.names(arch)
    for place, layer in enumerate(arch):
        follows = arch[place + 1] if place + 1 < len(arch) else None
        if isinstance(layer, a.Conv | a.Linear):
            if positive and isinstance(follows, a.ReLU):
                yield names[place]
            positive = False
        elif isinstance(layer, a.ReLU | a.Sigmoid | a.Softmax):
            positive = True
        elif not isinstance(layer, a.MaxPool | a.AvgPool | a.GlobalAvgPool | a.Flatten | a.Dropout):
            positive = False


def dead_share(weights: Tensors, name: str) -> float:
    """The share of a layer's units without a positive weight or bias."""
    w = weights.get(f"{name}.weight")
    if w is None:
        return 0.0
    bias = weights.get(f"{name}.bias", np.zeros(len(w)))
    return float(((w.reshape(len(w), -1) <= 0).all(1) & (bias <= 0)).mean())


def best_weights(record: Record) -> Tensors | None:
    """The best weights, but what was fitted to the input; None if there are none, or they cannot be read."""
    if not record.epochs:
        return None
    try:
        return {name: w for name, w in record.weights().items() if not name.startswith("input/")}
    except FairtrialError:
        return None


def matrices(weights: Tensors) -> list[tuple[str, Any]]:
    """Layers with their weights as one row a unit."""
    return [
        (name.removesuffix(".weight"), w.reshape(len(w), -1))
        for name, w in weights.items()
        if name.endswith(".weight") and w.ndim > 1
    ]


RULES: dict[str, Rule] = {
    "non-finite": diverged,
    "softmax-before-cross-entropy": ends_in(
        "softmax-before-cross-entropy", "fail", (a.Softmax,), ("cross-entropy", "nll")
    ),
    "log-softmax-before-cross-entropy": ends_in(
        "log-softmax-before-cross-entropy", "info", (a.LogSoftmax,), ("cross-entropy",)
    ),
    "sigmoid-before-cross-entropy": ends_in(
        "sigmoid-before-cross-entropy", "fail", (a.Sigmoid,), ("cross-entropy", "nll")
    ),
    "sigmoid-before-bce-with-logits": ends_in("sigmoid-before-bce-with-logits", "fail", (a.Sigmoid,), ("bce",)),
    "activation-on-logits": ends_in(
        "activation-on-logits", "fail", (a.ReLU, a.Tanh, a.LeakyReLU, a.SiLU, a.GELU), CLASS_LOSSES
    ),
    "nll-on-non-log-probabilities": no_log_softmax,
    "bce-for-single-label": on_purpose("bce-for-single-label", ("bce",)),
    "mse-for-classification": on_purpose("mse-for-classification", ("mse", "mae", "huber")),
    "no-nonlinearity": affine,
    "dropout-on-logits": dropped_logits,
    "saturating-hidden-activation": soft_inside,
    "init-too-large": scaled("init-too-large", lambda gain: gain > GAINS[1]),
    "init-too-small": scaled("init-too-small", lambda gain: gain < GAINS[0]),
    "input-scale": pixel_range,
    "clipping-too-tight": clipped_short,
    "label-noise": noisy,
    "under-trained": few_steps,
    "lr-too-high": thrown_off,
    "unsuitable-batch-size": one_step,
    "dropout-too-strong": strong_dropout,
    "batchnorm-batch-of-one": single_image,
    "extreme-optimizer-settings": extreme,
    "test-set-selection": looked_at,
    "constant-init": equal_units,
    "dead-relu": dead_units,
}


# The corrected recipe


def with_words(record: Record, arch: a.Arch, found: Finding) -> Finding:
    """The finding with the fields that mend the recipe, as words for the command line, at the end of its fix."""
    words, fields = corrected(record, arch, found.fault), vars(record.recipe).items()
    given = {f"{field}={value:g}" if isinstance(value, float) else f"{field}={value}" for field, value in fields}
    new = words and not given.issuperset(words.split())
    return replace(found, fix=f"{found.fix} In this recipe: {words}") if new else found


def corrected(record: Record, arch: a.Arch, fault: str) -> str:
    """Words that change the recipe so that it no longer has the fault; empty where none do for certain."""
    recipe = record.recipe
    match fault:
        case (
            "softmax-before-cross-entropy"
            | "sigmoid-before-cross-entropy"
            | "sigmoid-before-bce-with-logits"
            | "log-softmax-before-cross-entropy"
            | "activation-on-logits"
        ):
            return f'model="{a.text(arch[: last_weighted(arch) + 1])}"' if arch else ""
        case "dropout-on-logits":
            last = last_weighted(arch)
            behind = next(layer for layer in arch[last:] if isinstance(layer, a.Dropout))
            return f'model="{a.text((*arch[:last], behind, arch[last]))}"'
        case "saturating-hidden-activation":
            last = last_weighted(arch)
            return f'model="{a.text((*with_layers(arch[:last], (a.Softmax,), a.ReLU()), *arch[last:]))}"'
        case "clipping-too-tight":
            return "clip=1"
        case "input-scale":
            return "input=unit"
        case "label-noise":
            return "outliers=0"
        case "unsuitable-batch-size":
            images = record.made["data"]["counts"]["train"]
            return f"batch={min(64, max(2, images // STEPS))}"
        case "nll-on-non-log-probabilities" | "mse-for-classification" | "bce-for-single-label":
            return "loss=cross-entropy targets=index"
        case "no-nonlinearity":
            return f'model="{a.text(with_activations(arch))}"'
        case "constant-init" | "init-too-large" | "init-too-small":
            return "init=kaiming-normal"
        case "lr-too-high" | "dead-relu":
            return f"lr={recipe.lr / 10:g}"
        case "non-finite":
            return f"lr={recipe.lr / 10:g}, or clip=1"
        case "lr-too-low":
            return f"lr={recipe.lr * 10:g}"
        case "under-trained":
            return f"epochs={recipe.epochs * 2}"
        case "over-trained":
            return f"patience={max(3, recipe.epochs // 10)}"
        case "vanishing-gradient":
            if recipe.activation in ("sigmoid", "tanh"):
                return "activation=relu init=kaiming-normal"
            return f'model="{a.text(with_layers(arch, SATURATING, a.ReLU()))}" init=kaiming-normal'
        case "over-regularised":
            return "weight_decay=0.0001 l1=0 l2=0"
        case "schedule-too-fast":
            return "schedule=cosine"
        case "batchnorm-batch-of-one":
            return f"batch={max(32, recipe.batch + 1)}"
        case "extreme-optimizer-settings":
            return "momentum=0.9 betas=0.9,0.999"
        case "dropout-too-strong":
            return (
                "dropout=0.3"
                if recipe.dropout >= STRONG
                else f'model="{a.text(with_layers(arch, (a.Dropout,), MILD))}"'
            )
        case "test-set-selection":
            return "test_every=0" if recipe.test_every else ""
        case _:
            return ""


def with_layers(arch: a.Arch, old: tuple[type[a.Layer], ...], new: a.Layer) -> a.Arch:
    """The net with another layer in the place of each of these kinds."""
    return tuple(new if isinstance(layer, old) else layer for layer in arch)


def with_activations(arch: a.Arch) -> a.Arch:
    """The net with ReLU behind each layer with weights but the last."""
    last = last_weighted(arch)
    return tuple(
        each
        for place, layer in enumerate(arch)
        for each in ((layer, a.ReLU()) if isinstance(layer, a.Conv | a.Linear) and place < last else (layer,))
    )
