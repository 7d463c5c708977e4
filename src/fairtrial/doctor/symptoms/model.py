"""Faults in the model: its start, its layers, what is between them."""

from __future__ import annotations

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import End, Graph, Layer, LossCall, Model, Step
from fairtrial.doctor.symptoms.loss import calls, made_by, where_made
from fairtrial.doctor.symptoms.step import listed, reached


def models(journal: Journal) -> list[Model]:
    """The models that learn."""
    got = reached(journal)
    return [model for model in journal.of(Model) if got & {serial for serial, _, _ in model.names}]


def hidden_layers(model: Model) -> list[Layer]:
    """Layers with weights, but the last."""
    return [layer for layer in model.layers if layer.rows][:-1]


@decides("constant-init")
def constant_init(journal: Journal) -> Verdict:
    """Hidden layers whose units start with the same weights."""
    seen = models(journal)
    if not seen:
        return None
    return [
        finding(
            "constant-init",
            "fail",
            layer.where or model.where,
            f"the {layer.rows} units of {layer.name} ({layer.kind}) start with {layer.distinct} different rows of weights",
        )
        for model in seen
        for layer in hidden_layers(model)[:]
        if layer.rows > 1 and layer.distinct <= max(1, layer.rows // 2)
    ][:1]


@decides("no-nonlinearity")
def no_nonlinearity(journal: Journal) -> Verdict:
    """Two layers with weights or more, and nothing between that is not affine."""
    graphs = journal.of(Graph)
    if not graphs:
        return None
    ends = frozenset({"Softmax", "LogSoftmax", "Sigmoid"})
    if not all(graph.depth > 1 and not graph.nonlinear - ends for graph in graphs):
        return []
    if any(graph.softmax_into_layer or graph.sigmoid_into_layer for graph in graphs):
        return []
    evidence = (
        f"{graphs[0].depth} layers with weights follow each other, and autograd recorded no operation between them "
        f"that is not linear"
    )
    model = models(journal)
    return [finding("no-nonlinearity", "fail", model[0].where if model else graphs[0].where, evidence)]


@decides("saturating-hidden-activation")
def saturating_hidden_activation(journal: Journal) -> Verdict:
    """A softmax whose result feeds a layer with weights."""
    graphs = journal.of(Graph)
    if not graphs:
        return None
    if not graphs[0].softmax_into_layer:
        return []
    evidence = f"softmax feeds a layer with weights at {graphs[0].softmax_into_layer} places"
    layer = next((one for model in models(journal) for one in model.layers if one.kind == "Softmax"), None)
    return [finding("saturating-hidden-activation", "warn", layer.where if layer else graphs[0].where, evidence, 0.9)]


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
    return [finding("dropout-on-logits", "warn", where_made(wrong[0]), evidence)]


@decides("dropout-too-strong")
def dropout_too_strong(journal: Journal) -> Verdict:
    """A rate of 0.8 or more."""
    seen = models(journal)
    if not seen:
        return None
    return [
        finding("dropout-too-strong", "warn", layer.where, f"{layer.name} drops {layer.rate:.0%} of the units", 0.7)
        for model in seen
        for layer in model.layers
        if layer.rate is not None and layer.rate >= 0.8 and layer.training
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
            evidence = f"{len(hidden)} layers with gradients are in no named_modules(): in the attribute {names}"
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
        finding("unused-or-repeated-layer", "warn", where or None, f"{name} is the same layer as one before it")
        for model in seen
        for name, where in model.repeated[:1]
    ]
    for model in seen:
        trainable = {serial for serial, _, trains in model.names if trains}
        idle = [layer for layer in model.layers if layer.parameters & trainable and not layer.parameters & got]
        if idle:
            evidence = f"no gradient ever reaches {listed([layer.name for layer in idle])}"
            found.append(finding("unused-or-repeated-layer", "warn", idle[0].where, evidence, 0.9))
    return found


@decides("wrong-class-count")
def wrong_class_count(journal: Journal) -> Verdict:
    """Outputs that no label ever asks for."""
    seen = [call for call in calls(journal, "cross_entropy", "nll_loss") if call.targets.counts]
    if not seen:
        return None
    classes = seen[0].classes
    counts = [sum(column) for column in zip(*(call.targets.counts[:classes] for call in seen), strict=False)]
    empty = [k for k, count in enumerate(counts) if not count]
    if not empty or sum(counts) < 20 * classes:
        return []
    evidence = f"{classes} outputs, but none of {sum(counts)} labels seen is {listed([str(k) for k in empty])}"
    return [finding("wrong-class-count", "warn", seen[0].where, evidence, 0.9)]
