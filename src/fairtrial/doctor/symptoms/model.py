"""Faults in the model: its start, its layers, what is between them."""

from __future__ import annotations

import re
from math import log, prod

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Dropped,
    End,
    Graph,
    Input,
    Layer,
    LossCall,
    Mixing,
    Model,
    Pass,
    Step,
    Units,
    Weights,
)
from fairtrial.doctor.symptoms.loss import calls, made_by, text_of, where_made
from fairtrial.doctor.symptoms.places import first, leading
from fairtrial.doctor.symptoms.step import layers_named, listed, reached

ROOT_2 = 2**0.5  # the gain that keeps the size of what passes through ReLU


def models(journal: Journal) -> list[Model]:
    """The models that learn."""
    got = reached(journal)
    return [model for model in journal.of(Model) if got & {serial for serial, _, _ in model.names}]


def started(journal: Journal) -> list[Weights]:
    """Weights as they were at the first backward pass, the first layer's first."""
    return [one for one in journal.of(Weights) if one.step == 0]


def named(journal: Journal, weights: Weights) -> str:
    """What the model calls these weights."""
    names = {serial: name for model in journal.of(Model) for serial, name, _ in model.names}
    return names.get(weights.parameter, f"a tensor of {' x '.join(map(str, weights.shape))}")


def set_at(journal: Journal, weights: Weights) -> str | None:
    """The line that gave weights their values, or the one that built their layer."""
    layers = [layer for model in journal.of(Model) for layer in model.layers if weights.parameter in layer.parameters]
    return weights.where or next((layer.where for layer in layers), None)


@decides("constant-init")
def constant_init(journal: Journal) -> Verdict:
    """Hidden units of one layer that start with the same weights; the last layer's are told apart by their labels."""
    seen = journal.of(Weights)
    if not seen:
        return None
    equal = [one for one in seen if one.units > 1 and not one.grouped and not one.last and _equal(one)]
    return [
        finding(
            "constant-init",
            "fail",
            set_at(journal, one),
            f"the {one.units} units of {named(journal, one)} start with "
            + (f"{one.distinct} different rows of weights" if one.distinct > 1 else "one and the same row of weights"),
        )
        for one in equal[:1]
    ]


def _equal(weights: Weights) -> bool:
    """Whether hidden units are the same and stay so, or let nothing of the inputs pass."""
    if not weights.zero:
        return weights.step == 0 and weights.distinct <= weights.units / 2
    stuck = weights.step > 0 if weights.idle else 1 < weights.learning >= 2 * weights.apart
    return stuck or not weights.beside


@decides("no-nonlinearity")
def no_nonlinearity(journal: Journal) -> Verdict:
    """Two layers with weights or more, and nothing between that is not affine."""
    graphs = journal.of(Graph)
    if not graphs:
        return None
    ends = frozenset({"Softmax", "LogSoftmax", "Sigmoid"})
    if not all(graph.depth > 1 and not graph.nonlinear - ends for graph in graphs):
        return []
    if any(graph.squashed for graph in graphs):
        return []
    evidence = (
        f"{graphs[0].depth} layers with weights follow each other, and autograd recorded no operation between them "
        f"that is not linear"
    )
    seen = models(journal)
    where = [one for model in seen for layer in model.layers if layer.kind == "Identity" and (one := layer.chosen)]
    where += [written_at(journal, model, layer) for model in seen for layer in weight_layers(model)[:1]]
    return [finding("no-nonlinearity", "fail", next(iter(where), graphs[0].where), evidence)]


def written_at(journal: Journal, model: Model, layer: Layer) -> str | None:
    """The line where a layer has its place among others: in a Sequential, or in the forward that calls it."""
    holders = [one for one in model.layers if one.name == layer.name.rpartition(".")[0]]
    if holders[0].kind == "Sequential":
        return holders[0].where
    passes = [one for one in journal.of(Pass) if one.model == model.model]
    called = [(where, own) for one in passes for where, own in one.called]
    activated = (
        where for where, _ in called if where and re.search(r"\b(act|activation|nonlin\w*)\(", text_of(journal, where))
    )
    return next(activated, None) or next((where for where, own in called if own & layer.parameters), layer.where)


@decides("saturating-hidden-activation")
def saturating_hidden_activation(journal: Journal) -> Verdict:
    """A softmax whose result feeds a layer with weights."""
    graphs = journal.of(Graph)
    if not graphs:
        return None
    soft = [one for one in graphs[0].squashed if one.name == "Softmax"]
    evidence = f"outputs of a softmax go into a layer with weights, in {len(soft)} place{'s' * (len(soft) > 1)}"
    return [finding("saturating-hidden-activation", "warn", one.where, evidence, 0.9) for one in soft[:1]]


@decides("dropout-on-logits")
def dropout_on_logits(journal: Journal) -> Verdict:
    """The loss is given what dropout made."""
    seen = [call for call in journal.of(LossCall) if call.learning]
    if not seen:
        return None
    wrong = [call for call in seen if made_by(call, "Dropout", "NativeDropout")]
    if not wrong or len(wrong) < len(seen):
        return []
    evidence = f"dropout made the scores that {wrong[0].name} gets: {wrong[0].scores.zeros:.0%} of them are exactly 0"
    return [finding("dropout-on-logits", "warn", where_made(journal, wrong[0]), evidence)]


@decides("dropout-too-strong")
def dropout_too_strong(journal: Journal) -> Verdict:
    """A rate of 0.8 or more."""
    seen = models(journal)
    if not seen:
        return None
    layers = [layer for model in seen for layer in model.layers if layer.training]
    strong = [(one.where, f"layer {one.name}", one.rate) for one in layers if one.rate is not None and one.rate >= 0.8]
    strong += [(one.where, "dropout()", one.rate) for one in journal.of(Dropped)]
    return [
        finding("dropout-too-strong", "warn", where, f"{name} sets {rate:.0%} of what it is given to 0", 0.7)
        for where, name, rate in strong
    ]


@decides("unregistered-submodule")
def unregistered_submodule(journal: Journal) -> Verdict:
    """Layers in a plain list that learn, where parameters() does not find them."""
    seen = journal.of(Model)
    if not seen or not journal.of(End):
        return None
    got = reached(journal)
    found: list[Finding] = []
    for model in seen:
        hidden = [(name, where) for name, where, parameters in model.unregistered if parameters & got]
        if hidden:
            names = listed(list(dict.fromkeys(name for name, _ in hidden)))
            evidence = (
                f"gradients reach {len(hidden)} of the layers in the attribute {names}, which parameters() leaves out"
            )
            found.append(finding("unregistered-submodule", "fail", hidden[0][1] or model.where, evidence))
    return found


@decides("unused-or-repeated-layer")
def unused_or_repeated_layer(journal: Journal) -> Verdict:
    """Layers that gradients never reach, or that stand twice in a container."""
    seen, end = models(journal), journal.of(End)
    if not seen or not end or not journal.of(Step):
        return None
    got = reached(journal)
    found = [
        finding("unused-or-repeated-layer", "warn", where or None, f"layer {name} is the same one as a layer before it")
        for model in seen
        for name, where in model.repeated[:1]
    ]
    for model in seen:
        trainable = {serial for serial, _, trains in model.names if trains}
        idle = [layer for layer in model.layers if layer.parameters & trainable and not layer.parameters & got]
        if idle:
            evidence = f"no gradient ever reaches {layers_named([layer.name for layer in idle])}"
            found.append(finding("unused-or-repeated-layer", "warn", idle[0].where, evidence, 0.9))
    return found


@decides("wrong-class-count")
def wrong_class_count(journal: Journal) -> Verdict:
    """Outputs that no label ever asks for."""
    seen = [call for call in calls(journal, "cross_entropy", "nll_loss") if call.targets.counts]
    if not seen:
        return None
    classes = seen[0].classes
    counts, early = (
        [sum(column) for column in zip(*(call.targets.counts[:classes] for call in some), strict=False)]
        for some in (seen, seen[: len(seen) // 2])
    )
    empty = [k for k, count in enumerate(counts) if not count]
    ordered = any(late and not count for late, count in zip(counts, early, strict=False))  # some classes come later
    some = sorted(count for count in counts if count)
    # The next rarer class, where counts fall by a factor from class to class: of 5 expected, none with chance exp(-5).
    rarer = some[0] * (some[0] / some[-1]) ** (1 / max(1, len(some) - 1)) if some else 0
    if not empty or sum(counts) < 20 * classes or rarer < 5 or ordered:
        return []
    heads = [one for one in started(journal) if one.last and one.units == classes]
    layers = [layer for model in models(journal) for layer in model.layers if layer.where]
    built = (layer.where for one in heads for layer in layers if one.parameter in layer.parameters)
    evidence = f"{classes} outputs, but none of {sum(counts)} labels seen is {listed([str(k) for k in empty])}"
    return [finding("wrong-class-count", "warn", next(built, seen[0].where), evidence, 0.9)]


@decides("cross-sample-mixing")
def cross_sample_mixing(journal: Journal) -> Verdict:
    """Other rows' outputs changed when one input was exchanged."""
    seen = journal.of(Mixing)
    if not seen:
        return None
    mixed = [one for one in seen if one.changed]
    return [
        finding(
            "cross-sample-mixing",
            "fail",
            one.where,
            f"with one of {one.rows} inputs exchanged, the outputs of {one.changed} others changed, by up to "
            f"{one.largest:.3g} (in evaluation mode)",
        )
        for one in mixed[:1]
    ]


@decides("dead-relu")
def dead_relu(journal: Journal) -> Verdict:
    """Units that gave zero for each of many examples; a branch that is added to what passes it by may do so."""
    seen = [one for one in journal.of(Units) if one.examples >= 512 and one.units > 1]
    if not seen:
        return None
    last = {one.where: one for one in seen}
    dead = sorted((one for one in last.values() if one.dead > 0.9 * one.units), key=lambda one: one.beside)
    return [
        finding(
            "dead-relu",
            "info" if one.beside and not one.silenced else "fail" if one.examples >= 2048 else "warn",
            one.silenced or one.where,
            f"{one.dead} of {one.units} units gave 0 for each of {one.examples} examples"
            + (", and what is added to them is all that is left" if one.beside else ""),
            1.0 if one.examples >= 2048 else 0.9,
        )
        for one in dead[:1]
    ]


@decides("channel-order")
def channel_order(journal: Journal) -> Verdict:
    """Pixels that are more like their neighbours when the numbers are read with channels last; rows as channels."""
    passes = [one for one in journal.of(Pass) if one.backward and one.input]
    fed = [(one.where, one.input, one.entered) for one in passes if one.input]
    seen = [(inner.where, inner.input, inner.kind) if inner else (where, given, "") for where, given, inner in fed]
    pictures = [one for one in seen if one[1].correlation is not None]
    if not pictures:
        return None
    where, given, _ = pictures[0]
    if all(_torn(one) for _, one, _ in pictures):
        evidence = (
            f"neighbouring pixels have correlation {given.correlation:.2f}; read with channels last, the same numbers "
            f"have {given.relabelled:.2f}"
        )
    elif all(kind == "Conv2d" and _channels_last(one) for _, one, kind in pictures):
        evidence = f"a convolution gets shape {given.shape}: the channels are last"
    else:
        return []
    lines = [line for one in (where, fed[0][0]) for line in leading(journal, "learned", one)]
    turned = first(lines, r"\b(view|reshape|resize)\(", r"permute|transpose|moveaxis|movedim|swapaxes|rearrange")
    return [finding("channel-order", "fail", turned or where, evidence, 0.99)]


def _torn(given: Input) -> bool:
    """Whether pixels find their neighbours only where channels are last; right pictures lose by that reading."""
    if given.correlation is None or given.relabelled is None:
        return False
    return given.relabelled > max(given.correlation, 0) + 0.2


def _channels_last(given: Input) -> bool:
    _, channels, height, width = given.shape
    return channels == height > width and width in (1, 3, 4)


def weight_layers(model: Model) -> list[Layer]:
    """Layers with weights, in the order of their definition."""
    return [layer for layer in model.layers if layer.rows]


def normed(journal: Journal) -> bool:
    """Whether any layer normalises."""
    return any("Norm" in layer.kind for model in models(journal) for layer in model.layers)


@decides("init-too-large")
def init_too_large(journal: Journal) -> Verdict:
    """Weights far above their fan-in's scale, and a first loss far above chance."""
    seen = [call for call in calls(journal, "cross_entropy", "nll_loss") if call.step == 0 and call.classes > 1]
    weights = started(journal)
    if not seen or not weights:
        return None
    chance, largest = log(seen[0].classes), max(weights, key=lambda one: one.gain)
    whole = prod(one.gain / ROOT_2 for one in weights)
    if not seen[0].value > 3 * chance or not (largest.gain > 4 or (largest.gain > 1.5 * ROOT_2 and whole > 10)):
        return []
    wide = next(one for one in weights if one.gain > 4 or one is largest)
    evidence = (
        f"{named(journal, wide)} makes outputs {wide.gain:.3g} times as large as inputs (torch's own start: "
        f"0.6 to 1.4 times); the first loss is {seen[0].value:.3g}, chance is {chance:.3g}"
    )
    return [finding("init-too-large", "warn", set_at(journal, wide), evidence, 0.9)]


@decides("init-too-small")
def init_too_small(journal: Journal) -> Verdict:
    """Hidden weights far below their fan-in's scale: one, with nothing that normalises, or several that add up."""
    weights = started(journal)
    hidden = [one for one in weights if not one.last]
    if not hidden:
        return None
    small = [one for one in hidden if 0 < one.gain < 0.06 and one.distinct > 1 and not one.grouped]
    said = f"{named(journal, small[0])} makes outputs {small[0].gain:.2g}" if small and not normed(journal) else ""
    if not said and (faded := _faded(weights)):
        small, share = faded
        said = f"of what differs between inputs {share:.1g} is left at the last layer, as {len(small)} layers start "
        said += f"like {named(journal, small[0])}, which makes outputs {small[0].gain:.2g}"
    if not said:
        return []
    evidence = f"{said} times as large as inputs (torch's own start: 0.6 to 1.4 times)"
    return [finding("init-too-small", "warn", set_at(journal, small[0]), evidence, 0.9)]


def _faded(weights: list[Weights]) -> tuple[list[Weights], float] | None:
    """Hidden weights below half of torch's own start that make a thousandth of a signal, and what is left of it.

    They make it if they alone, without what is between them, explain half of the loss in decibels.
    """
    signals = [one.signal for one in weights if one.signal is not None]
    if len(signals) < 2 or not signals[0] or not signals[-1] < 1e-3 * signals[0]:
        return None
    small = [one for one in weights if 0 < one.gain < 0.3 and one.distinct > 1 and not one.last]
    share = signals[-1] / signals[0]
    return (small, share) if prod(one.gain for one in small) < share**0.5 else None


def full_steps(journal: Journal) -> list[Step]:
    """Steps whose parameters were looked at."""
    return [step for step in journal.of(Step) if step.parameters]


@decides("vanishing-gradient")
def vanishing_gradient(journal: Journal) -> Verdict:
    """First layers whose gradient, for their weights, is a ten-thousandth of the last's, step after step."""
    steps = full_steps(journal)
    if not steps or steps[-1].step < 16 or not models(journal):
        return None
    if init_too_small.decide(journal):  # which explains it
        return []
    found: list[Finding] = []
    for model in models(journal):
        layers = weight_layers(model)
        if len(layers) < 3:
            continue
        pairs = [
            (a, b)
            for step in steps
            if (a := _relative(step, layers[0])) is not None and (b := _relative(step, layers[-1])) is not None
        ]
        faded = [(a, b) for a, b in pairs if b > 0 and a < 1e-4 * b]
        if len(faded) > 3 and len(faded) > 0.8 * len(pairs):
            evidence = (
                f"the gradient is {faded[-1][0]:.2g} of the weights' size in the first layer, {layers[0].name}, and "
                f"{faded[-1][1]:.2g} of it in the last, {layers[-1].name}; so at {len(faded)} of {len(pairs)} steps "
                f"looked at"
            )
            squashed = [one.where for graph in journal.of(Graph)[:1] for one in graph.squashed]
            found.append(finding("vanishing-gradient", "warn", next(iter(squashed), layers[0].where), evidence, 0.9))
    return found


def _relative(step: Step, layer: Layer) -> float | None:
    """Norm of gradient over norm of weight of a layer's largest parameter."""
    own = [p for p in step.parameters if p.serial in layer.parameters and p.gradient is not None and p.weight]
    largest = max(own, key=lambda p: p.size, default=None)
    return None if largest is None or largest.gradient is None else largest.gradient / largest.weight
