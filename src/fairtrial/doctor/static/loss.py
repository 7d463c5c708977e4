"""Faults between a model's last layer and its loss, as the source shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fairtrial.doctor.findings import Finding, Level, finding
from fairtrial.doctor.static.facts import REDUCES, bare, batch_size, count, labels, operand, out_width, shape
from fairtrial.doctor.static.library import SAME_NUMBERS
from fairtrial.doctor.static.script import (
    Rule,
    Script,
    Verdict,
    decides,
    ends_in,
    learning_loaders,
    nearest_layers,
    outermost,
    owners,
    perhaps_taught,
    unshaped,
)
from fairtrial.doctor.static.trace import Event, ancestors
from fairtrial.doctor.static.values import Either, Items, Known, Layer, Made, Tensor, Value, number, options_of

CROSS_ENTROPY, NLL, BINARY = "cross_entropy", "nll_loss", "binary_cross_entropy_with_logits"
ON_CLASSES = frozenset({CROSS_ENTROPY, NLL, BINARY, "binary_cross_entropy", "multi_margin_loss"})
NAMES = {CROSS_ENTROPY: "cross-entropy", NLL: "nll_loss", BINARY: "BCEWithLogits"}


def _before(fault: str, loss: str, ops: tuple[str, ...], level: Level = "fail") -> Callable[[Script], Verdict]:
    """The loss gets what one of these operations made."""

    def decide(script: Script) -> Verdict:
        calls = [e for e in script.losses if e.name == loss]
        if not calls:
            return None
        found: list[Finding] = []
        for call in calls:
            made = ends_in(call.args[0], *ops)
            if made and _axis(made) not in (0, -2) and not (made.op == "softmax" and _over_one(made)):
                evidence = (
                    f"what {made.op} makes at line {made.place.line} goes into {NAMES[loss]} at line {call.place.line}"
                )
                found.append(finding(fault, level, str(made.place), evidence))
        return found

    return decide


def _axis(made: Tensor) -> int | None:
    axis = number(made.options.get("dim"))
    return None if axis is None else int(axis)


def _one_unit(value: Value) -> bool:
    """Whether a linear layer with one output made it, and its shape is still that layer's."""
    layers = [unshaped(one) for one in options_of(value)]
    return all(isinstance(one, Tensor) and one.op == "linear" and out_width(one) == 1 for one in layers)


def _over_one(made: Tensor) -> bool:
    """Whether softmax is taken over the only output of a layer: over the last axis."""
    if not made.parents or not _one_unit(made.parents[0]):
        return False
    sides = shape(made.parents[0])
    return _axis(made) == -1 or (_axis(made) == 1 and sides is not None and len(sides) == 2)


def _before_squeeze(value: Value) -> Value:
    """What a loss gets, and what was squeezed to make it, where that was the axis of a softmax."""
    made = unshaped(value)
    inner = unshaped(made.parents[0]) if isinstance(made, Tensor) and made.op == "squeeze" and made.parents else None
    axis = number(operand(made, 1)) if isinstance(made, Tensor) else None
    return inner if isinstance(inner, Tensor) and axis is not None and _axis(inner) == axis else made


SOFTMAX = Rule("softmax-before-cross-entropy", _before("softmax-before-cross-entropy", CROSS_ENTROPY, ("softmax",)))
LOG_SOFTMAX = Rule(
    "log-softmax-before-cross-entropy",
    _before("log-softmax-before-cross-entropy", CROSS_ENTROPY, ("log_softmax",), "info"),
)
SIGMOID = Rule("sigmoid-before-cross-entropy", _before("sigmoid-before-cross-entropy", CROSS_ENTROPY, ("sigmoid",)))
SIGMOID_TWICE = Rule("sigmoid-before-bce-with-logits", _before("sigmoid-before-bce-with-logits", BINARY, ("sigmoid",)))
ACTIVATION = Rule("activation-on-logits", _before("activation-on-logits", CROSS_ENTROPY, ("relu", "tanh")))


@decides("nll-on-non-log-probabilities")
def nll_on_non_log_probabilities(script: Script) -> Verdict:
    """nll_loss gets probabilities or raw outputs."""
    calls = [e for e in script.losses if e.name == NLL]
    if not calls:
        return None
    found: list[Finding] = []
    for call in calls:
        made = ends_in(call.args[0], "softmax", "linear", "sigmoid", "relu", "logsigmoid")
        if made:
            what = {"softmax": "probabilities", "linear": "raw outputs"}.get(made.op, f"outputs of {made.op}")
            evidence = f"nll_loss at line {call.place.line} gets {what}, made at line {made.place.line}"
            place = made.place if made.op != "linear" else call.place
            found.append(finding("nll-on-non-log-probabilities", "fail", str(place), evidence))
    return found


@decides("softmax-over-one-unit")
def softmax_over_one_unit(script: Script) -> Verdict:
    """Softmax of a linear layer with one output."""
    made = [one for e in script.losses for one in ancestors(e.args[0]) if one.op in ("softmax", "log_softmax")]
    if not made:
        return None
    ends = {id(_before_squeeze(one)) for e in script.losses for one in options_of(e.args[0])}
    return [
        finding("softmax-over-one-unit", "fail", str(one.place), f"{one.op} is taken over a layer with 1 output")
        for one in made
        if _over_one(one) or (id(one) in ends and _one_unit(one.parents[0]) and _axis(one) not in (0, -2))
    ]


def one_hot(value: Value) -> Tensor | None:
    """The operation that made one-hot rows of labels: one_hot, a row of the unit matrix, a binarizer, scatter."""
    inner = bare(value)
    for _ in range(8):
        if not isinstance(inner, Tensor):
            return None
        base = bare(inner.parents[0]) if inner.parents else None
        if inner.op == "one_hot" or (inner.op in ("scatter_", "scatter") and _one_column(operand(inner, 2))):
            return inner
        if inner.op == "scaled" and isinstance(inner.maker, Made):
            told = labels(inner.parents[0])  # of two classes a LabelBinarizer makes one column
            several = inner.maker.name == "LabelBinarizer" and told is not None and told.many > 2
            return inner if several or inner.maker.name == "OneHotEncoder" else None
        if inner.op == "getitem" and isinstance(base, Tensor) and base.op in ("eye", "identity"):
            return inner
        if inner.op in ("getitem", "row", "part") and base is not None:
            inner = base
        else:
            return None
    return None


def _one_column(index: Value | None) -> bool:
    """Whether an index has one column: one class an example."""
    inner = bare(index) if index is not None else None
    if not isinstance(inner, Tensor):
        return False
    sides = shape(inner)
    picked = inner.options.get("index")
    columns = picked.items if isinstance(picked, Items) else []
    return (
        (sides is not None and len(sides) == 2 and sides[1] == 1)
        or inner.op == "unsqueeze"
        or (inner.op in ("view", "reshape") and number(inner.parents[-1]) == 1)
        or any(isinstance(one, Known) and one.value is None for one in columns)
    )


def _whole_numbers(script: Script, value: Value) -> bool:
    """Whether targets surely are the numbers of more than two classes."""
    told = script.classes(value)
    return told is not None and told.many > 2


@decides("bce-for-single-label")
def bce_for_single_label(script: Script) -> Verdict:
    """A binary loss whose targets are one-hot."""
    calls = [e for e in script.losses if e.name in (BINARY, "binary_cross_entropy") and len(e.args) > 1]
    if not calls:
        return None
    products = [one for e in script.trace.of("backward") for one in ancestors(e.subject) if one.op == "mult"]
    products = [one for one in products if all(count(part) is None for part in one.parents)]  # as focal losses have
    weighed = {id(part) for one in products for part in one.parents}
    return [
        finding(
            "bce-for-single-label",
            "warn",
            str(call.place),
            f"the targets are one-hot rows, made at line {made.place.line}",
            0.9,
        )
        for call in calls
        if (made := one_hot(call.args[1])) and id(call.subject) not in weighed
    ]


@decides("single-output-for-many-classes")
def single_output(script: Script) -> Verdict:
    """A binary loss, or softmax of one output, whose targets are the numbers of more than two classes."""
    calls = [e for e in script.losses if e.name in (BINARY, "binary_cross_entropy") and len(e.args) > 1]
    known = [(e, told) for e in calls if (told := script.classes(e.args[1])) is not None]
    if not known:
        return None
    return [
        finding("single-output-for-many-classes", "fail" if told.counted else "warn", str(call.place),
                f"the targets are the numbers of {told.many:g} classes, and a binary loss knows 0 and 1",
                1.0 if told.counted else 0.9)
        for call, told in known
        if told.many > 2
    ]  # fmt: skip


@decides("mse-for-classification")
def mse_for_classification(script: Script) -> Verdict:
    """Squared error with one-hot targets, or with the numbers of classes."""
    calls = [e for e in script.losses if e.name == "mse_loss" and len(e.args) > 1]
    squares = [(call.place, call.args[1]) for call in calls]
    squares += [(one.place, inner.parents[1]) for one, inner in _squares(script)]
    if not squares:
        return None
    found: list[Finding] = []
    for place, target in squares:
        if made := one_hot(target):
            text = f"the targets are one-hot rows, made at line {made.place.line}"
            found.append(finding("mse-for-classification", "info", str(place), text, 0.9))
        elif _whole_numbers(script, target):
            found.append(
                finding("mse-for-classification", "info", str(place), "the targets are numbers of classes", 0.9)
            )
    return found


def _squares(script: Script) -> Iterator[tuple[Tensor, Tensor]]:
    """Differences that are squared on the way to backward()."""
    for event in script.trace.of("backward"):
        for one in ancestors(event.subject):
            inner = one.parents[0] if one.parents else None
            if (
                one.op in ("pow", "square")
                and isinstance(inner, Tensor)
                and inner.op == "sub"
                and len(inner.parents) == 2
            ):
                yield one, inner


@decides("wrong-class-axis")
def wrong_class_axis(script: Script) -> Verdict:
    """Softmax over the first axis of a batch's outputs, on the way to the loss."""
    made = [(e, one) for e in script.losses if (one := ends_in(e.args[0], "softmax", "log_softmax"))]
    by_hand = [one for e in script.trace.of("backward") for one in ancestors(e.subject) if _over_outputs(one)]
    if not made and not by_hand:
        return None
    found: list[Finding] = []
    for call, one in made:
        batch = any(leaf.op == "input" for leaf in ancestors(one)) or any(_slice(leaf) for leaf in ancestors(one))
        single = any(leaf.op == "row" for leaf in ancestors(call.args[0]))
        if _axis(one) == 0 and not single and _rows_of_outputs(one):
            evidence = f"{one.op} at line {one.place.line} has dim=0: it is taken over the examples of the batch"
            level: Level = "fail" if batch else "warn"
            found.append(finding("wrong-class-axis", level, str(one.place), evidence, 1.0 if batch else 0.8))
    ends = {id(one) for _, one in made}
    scored = {id(one) for e in script.trace.of("pass") for one in options_of(e.args[0])}
    for one in by_hand:
        outputs = outermost(one.parents[0]) or []
        whole = any(id(part) in scored for part in (*outputs, *options_of(one.parents[0])))
        if _axis(one) == 0 and id(one) not in ends and whole and _rows_of_outputs(one):
            evidence = f"{one.op} of the outputs has dim=0: it is taken over the examples of the batch"
            found.append(finding("wrong-class-axis", "warn", str(one.place), evidence, 0.9))
    return list({one.where: one for one in found}.values())


def _rows_of_outputs(one: Tensor) -> bool:
    """Whether it normalises what a layer of several outputs made, in that layer's shape."""
    made = [unshaped(part) for part in options_of(one.parents[0])]
    return all(isinstance(part, Tensor) and part.op == "linear" and out_width(part) != 1 for part in made)


def _over_outputs(one: Tensor) -> bool:
    """Whether it normalises what the last layer made, of more than one example."""
    if one.op not in ("softmax", "log_softmax", "logsumexp") or not one.parents:
        return False
    return bool(ends_in(one.parents[0], "linear")) and not any(leaf.op == "row" for leaf in ancestors(one))


def _slice(one: Tensor) -> bool:
    return one.op == "getitem" and not isinstance(one.options.get("index"), Known)


@decides("sum-reduction")
def sum_reduction(script: Script) -> Verdict:
    """A loss of reduction='sum' goes into backward() as it is."""
    if not script.losses:
        return None
    if "grad" in script.trace.loads or not any(_long_steps(script, one) for one in script.optimizers):
        return []  # gradients may be divided by hand, and the rate may suit the sum
    summed = {
        id(e.subject): e for e in script.losses if _reduction(e.subject) == "sum" and e.name in (CROSS_ENTROPY, NLL)
    }
    found: list[Finding] = []
    for back in script.trace.of("backward"):
        for one in options_of(back.subject):
            if id(one) in summed and isinstance(one, Tensor):
                place = one.maker.place if isinstance(one.maker, Layer) else one.place
                evidence = f"the loss has reduction='sum', and goes into backward() at line {back.place.line} undivided"
                found.append(finding("sum-reduction", "warn", str(place), evidence, 0.9))
    return found


USUAL_BATCH = 32  # where none is told
LONGEST_STEP = 1.0  # rate / (1 - momentum) of usual trainings with the mean: 0.1 / (1 - 0.9)


def _long_steps(script: Script, optimizer: Made) -> bool:
    """Whether its rate, times a batch's size, is one that no training with the mean has."""
    rate = rate_of(optimizer)
    if optimizer.name != "SGD" or rate is None:
        return False
    sizes = [told for one in learning_loaders(script) if (told := batch_size(one)) is not None]
    momentum = number(optimizer.options.get("momentum")) or 0.0
    return momentum < 1 and rate * max(sizes, default=USUAL_BATCH) / (1 - momentum) > LONGEST_STEP


def _reduction(loss: Value) -> object:
    option = loss.options.get("reduction") if isinstance(loss, Tensor) else None
    return option.value if isinstance(option, Known) else None


@decides("inverted-class-weights")
def inverted_class_weights(script: Script) -> Verdict:
    """The loss's class weights, or a sampler's, grow with the counts of the classes."""
    weights = [w for e in script.losses if isinstance(e.subject, Tensor) and (w := e.subject.options.get("weight"))]
    weights += [e.subject.args[0] for e in script.made("dataset") if isinstance(e.subject, Made)
                and e.subject.name == "WeightedRandomSampler" and e.subject.args]  # fmt: skip
    if not weights:
        return None
    found: list[Finding] = []
    for weight in weights:
        way, counts = grows(weight)
        if way > 0 and counts:
            evidence = f"the class weights grow with the counts made at line {counts.place.line}"
            made = bare(weight)
            place = made.place if isinstance(made, Tensor) and made.op != "getitem" else counts.place
            found.append(finding("inverted-class-weights", "warn", str(place), evidence, 0.9))
    return found[:1]


COUNTS = frozenset({"bincount", "value_counts", "histogram", "histc", "Counter"})


def grows(value: Value, deep: int = 0) -> tuple[int, Tensor | None]:
    """1 where it grows with the counts of classes, -1 where it falls with them, 0 where that cannot be told."""
    inner = bare(value)
    if isinstance(inner, Items) and inner.items and deep < 20:
        each = [grows(one, deep + 1) for one in inner.items]
        return each[0] if len({way for way, _ in each}) == 1 else (0, None)
    if not isinstance(inner, Tensor) or deep > 20:
        return 0, None
    if inner.op in COUNTS:
        return 1, inner
    if inner.op == "part" and number(inner.options.get("index")) == 1:
        base = bare(inner.parents[0])
        return (1, base) if isinstance(base, Tensor) and base.op == "unique" else (0, None)
    operands = [grows(one, deep + 1) for one in inner.parents]
    told = [(way, counts) for way, counts in operands if way]
    if inner.op in REDUCES or len(told) != 1:
        return 0, None
    way, counts = told[0]
    at = operands.index(told[0])
    if inner.op in ("div", "floordiv"):
        return (way if at == 0 else -way), counts
    if inner.op == "pow" and at == 0:
        power = count(operand(inner, 1))
        return (way if power > 0 else -way, counts) if power is not None else (0, None)
    if inner.op in ("reciprocal", "neg", "rsqrt"):
        return -way, counts
    if inner.op == "sub":
        return (way if at == 0 else -way), counts
    if inner.op == "mult" and _negative(inner):
        return -way, counts
    if inner.op in ("mult", "add", "sqrt", "log", "exp", "clamp", "clamp_min", "getitem", "row", "softmax", "log1p"):
        return way, counts
    return 0, None


@decides("ascending-loss")
def ascending_loss(script: Script) -> Verdict:
    """A minus before the loss, maximize=True, a negative rate, or a step by hand along the gradient."""
    found: list[Finding] = []
    events = script.trace.events
    held = [owners(one.args[0]) for one in script.optimizers if one.args]
    opposed = len(held) > 1 and _minimised(script)  # that play against each other
    opposed = opposed or (bool(held) and all(one is None for one in held))  # an attack: no weights are held
    for back in script.trace.of("backward"):
        later = (e for e in events[events.index(back) + 1 :] if e.what in ("backward", "step", "zero"))
        after = next((e for e in later if e.what != "backward" or e.place != back.place), None)
        if opposed or (after is not None and after.what != "step") or not any(e.sure for e in script.trace.of("step")):
            continue
        outer = outermost(back.subject)
        if outer and _direction(back.subject, _of_classes(script)) < 0:
            evidence = f"what goes into backward() at line {back.place.line} grows with the labels' probabilities"
            found.append(finding("ascending-loss", "fail", str(outer[0].place), evidence))
    for one in script.optimizers:
        rate = rate_of(one)
        if rate is not None and rate < 0:
            found.append(finding("ascending-loss", "fail", str(one.place), f"the learning rate is {rate:g}"))
        climbs = one.options.get("maximize")
        if isinstance(climbs, Known) and climbs.value is True and not opposed and _minimised(script):
            found.append(finding("ascending-loss", "fail", str(one.place), f"{one.name} has maximize=True"))
    for step in script.trace.of("step"):
        away = script.optimizers or id(step.subject) in script.fed  # an attack, or a look around, as in SAM
        if step.name == "add" and not away and step.args and _upwards(step.args[0]) and _minimised(script):
            evidence = "a positive multiple of the gradient is added to the parameters"
            found.append(finding("ascending-loss", "fail", str(step.place), evidence))
    return found if script.optimizers or script.trace.of("step", "backward") else None


def _of_classes(script: Script) -> dict[int, int]:
    """The losses on classes, each with its direction."""
    return {id(e.subject): 1 for e in script.losses if e.name in ON_CLASSES}


def _minimised(script: Script) -> bool:
    """Whether backward() gets a loss on classes, alone or in a sum, with no sign turned."""
    known = _of_classes(script)
    return any(_direction(one.subject, known) > 0 for one in script.trace.of("backward"))


KEEPS_SIGN = frozenset({"mean", "sum", "stack", "cat", "gather", "getitem", "take_along_dim", "div", *SAME_NUMBERS})


def _direction(value: Value, known: dict[int, int]) -> int:
    """1 where it falls as the labels' probabilities grow, as a loss does; -1 where it grows; 0: neither is sure."""
    if id(value) not in known:
        known[id(value)] = _direction_of(value, known)
    return known[id(value)]


def _direction_of(value: Value, known: dict[int, int]) -> int:
    if isinstance(value, Either | Items):
        each = {_direction(one, known) for one in (value.options if isinstance(value, Either) else value.items)}
        return each.pop() if len(each) == 1 else 0
    if not isinstance(value, Tensor) or not value.parents:
        return 0
    if value.op in ("log_softmax", "logsigmoid") or (value.op == "log" and ends_in(value.parents[0], "softmax")):
        return -1
    if value.op in ("add", "sub", "mult"):
        told = [_direction(one, known) for one in value.parents]
        told = [told[0], *(-way for way in told[1:])] if value.op == "sub" else told
        ways = {way for way in told if way}
        if len(ways) != 1:
            return 0
        way = ways.pop()
        others = [one for one, its in zip(value.parents, told, strict=True) if not its]
        if value.op == "mult":
            sure = len(others) == 1 and (count(others[0]) is not None or _positive(others[0]))
            return (-way if _negative(value) else way) if sure else max(way, 0) * (len(others) == 1)
        return way if way > 0 or all(count(one) is not None for one in others) else 0
    if value.op == "neg":
        return -_direction(value.parents[0], known)
    if value.op in KEEPS_SIGN:
        way = _direction(value.parents[0], known)
        return -way if value.op == "div" and _negative(value) else way
    return 0


POSITIVE = frozenset({"ones", "ones_like", "eq", "compare", "softmax", "sigmoid"})


def _positive(value: Value) -> bool:
    """Whether it surely is a mask, or a weight that is not below zero."""
    made = outermost(bare(value))
    return one_hot(value) is not None or (bool(made) and all(one.op in POSITIVE for one in made))


def _negative(value: Tensor) -> bool:
    """Whether one of its operands is a number below zero."""
    return any((count(one) or 0) < 0 for one in value.parents)


def _upwards(change: Value) -> bool:
    """Whether it is a gradient times a positive number."""
    if isinstance(change, Tensor) and change.op == "mult":
        factors = [number(one) for one in change.parents]
        rest = [one for one in change.parents if number(one) is None]
        return all(factor is None or factor > 0 for factor in factors) and len(rest) == 1 and _upwards(rest[0])
    return isinstance(change, Tensor) and change.op == "grad"


def rate_of(one: Made) -> float | None:
    """An optimizer's learning rate, where it is written as a number."""
    return number(one.options.get("lr") or (one.args[1] if len(one.args) > 1 else None))


CUTS = frozenset({"item", "detach", "numpy", "data", "tolist"})
WRAPPED = frozenset({"tensor", "as_tensor", "from_numpy", "Variable", "float"})


@decides("graph-cut")
def graph_cut(script: Script) -> Verdict:
    """Between the weights and backward() stands something that gradients do not pass."""
    backward = script.trace.of("backward")
    if not backward:
        return None
    found: list[Finding] = []
    for back in backward:
        one = _unwrapped(back.subject)
        if one and one.op in CUTS and any(inner.op == "loss" for inner in ancestors(one)):
            evidence = (
                f"the loss goes through .{one.op} at line {one.place.line} before backward() at line {back.place.line}"
            )
            found.append(finding("graph-cut", "fail", str(one.place), evidence))
        reached, cuts = _uncut(back.subject)
        behind = [cut for cut in cuts if any(inner.op == "loss" for inner in ancestors(cut))]
        if (
            not found
            and behind
            and not any(inner.op in ("loss", "linear", "Parameter", "matmult") for inner in reached.values())
        ):
            text = f"all that goes into backward() at line {back.place.line} went through .{behind[0].op}() before"
            found.append(finding("graph-cut", "fail", str(behind[0].place), text))
    calls = [call for call in script.losses if not _other_side(script, call)]
    found += [_loss_cut(call, one) for call in calls if (one := _unwrapped(call.args[0])) and one.op in CUTS]
    found += _without_gradients(script)
    found += _inside(script)
    return found


def _other_side(script: Script, call: Event) -> bool:
    """Whether gradients go through a loss's second argument, as where targets are given first."""
    made = [one for arg in call.args[1:] for one in _uncut(arg)[0].values()]
    return any(one.op in ("linear", "Parameter", "matmult") for one in made)


def _loss_cut(call: Event, one: Tensor) -> Finding:
    evidence = f"the outputs go through .{one.op} at line {one.place.line} before the loss at line {call.place.line}"
    return finding("graph-cut", "fail", str(one.place), evidence)


def _unwrapped(value: Value) -> Tensor | None:
    """The operation behind views, and behind a tensor made anew from numbers."""
    made = outermost(value)
    while made and len(made) == 1 and made[0].op in WRAPPED and made[0].parents:
        made = outermost(made[0].parents[0])
    return made[0] if made and len(made) == 1 else None


def _without_gradients(script: Script) -> list[Finding]:
    """backward() of a loss whose scores were made under torch.no_grad()."""
    found: list[Finding] = []
    blind = {id(e.args[0]): e for e in script.trace.of("pass") if not e.grad}
    others = any(call.grad and id(call.subject) in script.learned for call in script.trace.of("loss"))
    for call in script.losses:
        made = outermost(call.args[0])
        origin = [blind.get(id(one)) for one in (*options_of(call.args[0]), *(made or []))]
        off = next((e for e in origin if e), None)
        if _other_side(script, call):
            continue
        if not call.grad and others:
            continue  # a weight of another loss
        if not call.grad and id(call.subject) in script.learned:
            evidence = "the loss is computed where gradients are switched off, and goes into backward()"
            found.append(finding("graph-cut", "fail", str(call.place), evidence))
        elif off and id(call.subject) in script.learned:
            evidence = (
                "the model is called where gradients are switched off; its outputs go into the loss at "
                f"line {call.place.line}"
            )
            found.append(finding("graph-cut", "fail", str(off.place), evidence))
    return found


def _inside(script: Script) -> list[Finding]:
    """A cut within a model that leaves layers before it without any way to the loss."""
    found: list[Finding] = []
    frozen = bool(script.trace.of("freeze"))
    taught = [one for back in script.trace.of("backward") for one in _uncut(back.subject)[0].values()]
    alive = {id(one.maker) for one in taught if one.op == "linear"}  # by this loss or another one
    blind = {id(one) for e in script.trace.of("pass") if not e.grad for one in options_of(e.args[0])}  # as is meant
    for call in script.losses:
        reached, cuts = _uncut(call.args[0])
        for cut in cuts:
            if any(id(one) in blind for one in ancestors(cut)):
                continue
            before = [one for one in ancestors(cut) if one.op == "linear"]
            lost = [one for one in before if one.maker and id(one.maker) not in alive]
            lost = [one for one in lost if one.maker and perhaps_taught(script, one.maker)]
            if lost and any(one.op == "linear" for one in reached.values()) and not frozen:
                how = f".{cut.op}" if cut.op == "data" else f".{cut.op}()"
                evidence = (
                    f"{how} at line {cut.place.line} stands between the loss and the layer at line "
                    f"{lost[-1].place.line}"
                )
                found.append(finding("graph-cut", "warn", str(cut.place), evidence, 0.85))
    return found


def _uncut(value: Value) -> tuple[dict[int, Tensor], list[Tensor]]:
    """What gradients reach from here, and the cuts where they stop."""
    reached: dict[int, Tensor] = {}
    cuts: list[Tensor] = []
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, Either):
            todo += one.options
        elif isinstance(one, Items):
            todo += one.items
        elif isinstance(one, Tensor) and id(one) not in reached:
            reached[id(one)] = one
            if one.op in CUTS:
                cuts.append(one)
            else:
                todo += one.parents
    return reached, cuts


@decides("unstable-log")
def unstable_log(script: Script) -> Verdict:
    """log of softmax or sigmoid, on the way to the loss."""
    made_of = [one for e in script.trace.of("backward") for one in ancestors(e.subject)]
    entropies = {id(part) for one in made_of for part in one.parents if one.op == "mult" and _weighted_by_itself(one)}
    logs = [one for one in made_of if one.op == "log" and one.parents and id(one) not in entropies]
    opposed = len({one.place for one in script.optimizers}) > 1  # a judge's sigmoid, of nets that play
    if not logs and not script.losses:
        return None
    found: list[Finding] = []
    for one in logs:
        inner, bounded = one.parents[0], False
        while isinstance(inner, Tensor) and inner.op in ("add", "clamp", "clamp_min", *SAME_NUMBERS) and inner.parents:
            bounded = bounded or inner.op not in SAME_NUMBERS
            inner = inner.parents[0]
        made = ends_in(inner, "softmax", "sigmoid")
        if made and not (made.op == "sigmoid" and (bounded or opposed)):
            evidence = f"the logarithm is taken of what {made.op} makes at line {made.place.line}"
            found.append(finding("unstable-log", "warn", str(one.place), evidence, 0.9))
    return list({one.where: one for one in found}.values())


def _weighted_by_itself(product: Tensor) -> bool:
    """p * log(p): an entropy, which goes to zero where p does."""
    return any(ends_in(one, "softmax", "sigmoid") for one in product.parents)


@decides("non-finite")
def non_finite(script: Script) -> Verdict:
    """The square root of a deviation that may be 0, where its slope has no end, on the way to the loss."""
    roots = [
        one for e in script.trace.of("backward") for one in ancestors(e.subject) if one.op == "sqrt" and one.parents
    ]
    if not roots:
        return None
    found: list[Finding] = []
    for one in roots:
        inner: Value = one.parents[0]
        while (
            isinstance(inner, Tensor) and inner.op in ("mean", "sum", "pow", "square", *SAME_NUMBERS) and inner.parents
        ):
            inner = inner.parents[0]
        if not isinstance(inner, Tensor) or inner.op != "sub" or len(inner.parents) != 2:
            continue
        mine, other = (outermost(part) or [] for part in inner.parents)
        own = any(id(deep) in {id(part) for part in mine} for part in other for deep in ancestors(part))
        if own and any(deep.op == "linear" for deep in ancestors(inner)):
            text = "the root of a deviation from itself: where it is 0, its gradient is not finite"
            found.append(finding("non-finite", "warn", str(one.place), text, 0.8))
    return found[:1]


@decides("dropout-on-logits")
def dropout_on_logits(script: Script) -> Verdict:
    """The loss gets what dropout made."""
    if not script.losses:
        return None
    ops = ("dropout", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout")
    made = [one for e in script.losses if e.name in ON_CLASSES and (one := ends_in(e.args[0], *ops))]
    return [
        finding("dropout-on-logits", "warn", str(one.place), "dropout is the last thing before the loss", 0.95)
        for one in made
        if number(one.options.get("p")) != 0 and any(True for _ in nearest_layers(one))
    ]
