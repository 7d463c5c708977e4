"""Faults in a model's layers, its start and its modes, as the source shows them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.static.facts import bare, count, labels, out_width, shape, sources, turns
from fairtrial.doctor.static.library import LINEAR, SAME_NUMBERS, inner_modules
from fairtrial.doctor.static.loss import ON_CLASSES
from fairtrial.doctor.static.script import (
    Script,
    Verdict,
    class_of,
    decides,
    ends_in,
    has_modes,
    kinds,
    owners,
    unshaped,
    weighted,
    within,
)
from fairtrial.doctor.static.trace import Event, ancestors
from fairtrial.doctor.static.values import (
    Instance,
    Items,
    Known,
    Layer,
    Library,
    Made,
    Method,
    Module,
    Place,
    Slice,
    Tensor,
    Value,
    number,
    options_of,
)

CONSTANT = frozenset({"zeros_", "ones_", "constant_", "zero_", "fill_"})
BARE_CONSTANT = frozenset({"zeros", "ones", "full", "zeros_like", "ones_like", "full_like"})
AFFINE = SAME_NUMBERS | frozenset(
    [
        "linear",
        "dropout",
        "Dropout",
        "Dropout2d",
        "BatchNorm1d",
        "BatchNorm2d",
        "AvgPool2d",
        "AdaptiveAvgPool2d",
        "avg_pool2d",
        "mean",
    ]
)


def _set(event: Event) -> tuple[Layer | None, str]:
    """The layer and the name of what an init function sets."""
    one = event.subject
    if isinstance(one, Method) and isinstance(one.owner, Layer):
        return one.owner, one.name
    if isinstance(one, Method) and isinstance(one.owner, Made):
        return None, one.name
    return None, ""


def _for_layers(event: Event) -> frozenset[str]:
    """The kinds of linear and convolution layers to which it is done, as the conditions around it say."""
    for test in event.tests if len(event.tests) == 1 else ():  # more conditions choose some of them
        if isinstance(test, Tensor) and test.op == "isinstance" and len(test.parents) == 2:
            told = test.parents[1]
            asked = told.items if isinstance(told, Items) else [told]
            names = frozenset(one.name.rpartition(".")[2] for one in asked if isinstance(one, Library))
            return names if len(names) == len(asked) and names <= LINEAR else frozenset()
    return frozenset()


@decides("constant-init")
def constant_init(script: Script) -> Verdict:
    """The weights of hidden layers are set to one number."""
    if not script.models and not script.losses:
        return None
    hidden = {
        id(layer): layer
        for model in script.models
        for layer in weighted(model)
        if id(layer) not in script.last_layers and id(layer) not in _added(script)
    }
    given = [one for made in script.optimizers if made.args for one in ancestors(made.args[0])]
    held = {id(bare(one)) for one in (*given, *(e.subject for e in script.trace.of("step")))}
    found = [
        finding(
            "constant-init", "fail", str(one.place), f"the weights of a hidden layer are made by {one.op}: all alike"
        )
        for call in script.losses
        for one in _bare_weights(call.args[0], held)
    ]
    for event in script.trace.of("init"):
        layer, name = _set(event)
        if event.name not in CONSTANT or name != "weight":
            continue
        if event.name in ("zeros_", "zero_") and layer is not None and id(layer) not in _feeding(script):
            continue  # a gate or a shift may well begin at zero
        every = layer is None and any(one.kind in _for_layers(event) for one in hidden.values())
        if every or (layer is not None and id(layer) in hidden and event.sure):
            evidence = (
                f"{event.name} sets the weights of {'hidden layers' if every else f'the {layer.kind}' if layer else ''}"
            )
            found.append(finding("constant-init", "fail", str(event.place), f"{evidence} to one number"))
    return found[:1]


FED = frozenset({"relu", "tanh", "sigmoid", "gelu", "GELU", "SiLU", "silu", "elu", "ELU", "LeakyReLU", "leaky_relu"})


def _feeding(script: Script) -> frozenset[int]:
    """Layers whose outputs go right into the next layer, through activations, norms, pooling and dropout."""
    found: set[int] = set()
    for call in script.losses:
        for one in ancestors(call.args[0]):
            inner = one.parents[0] if one.op == "linear" and one.parents else None
            while (
                isinstance(inner, Tensor)
                and inner.parents
                and (
                    inner.op in SAME_NUMBERS | FED
                    or any(word in inner.op.lower() for word in ("norm", "dropout", "pool"))
                    or inner.op == "mean"
                )
            ):
                inner = inner.parents[0]
            if isinstance(inner, Tensor) and inner.op == "linear":
                found.add(id(inner.maker))
    return frozenset(found)


def _bare_weights(scores: Value, held: set[int]) -> Iterator[Tensor]:
    """Constant tensors that are learned, and multiplied with what is inside of a net, before another layer."""
    layers = [one for one in ancestors(scores) if one.op in ("linear", "matmult", "matmul", "mm") and one.parents]
    last = next(iter(layers), None)
    for one in layers:
        weight = one.parents[1] if len(one.parents) > 1 else None
        inner, learns = bare(weight) if weight is not None else None, False
        while isinstance(inner, Tensor) and inner.op == "Parameter" and inner.parents:
            inner, learns = bare(inner.parents[0]), True
        within_ = last is not None and any(deeper is one for deeper in ancestors(last)) and one is not last
        if within_ and isinstance(inner, Tensor) and inner.op in BARE_CONSTANT:
            told = inner.options.get("requires_grad")
            if learns or id(inner) in held or (isinstance(told, Known) and told.value):
                yield inner


def _added(script: Script) -> frozenset[int]:
    """Layers whose outputs are added to something: they may well begin at zero."""
    sums = [one for e in script.losses for one in ancestors(e.args[0]) if one.op == "add"]
    return frozenset(
        id(made.maker) for one in sums for part in one.parents if (made := ends_in(part, "linear")) is not None
    )


@decides("init-too-large")
def init_too_large(script: Script) -> Verdict:
    """Normal weights with a deviation of 1 and more."""
    events = [e for e in script.trace.of("init") if e.name in ("normal_", "trunc_normal_")]
    if not events or script.one_layer:
        return None
    scaled = any(
        one.op in ("div", "mult") and one.parents and ends_in(one.parents[0], "linear") and count(one.parents[1])
        for call in script.losses
        for one in ancestors(call.args[0])
    )
    if scaled or script.says("Norm") or script.trace.of("freeze"):  # what is too large is scaled again, or not learned
        return []
    return [
        finding("init-too-large", "warn", str(e.place), f"weights are drawn with a deviation of {std:g}", 0.8)
        for e in events
        if (std := _deviation(e)) is not None and std >= 1 and _set(e)[1] == "weight" and _layer_meant(e)
    ][:1]


@decides("init-too-small")
def init_too_small(script: Script) -> Verdict:
    """Normal weights with a deviation of a thousandth and less, that no norm scales up again."""
    if script.says("Norm"):
        return []
    events = [e for e in script.trace.of("init") if e.name in ("normal_", "trunc_normal_")]
    gains = [(e, gain) for e in script.trace.of("init") if e.name.startswith(("xavier_", "orthogonal_"))
             and (gain := number(e.options.get("gain"))) is not None and id(_set(e)[0]) not in script.last_layers
    ]  # fmt: skip
    if not events and not gains:
        return None
    shrunk = 1.0
    for _, gain in gains:
        shrunk *= gain
    if 0 < shrunk < 1e-3:
        evidence = (
            f"through {len(gains)} layers with a gain of {gains[0][1]:g} a signal shrinks to {shrunk:.0e} of itself"
        )
        return [finding("init-too-small", "warn", str(gains[0][0].place), evidence, 0.85)]
    return [
        finding("init-too-small", "warn", str(e.place), f"weights are drawn with a deviation of {std:g}", 0.7)
        for e in events
        if (std := _deviation(e)) is not None and std <= 1e-3 and _set(e)[1] == "weight" and _layer_meant(e)
        if id(_set(e)[0]) not in script.last_layers
    ][:1]


def _layer_meant(event: Event) -> bool:
    layer, _ = _set(event)
    return bool(_for_layers(event)) if layer is None else layer.kind in LINEAR


def _deviation(event: Event) -> float | None:
    if "std" in event.options:
        return number(event.options["std"])
    return (
        number(event.args[1])
        if len(event.args) > 1
        else 1.0
        if not event.args and "mean" not in event.options
        else None
    )


LOW = -3.0  # of usual weights and inputs of deviation 1, one sum in a thousand is so large


@decides("dead-relu")
def dead_relu(script: Script) -> Verdict:
    """Biases that start far below zero."""
    events = [e for e in script.trace.of("init") if _set(e)[1] == "bias"]
    if not events:
        return None
    relus = [one for e in script.trace.of("backward") for one in ancestors(e.subject) if one.op == "relu"]
    before = {id(made.maker) for one in relus if one.parents and (made := ends_in(one.parents[0], "linear"))}
    return [
        finding("dead-relu", "warn", str(e.place), f"biases start at {level:g}", 0.8)
        for e in events
        if (level := number(e.options.get("val") or (e.args[0] if e.args else None))) is not None and level <= LOW
        if id(_set(e)[0]) in before or (_set(e)[0] is None and not script.says("sigmoid"))  # a gate may begin closed
    ]


@decides("no-nonlinearity")
def no_nonlinearity(script: Script) -> Verdict:
    """From the input to the loss there are layers, and only operations that are affine."""
    calls = [e for e in script.losses if e.name in ON_CLASSES]
    if not calls:
        return None
    found: list[Finding] = []
    fed = frozenset(id(arg) for e in script.trace.of("pass") for arg in e.args[1:])
    for call in calls:
        made = _model_part(call.args[0], fed)
        if any(id(one) in script.changed for one in made or []):
            continue  # by an activation in place
        layers = {id(one.maker): one.maker for one in made or [] if one.op == "linear" and one.maker is not None}
        model = next((m for m in script.models if made and all(within(one, m) for one in layers.values())), None)
        plain = all(
            isinstance(bias := layer.options.get("bias"), Known) and bias.value is False
            for layer in layers.values()
            if isinstance(layer, Layer)
        )  # a table of vectors, and no net
        if made is not None and len(layers) > 1 and model and not plain:
            evidence = (
                f"{len(layers)} layers with weights follow each other, from line {made[-1].place.line} to "
                f"{made[0].place.line}, with no activation"
            )
            place = model.place if isinstance(model, Layer) else made[-1].place
            found.append(finding("no-nonlinearity", "fail", str(place), evidence))
    return found[:1]


def _model_part(value: Value, fed: frozenset[int]) -> list[Tensor] | None:
    """The operations from the scores back to the first layer, if all are affine and none is unknown."""
    found: list[Tensor] = []
    one: Value = value
    while isinstance(one, Tensor) and one.op in ("softmax", "log_softmax") and one.parents:
        one = one.parents[0]
    while isinstance(one, Tensor) and one.op in AFFINE and one.parents:
        found.append(one)
        one = one.parents[0]
    linear = [index for index, made in enumerate(found) if made.op == "linear"]
    if not isinstance(one, Tensor) and id(one) not in fed:
        return None  # what a part that is not known made
    leaf = isinstance(one, Tensor) and one.op in ("input", "row", "part", "div", "getitem", "sub")
    bent = (made.op == "linear" or (isinstance(made.maker, Layer) and made.op not in (*AFFINE, "Embedding"))
            for made in ancestors(one))  # fmt: skip
    if not leaf and any(bent):
        return None
    return found[: linear[-1] + 1] if linear else None


@decides("saturating-hidden-activation")
def saturating_hidden_activation(script: Script) -> Verdict:
    """Softmax right before a layer with weights."""
    layers = [one for e in script.losses for one in ancestors(e.args[0]) if one.op == "linear" and one.parents]
    layers = [one for one in layers if id(one.maker) not in _added(script)]  # what is told back is no bottleneck
    if not layers:
        return None
    found: list[Finding] = []
    for one in layers:
        inner = one.parents[0]
        while isinstance(inner, Tensor) and inner.op in SAME_NUMBERS | {"Dropout", "dropout"} and inner.parents:
            inner = inner.parents[0]
        made = ends_in(inner, "softmax")
        plain = made is not None and ends_in(made.parents[0], "linear", "BatchNorm1d", "LayerNorm", "relu", "tanh")
        if made and plain and any(deeper.op == "linear" for deeper in ancestors(made)):  # no choice that is drawn
            evidence = f"softmax feeds the layer at line {one.place.line}"
            found.append(finding("saturating-hidden-activation", "warn", str(made.place), evidence, 0.9))
    return found[:1]


@decides("vanishing-gradient")
def vanishing_gradient(script: Script) -> Verdict:
    """Six sigmoids or more in a row of layers, with neither norm nor shortcut."""
    if not script.losses:
        return None
    for call in script.losses:
        made = list({id(one): one for one in ancestors(call.args[0])}.values())
        squeezed = [one for one in made if one.op == "sigmoid"]
        helped = any(
            "Norm" in one.op
            or (one.op in ("add", "cat", "mult", "unknown") and any(deeper.op == "linear" for deeper in ancestors(one)))
            for one in made
        )
        layers = [one for one in made if one.op == "linear"]
        if len(squeezed) >= 5 and len(layers) >= 5 and not helped:
            evidence = (
                f"{len(squeezed)} sigmoids on the way through {len(layers)} layers, with neither norm nor shortcut"
            )
            return [finding("vanishing-gradient", "warn", str(_made_at(squeezed[-1])), evidence, 0.8)]
    return []


def _made_at(one: Tensor) -> Place:
    """Where the layer of an operation is made, or where the operation is."""
    return one.maker.place if isinstance(one.maker, Layer) else one.place


@decides("dropout-too-strong")
def dropout_too_strong(script: Script) -> Verdict:
    """A rate of 0.8 and more."""
    made = [one for e in script.losses for one in ancestors(e.args[0]) if one.op.lower().startswith("dropout")]
    if not made:
        return None
    found = [
        finding("dropout-too-strong", "warn", str(_made_at(one)), f"dropout removes {rate:.0%}", 0.8)
        for one in made
        if (rate := number(one.options.get("p"))) is not None and rate >= 0.8
    ]
    return list({one.where: one for one in found}.values())


KEPT_OF_START = 0.05  # running statistics with more than this share of where they began are not those of the data


def _false(switch: Value | None) -> bool:
    return isinstance(switch, Known) and switch.value is False


def _turns(event: Event) -> float | None:
    """How often it happens, in all loops around it."""
    each = [turns(loop.over) for loop in event.loops]
    return None if None in each else prod(one for one in each if one is not None)


@decides("stale-batchnorm")
def stale_batchnorm(script: Script) -> Verdict:
    """Running statistics that hardly move in so many steps, or that are those of the last batch."""
    norms = [
        one
        for model in script.models
        for one in inner_modules(model)
        if isinstance(one, Layer) and "BatchNorm" in one.kind
    ]
    if not norms:
        return None
    each = [_turns(event) for event in script.passes if event.loops]
    known = [many for many in each if many is not None]
    steps = max(known) if known and len(known) == len(each) else None
    if script.trace.loads & {"update_bn", "reset_running_stats"}:
        return []
    norms = [one for one in norms if not script.trace.lent(one) and not _false(one.options.get("track_running_stats"))]
    found = [
        finding("stale-batchnorm", "warn", str(one.place), f"{one.kind} has momentum={momentum:g}", 0.95)
        for one in norms
        if (momentum := number(one.options.get("momentum"))) is not None
        and (momentum == 0 or momentum >= 0.9 or (steps is not None and (1 - momentum) ** steps > KEPT_OF_START))
    ]
    return list({one.where: one for one in found}.values())


@decides("cross-sample-mixing")
def cross_sample_mixing(script: Script) -> Verdict:
    """Softmax over the batch within the model, or a reshape after the batch axis was moved."""
    if not script.models:
        return None
    made = {id(one): one for e in script.losses for one in ancestors(e.args[0])}
    ends = {id(end) for e in script.losses if (end := ends_in(e.args[0], "softmax", "log_softmax"))}
    found: list[Finding] = []
    for one in made.values():
        inside = one.op in ("softmax", "log_softmax") and number(one.options.get("dim")) == 0 and id(one) not in ends
        if (
            inside
            and ends_in(one.parents[0], "linear")
            and not any(leaf.op in ("squeeze", "row") for leaf in ancestors(one))  # one bag, whose rows are the batch
            and any(leaf.op in ("input", "getitem") for leaf in ancestors(one))
            and not any(leaf.op in ("permute", "transpose", "swapaxes", "expand_as") for leaf in ancestors(one))
        ):
            evidence = "softmax within the model has dim=0: it is taken over the examples of the batch"
            found.append(finding("cross-sample-mixing", "warn", str(one.place), evidence, 0.85))
        if one.op in ("reshape", "view") and len(one.parents) == 3 and _ends_of_several(one.parents[0]):
            text = f"the last states lie direction by direction, and {one.op} cuts them as if examples came first"
            found.append(finding("cross-sample-mixing", "warn", str(one.place), text, 0.9))
        moved = one.parents[0] if one.op in ("reshape", "view") and one.parents else None
        if isinstance(moved, Tensor) and moved.op == "contiguous":
            moved = moved.parents[0]
        if isinstance(moved, Tensor) and moved.op == "permute" and len(moved.parents) > 1 and _keeps_count(one):
            first = number(moved.parents[1])
            if first is not None and first != 0 and _examples_first(moved.parents[0]):
                evidence = (
                    f"permute at line {moved.place.line} moves the batch axis away, and {one.op} cuts the "
                    "numbers as if it were first"
                )
                found.append(finding("cross-sample-mixing", "warn", str(one.place), evidence, 0.9))
    return found[:1]


def _ends_of_several(value: Value) -> bool:
    """Whether it is the last states of a recurrent layer with two directions or more layers: these come first."""
    steps = 0
    while isinstance(value, Tensor) and value.op == "part" and value.parents:
        state, value, steps = number(value.options.get("index")), value.parents[0], steps + 1
        if (
            isinstance(value, Tensor)
            and isinstance(layer := value.maker, Layer)
            and layer.kind in ("LSTM", "GRU", "RNN")
        ):
            both, deep = layer.options.get("bidirectional"), number(layer.options.get("num_layers"))
            several = (isinstance(both, Known) and both.value is True) or (deep is not None and deep > 1)
            return several and state == 1 and steps == (2 if layer.kind == "LSTM" else 1)
    return False


def _keeps_count(one: Tensor) -> bool:
    """Whether a reshape makes rows again: two numbers, the last one open."""
    return len(one.parents) == 3 and number(one.parents[2]) == -1


@decides("cross-sample-mixing")
def attention_over_batch(script: Script) -> Verdict:
    """Attention or a recurrent layer made for time-major input gets a batch whose first axis is the examples."""
    seen = [
        one
        for e in script.losses
        for one in ancestors(e.args[0])
        if one.op in TIME_MAJOR and isinstance(one.maker, Layer)
    ]
    if not seen:
        return None
    found: list[Finding] = []
    for one in seen:
        layer = one.maker
        if isinstance(layer, Layer) and layer.kind == "TransformerEncoder":
            layer = layer.args[0] if layer.args else layer.options.get("encoder_layer")  # which knows the order
        first = layer.options.get("batch_first") if isinstance(layer, Layer) else None
        batch_first = isinstance(first, Known) and first.value is True
        if (
            isinstance(layer, Layer)
            and not batch_first
            and "**" not in layer.options
            and _examples_first(one.parents[0])
        ):
            text = f"{layer.kind} without batch_first=True takes the first axis for time: it is the examples"
            found.append(finding("cross-sample-mixing", "warn", str(layer.place), text, 0.9))
    return found[:1]


TIME_MAJOR = frozenset({"MultiheadAttention", "TransformerEncoderLayer", "TransformerEncoder", "LSTM", "GRU", "RNN"})
KEEPS_FIRST = frozenset(
    [
        "BatchNorm2d",
        "MaxPool2d",
        "AvgPool2d",
        "AdaptiveAvgPool2d",
        "max_pool2d",
        "avg_pool2d",
        "linear",
        "relu",
        "tanh",
        "sigmoid",
        "dropout",
        "Dropout",
        "Dropout1d",
        "LayerNorm",
        "BatchNorm1d",
        "Embedding",
        "add",
        "mult",
        "sub",
        "div",
        "gelu",
        "GELU",
        "ReLU",
        "getitem",
        "part",
        "MultiheadAttention",
        "TransformerEncoderLayer",
        "LSTM",
        "GRU",
        "RNN",
        "float",
        "to",
        "contiguous",
        "unsqueeze",
    ]
)


def _examples_first(value: Value) -> bool:
    """Whether the first axis is that of the batch, through operations that leave it where it is."""
    for _ in range(60):
        if not isinstance(value, Tensor):
            return False
        if value.op in ("input", "getitem") and not any(
            one.op == "linear" or one.op == "Embedding" for one in ancestors(value)
        ):
            index = value.options.get("index")
            loader = value.parents[0]
            plain = isinstance(loader, Made) and not {"collate_fn", "batch_sampler", "**"} & loader.options.keys()
            return (value.op == "input" and plain) or isinstance(index, Tensor)
        if isinstance(value.maker, Layer) and value.maker.kind in ("Conv2d", "Conv3d"):
            return True
        if value.op not in KEEPS_FIRST or not value.parents:
            return False
        inner = value.parents[0]
        states = isinstance(inner, Tensor) and inner.op in TIME_MAJOR and number(value.options.get("index")) != 0
        if value.op == "part" and states:  # whose first axis is that of layers and directions
            return False
        if value.op == "unsqueeze" and number(value.parents[1] if len(value.parents) > 1 else None) == 0:
            return False
        if (
            value.op == "getitem"
            and isinstance(index := value.options.get("index"), Items)
            and not isinstance(index.items[0], Slice)
        ):
            return False
        layered = [
            one
            for one in value.parents
            if isinstance(one, Tensor)
            and one.op != "Parameter"
            and any(leaf.op in ("input", "getitem") for leaf in ancestors(one))
        ]
        if not layered:
            return False
        value = layered[0]
    return False


@decides("unregistered-submodule")
def unregistered_submodule(script: Script) -> Verdict:
    """Layers in a plain list of a module, which its forward uses."""
    if not script.models:
        return None
    used = {id(e.subject) for e in script.trace.of("layer") if e.grad}
    trained = {
        id(one)
        for optimizer in script.optimizers
        for one in (owners(optimizer.args[0]) if optimizer.args else None) or []
    }
    registered = {id(one) for model in script.models for one in inner_modules(model)}
    found: list[Finding] = []
    for event in script.trace.of("module"):
        held = event.args[0]
        if not isinstance(held, Items) or not isinstance(event.subject, Instance) or not event.subject.is_module:
            continue
        inside = [one for item in held.items for one in inner_modules(item)]
        layers = [one for one in inside if isinstance(one, Layer) and one.kind in LINEAR and id(one) in used]
        if any(one.args and owners(one.args[0]) is None for one in script.optimizers):
            continue  # it may hold them
        if layers and not any(id(one) in registered | trained for one in [*inside, *held.items]):
            evidence = (
                f"self.{event.name} is a plain {held.kind} of {len(held.items)} or more modules, which forward uses"
            )
            found.append(finding("unregistered-submodule", "fail", str(event.place), evidence))
    return found[:1]


@decides("unused-or-repeated-layer")
def unused_or_repeated_layer(script: Script) -> Verdict:
    """One object several times in a container, or a layer whose name is never read."""
    if not script.models or not any(e.loops for e in script.trace.of("backward")):
        return None
    found: list[Finding] = []
    used = {id(one) for model in script.models for one in inner_modules(model)}
    for event in script.trace.of("repeated"):
        twice = (
            next((one for one in event.subject.items if weighted(one)), None)
            if isinstance(event.subject, Items)
            else None
        )
        if twice is not None and id(twice) in used:
            text = f"[layer] * n repeats one object, here a {class_of(twice)}: all its places have the same weights"
            found.append(finding("unused-or-repeated-layer", "warn", str(event.place), text, 0.9))
    for model in script.models:
        for one in inner_modules(model):
            if not found and isinstance(one, Layer) and (twice := _repeated(one)):
                evidence = (
                    f"the same {class_of(twice)} stands more than once in the {one.kind}: [layer] * n repeats "
                    "one object"
                )
                found.append(finding("unused-or-repeated-layer", "warn", str(one.place), evidence, 0.9))
            if isinstance(one, Instance):
                found += _unread(script, one)
        found += _discarded(script, model)
    return list({one.where: one for one in found}.values())


def _repeated(container: Layer) -> Value | None:
    if not any(isinstance(one, Items) and one.repeated for one in container.args):
        return None
    seen: set[int] = set()
    for one in container.children:
        if id(one) in seen and weighted(one):
            return one
        seen.add(id(one))
    return None


def _discarded(script: Script, model: Module) -> list[Finding]:
    """Layers whose output is only given names that nothing reads."""
    if script.trace.loads & {"register_forward_hook", "register_forward_pre_hook"}:
        return []  # which may keep it
    inside = {id(one) for one in inner_modules(model)}
    idle = {id(e.subject) for e in script.trace.of("idle")}
    calls = [e for e in script.trace.of("layer") if id(e.subject) in inside]
    used = {id(e.subject) for e in calls if id(e.args[0]) not in idle}
    found = [e for e in calls if id(e.subject) not in used and (weighted(e.subject) or _recurrent(e.subject))]
    return [finding("unused-or-repeated-layer", "warn", str(e.place),
                    f"the {class_of(e.subject)} is called, and nothing reads what it gives", 0.9)
            for e in found[:1]]  # fmt: skip


def _recurrent(layer: Value) -> bool:
    return isinstance(layer, Layer) and layer.kind in TIME_MAJOR


def _unread(script: Script, one: Instance) -> list[Finding]:
    """Layers with weights in attributes that nothing in the script reads."""
    reflective = {"getattr", "children", "modules", "named_children", "_modules", "__dict__", "vars", "get_submodule"}
    if script.trace.loads & reflective:
        return []
    called = {id(e.subject) for e in script.trace.of("layer")}
    return [
        finding(
            "unused-or-repeated-layer",
            "warn",
            str(held.place),
            f"self.{name} is made, and nothing in the script reads it",
            0.9,
        )
        for name, held in one.attributes.items()
        if isinstance(held, Layer)
        and weighted(held)
        and name.isidentifier()
        and name not in script.trace.loads
        and id(held) not in called
    ]


@decides("wrong-class-count")
def wrong_class_count(script: Script) -> Verdict:
    """Another number of outputs than the labels have classes, or labels that do not begin at 0."""
    known = [
        (e, told)
        for e in script.losses
        if e.name in ("cross_entropy", "nll_loss")
        and len(e.args) > 1
        and (told := script.classes(e.args[1])) is not None
        and not (isinstance(e.subject, Tensor) and "ignore_index" in e.subject.options)
    ]
    if not known:
        return None
    found: list[Finding] = []
    for call, told in known:
        made = _layer_of(call.args[0])
        wide = out_width(made) if made else None
        place = made.maker.place if made and isinstance(made.maker, Layer) else call.place
        top = told.low + told.many
        if wide is not None and top > wide and told.counted:
            text = f"{wide:g} outputs, and the labels go from {told.low:g} to {top - 1:g}"
            found.append(finding("wrong-class-count", "fail", str(place), text))
        elif told.low >= 1:
            text = f"the labels go from {told.low:g} to {top - 1:g}: the outputs below are never right"
            shifts = [
                one for one in sources(call.args[1]) if one.op == "add" and any(count(part) for part in one.parents)
            ]
            shifted = next((one.place for one in shifts if labels(one) == told), place)
            found.append(finding("wrong-class-count", "warn", str(shifted), text, 0.9))
        elif wide == top + 1 and told.low == 0 and told.counted and told.many > 2:
            text = f"{wide:g} outputs, and the labels go from {told.low:g} to {top - 1:g}: the others are never right"
            found.append(finding("wrong-class-count", "warn", str(place), text, 0.9))
    return found[:1]


def _layer_of(scores: Value) -> Tensor | None:
    """The operation of the layer whose outputs, all of them and in their shape, are the scores."""
    made = [unshaped(one, "log_softmax", "softmax", "dropout", "Dropout") for one in options_of(scores)]
    one = made[0]
    return one if len(made) == 1 and isinstance(one, Tensor) and one.op == "linear" else None


@decides("channel-order")
def channel_order(script: Script) -> Verdict:
    """Images with the channels last where a layer wants them second, or cut anew instead of moved."""
    made = {id(one): one for e in script.losses for one in ancestors(e.args[0])}
    convolutions = [
        one for one in made.values() if isinstance(one.maker, Layer) and one.maker.kind == "Conv2d" and one.parents
    ]
    if not convolutions:
        return None
    found: list[Finding] = []
    for one in convolutions:
        sides, layer = shape(one.parents[0]), one.maker
        wanted = (
            count(layer.options.get("in_channels") or layer.args[0])
            if isinstance(layer, Layer) and layer.args
            else None
        )
        if sides and len(sides) == 4 and wanted and sides[1] is not None and sides[1] != wanted and sides[3] == wanted:
            call = next(
                (e for e in script.passes if isinstance(layer, Layer) and layer in inner_modules(e.subject)), None
            )
            text = f"the layer wants {wanted:g} channels in the second axis, and gets them in the last one"
            found.append(finding("channel-order", "fail", str(call.place if call else one.place), text))
        for cut in (cut for cut in sources(one.parents[0]) if cut.op in ("view", "reshape") and cut.parents):
            before, after = shape(cut.parents[0]), shape(cut)
            moved = before and after and len(before) == len(after) >= 3 and before[-3:] != after[-3:]
            if not (moved and before and after) or None in (*before[-3:], *after[-3:]) or before[-1] != after[-3]:
                continue
            if after[-3] != 1 and sorted(map(str, before[-3:])) == sorted(map(str, after[-3:])):
                text = f"{cut.op} cuts the numbers anew where the channels should be moved: permute does that"
                found.append(finding("channel-order", "fail", str(cut.place), text))
    return found[:1]


@decides("unsuitable-capacity")
def unsuitable_capacity(script: Script) -> Verdict:
    """A hidden layer of one or two units, behind a ReLU, and many classes after it."""
    known = [(e, told) for e in script.losses if e.name in ("cross_entropy", "nll_loss") and len(e.args) > 1
             and (told := script.classes(e.args[1])) is not None and told.many >= 5]  # fmt: skip
    if not known:
        return None
    for call, told in known:
        for one in ancestors(call.args[0]):
            before = ends_in(one.parents[0], "relu", "sigmoid", "tanh") if one.op == "linear" and one.parents else None
            inner = ends_in(before.parents[0], "linear") if before and before.parents else None
            wide = out_width(inner) if inner else None
            if (
                inner
                and wide is not None
                and wide <= 2
                and isinstance(inner.maker, Layer)
                and "Conv" not in inner.maker.kind
            ):
                text = f"everything goes through {wide:g} units, to tell {told.many:g} classes apart"
                return [finding("unsuitable-capacity", "warn", str(inner.maker.place), text, 0.7)]
    return []


@decides("evaluation-in-train-mode")
def evaluation_in_train_mode(script: Script) -> Verdict:
    """A model that was trained is evaluated, and nothing has switched it to evaluation."""
    seen = [e for e in script.evaluations if isinstance(e.subject, Module) and e.subject in script.models]
    seen = [e for e in seen if has_modes(e.subject) or _unswitched(e.args[0])]
    if not seen:
        return None
    events = list(script.trace.events)
    first = events.index(script.passes[0]) if script.passes else 0
    for event in seen:
        if events.index(event) < first or script.trace.lent(event.subject) or _sampled(script, event):
            continue
        mode = event.options.get("training")
        if isinstance(mode, Known) and mode.value is True and has_modes(event.subject) and not _asked(script, event):
            evidence = (
                f"{class_of(event.subject)} has {_what(event.subject)}, and no eval() comes between "
                "training and this evaluation"
            )
            return [finding("evaluation-in-train-mode", "fail", str(event.place), evidence)]
        if drop := _unswitched(event.args[0]):
            evidence = (
                "this dropout is not told the mode (training=self.training), so that it is always on, here "
                "in an evaluation too"
            )
            return [finding("evaluation-in-train-mode", "warn", str(drop.place), evidence, 0.9)]
    return []


def _sampled(script: Script, event: Event) -> bool:
    """Whether the same is asked several times over: answers are drawn with dropout."""
    inner = event.loops[-1] if event.loops else None
    if inner is None or not isinstance(inner.over, Tensor) or inner.over.op != "range":
        return False
    taught = any(loop.node == inner.node for one in script.passes for loop in one.loops)
    return not taught and inner.name not in script.trace.loads


def _asked(script: Script, event: Event) -> bool:
    """Whether train() was called after the last backward, on a line that no training goes through: it is meant."""
    events = [e for e in script.trace.events if e.what in ("mode", "backward") or e is event]
    last = events[events.index(event) - 1]
    teaching = {first.place for first, then in pairwise(events) if first.what == "mode" and then.what == "backward"}
    return last.what == "mode" and last.place not in teaching


def _what(model: Value) -> str:
    return " and ".join(sorted(kind for kind in kinds(model) if "Dropout" in kind or "BatchNorm" in kind))


def _unswitched(value: Value) -> Tensor | None:
    """A functional dropout that is always on."""
    return next(
        (
            one
            for one in ancestors(value)
            if one.op == "dropout"
            and "training" not in one.options
            and len(one.parents) < 3
            and "**" not in one.options
        ),
        None,
    )


@decides("training-in-eval-mode")
def training_in_eval_mode(script: Script) -> Verdict:
    """A pass that teaches is in training mode in the first turn of the loop and in evaluation mode in the next."""
    seen = [e for e in script.passes if isinstance(e.subject, Module) and has_modes(e.subject)]
    if not seen or not script.trace.of("step"):
        return None
    started: set[tuple[int, str]] = set()
    for event in seen:
        mode = event.options.get("training")
        key = (id(event.subject), str(event.place))
        if isinstance(mode, Known) and mode.value is True:
            started.add(key)
        elif (
            isinstance(mode, Known) and mode.value is False and key in started and not script.trace.lent(event.subject)
        ):
            evidence = (
                f"after the first evaluation {class_of(event.subject)} stays in evaluation mode: eval() is "
                "called, and train() never again"
            )
            before = [
                e for e in script.trace.of("mode") if script.trace.events.index(e) < script.trace.events.index(event)
            ]
            trained = [e for e in before if isinstance(e.args[0], Known) and e.args[0].value is True]
            outside = trained and len(trained[-1].loops) < len(event.loops)
            place = trained[-1].place if outside else event.place  # the line to be moved into the loop
            return [finding("training-in-eval-mode", "fail", str(place), evidence)]
    return []
