"""Faults in the order of clearing, backward and step, in optimizers and in schedules, as the source shows them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.static.facts import batch_size, count, rows, shape, turns
from fairtrial.doctor.static.library import inner_modules
from fairtrial.doctor.static.loss import rate_of
from fairtrial.doctor.static.script import (
    Script,
    Verdict,
    class_of,
    decides,
    kinds,
    learning_loaders,
    owners,
    script_inputs,
    weighted,
    within,
)
from fairtrial.doctor.static.trace import Event, ancestors
from fairtrial.doctor.static.values import (
    Function,
    Instance,
    Items,
    Known,
    Layer,
    Library,
    Made,
    Module,
    Tensor,
    Value,
    number,
    options_of,
)

ADAPTIVE = frozenset({"Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad"})


BY_HAND = frozenset({"add", "sub"})
HAND = Value()  # whoever steps by hand


def _of_optimizer(event: Event) -> bool:
    return isinstance(event.subject, Made) and event.subject.kind == "optimizer"


def _stepper(event: Event) -> Value:
    return HAND if event.name in BY_HAND else event.subject


def _clears(zero: Event, optimizer: Value) -> bool:
    """Whether clearing this may clear what the optimizer steps with."""
    of = owners(optimizer.args[0]) if isinstance(optimizer, Made) and optimizer.args else None
    for one in options_of(zero.subject):
        if one is optimizer or of is None or not isinstance(one, Made | Module):
            return True
        theirs = owners(one.args[0]) if isinstance(one, Made) and one.args else [one]
        if theirs is None or any(within(a, b) or within(b, a) for a in theirs for b in of):
            return True
    return False


@decides("missing-zero-grad")
def missing_zero_grad(script: Script) -> Verdict:
    """Two steps with a backward before each, and nothing cleared between."""
    steps = [e for e in script.trace.of("step") if _of_optimizer(e) or e.name in BY_HAND]
    steps = [e for e in steps if id(e.subject) not in script.fed]  # an attack changes what a model gets
    if not steps or not script.trace.of("backward"):
        return None
    found: dict[str, Finding] = {}
    for optimizer in {id(_stepper(e)): _stepper(e) for e in steps}.values():
        of = owners(optimizer.args[0]) if isinstance(optimizer, Made) and optimizer.args else None
        if of and script.models and not any(within(a, b) or within(b, a) for a in of for b in script.models):
            continue  # it holds another model
        stepped, backward, rarely = False, None, None
        for event in script.trace.of("step", "zero", "backward", "given"):
            if event.what == "backward":
                backward = event if event.sure and not event.name else None
            elif event.what in ("zero", "given") and _clears(event, optimizer):
                rarely = event if not event.sure and any(_every_few(test) for test in event.tests) else None
                stepped = stepped and rarely is not None
            elif event.what == "step" and _stepper(event) is optimizer:
                if stepped and backward and event.sure and event.loops and event.name != "closure":
                    evidence = (
                        f"step() at line {event.place.line} follows backward() at line {backward.place.line} in each "
                        f"turn of the loop, and nothing clears the gradients in between"
                    )
                    if not script.trace.lent(optimizer):
                        place = str(rarely.place if rarely else backward.place)
                        found[place] = finding("missing-zero-grad", "fail", place, evidence)
                stepped, backward = stepped or event.sure, None
    return list(found.values())[:1]


def _every_few(test: Value) -> bool:
    """Whether a condition holds in one of so many turns."""
    return (
        isinstance(test, Tensor)
        and test.op in ("eq", "compare")
        and any(isinstance(one, Tensor) and one.op == "mod" for one in test.parents)
    )


@decides("no-gradient-at-step")
def no_gradient_at_step(script: Script) -> Verdict:
    """A step right after the gradients were cleared, or without any backward."""
    steps = [e for e in script.trace.of("step") if e.loops and e.sure and isinstance(e.subject, Made) and not e.name]
    steps = [e for e in steps if isinstance(e.subject, Made) and e.subject.kind == "optimizer"]
    if not steps:
        return None
    backward = script.trace.of("backward")
    given = script.trace.of("given")  # gradients that the script reckons itself
    if not backward and script.trace.of("loss") and not (given or script.exposed or script.says("backward(")):
        return [
            finding(
                "no-gradient-at-step",
                "fail",
                str(steps[0].place),
                "step() is called, and backward() nowhere in the script",
            )
        ]
    for step in steps:
        before: Event | None = None
        for event in script.trace.of("step", "zero", "backward", "given"):
            if event is step:
                break
            if event.what != "zero" or (event.subject is step.subject and event.sure):
                before = event
        known = backward and all(isinstance(one, Tensor) for e in backward for one in options_of(e.subject))
        earlier = before and any(_turns(e) == _turns(step) for e in backward)
        if before and before.what == "zero" and _turns(before) == _turns(step) and known and earlier:
            evidence = (
                f"the gradients are cleared at line {before.place.line}, and step() follows with no backward() between"
            )
            return [finding("no-gradient-at-step", "fail", str(step.place), evidence)]
    return []


def _turns(event: Event) -> list[tuple[int, int]]:
    """The turns of the loops around; handlers that a loop calls one after the other are one turn."""
    return [
        (loop.node, loop.turn)
        for loop in event.loops
        if not (isinstance(loop.over, Items) and all(isinstance(one, Function) for one in loop.over.items))
    ]


@decides("weights-not-updated")
def weights_not_updated(script: Script) -> Verdict:
    """backward() without any step, or a learning rate of zero."""
    backward = [e for e in script.trace.of("backward") if e.loops and e.sure]
    if not backward:
        return None
    found: list[Finding] = []
    plain = [one for one in script.optimizers if rate_of(one) == 0 and not _own_rates(one)]
    moved = any(isinstance(e.subject, Made) and "Cycl" in e.subject.name for e in script.made("scheduler"))
    if plain and not moved and "param_groups" not in script.trace.loads:
        found.append(finding("weights-not-updated", "fail", str(plain[0].place), "the learning rate is 0"))
    for event in script.made("scheduler"):
        told = event.subject.options.get("factors") if isinstance(event.subject, Made) else None
        if isinstance(told, Items) and all(number(one) == 0 for one in told.items):
            text = "LambdaLR multiplies the learning rate by 0 at steps 0, 1, 10 and 100"
            found.append(finding("weights-not-updated", "fail", str(event.place), text))
    lost = script.trace.of("lost")
    if lost and not script.optimizers and not script.trace.of("step"):
        text = f"the new value is given to the loop's own name {lost[0].name}, and the parameter stays as it is"
        found.append(finding("weights-not-updated", "fail", str(lost[0].place), text))
    idle = script.optimizers and not any(script.trace.lent(one) for one in script.optimizers)
    if idle and not script.trace.of("step") and not script.says(".step("):
        place = backward[0].place
        evidence = f"an optimizer is made at line {script.optimizers[0].place.line}, and its step() is never called"
        found.append(finding("weights-not-updated", "fail", str(place), evidence))
    return found


def _own_rates(optimizer: Made) -> bool:
    """Whether its groups have rates of their own."""
    groups = optimizer.args[0] if optimizer.args else None
    inside = groups.items if isinstance(groups, Items) else []
    return any(isinstance(k, Known) and k.value == "lr" for one in inside if isinstance(one, Items) for k in one.keys)


@decides("optimizer-of-another-model")
def optimizer_of_another_model(script: Script) -> Verdict:
    """No model that learns is among those whose parameters the optimizers hold."""
    held = [owners(one.args[0]) if one.args else None for one in script.optimizers]
    if not script.optimizers or not script.models or any(one is None for one in held) or script.exposed:
        return None
    known = [module for one in held for module in one or []]
    if any(not isinstance(one, Module) for one in known) or len({one.place for one in script.optimizers}) > 1:
        return None
    for model in script.models:
        if any(within(one, model) or within(model, one) for one in known):
            return []
    one, model = script.optimizers[0], script.models[0]
    if not weighted(model) or not weighted(known[0]):
        return []
    evidence = (
        f"the optimizer holds the parameters of the {class_of(known[0])} made at line {_place(known[0])}; trained is "
        f"the one made at line {_place(model)}"
    )
    return [finding("optimizer-of-another-model", "fail", str(one.place), evidence)]


def _place(one: Value) -> int:
    return one.place.line if isinstance(one, Module) else 0


@decides("parameters-missing-from-optimizer")
def parameters_missing(script: Script) -> Verdict:
    """Layers of a model that learns, in no optimizer and not frozen."""
    held = [owners(one.args[0]) if one.args else None for one in script.optimizers]
    if not held or not script.models or any(one is None for one in held):
        return None
    begun = script.trace.of("freeze", "flag") or _begun_elsewhere(script)  # layers may well be left as they are
    if begun or script.exposed or any(not e.grad for e in script.passes):
        return []
    known = [module for one in held for module in one or []]
    found: list[Finding] = []
    there = {id(one) for optimizer in script.optimizers for one in _held_then(optimizer)}
    for model in script.models:
        late = [
            one for one in weighted(model) if there and id(one) not in there and any(one_ is model for one_ in known)
        ]
        taught = {id(e.subject) for e in script.trace.of("layer") if id(e.args[0]) in script.learned}
        if late and id(late[0]) in taught and "add_param_group" not in script.trace.loads:
            text = f"this layer was put into {class_of(model)} after the optimizer had been made: it is in no optimizer"
            found.append(finding("parameters-missing-from-optimizer", "warn", str(late[0].place), text, 0.9))
        inside = [one for one in known if within(one, model)]
        used = {id(e.subject) for e in script.trace.of("layer") if id(e.args[0]) in script.learned}
        left = [
            layer for layer in weighted(model) if id(layer) in used and not any(within(layer, one) for one in known)
        ]
        if inside and left and not any(one is model for one in known):
            evidence = (
                f"{len(left)} layers of {class_of(model)} are in no optimizer and not frozen, the first at "
                f"line {left[-1].place.line}"
            )
            holds = [one for one in script.optimizers if any(part in inside for part in owners(one.args[0]) or [])]
            place = (holds or script.optimizers)[-1].place
            found.append(finding("parameters-missing-from-optimizer", "warn", str(place), evidence, 0.8))
    return found


def _held_then(optimizer: Made) -> list[Value]:
    """The modules of which an optimizer got the parameters, as they were then."""
    given = options_of(optimizer.args[0]) if optimizer.args else ()
    held = [one.options.get("held") for one in given if isinstance(one, Made)]
    return [part for one in held if isinstance(one, Items) for part in one.items]


@decides("frozen-parameters")
def frozen_parameters(script: Script) -> Verdict:
    """`module.requires_grad = False`, or every parameter frozen before training."""
    found = [
        finding(
            "frozen-parameters",
            "fail",
            str(e.place),
            f"requires_grad is set on a module ({class_of(e.subject)}), which is only an attribute: nothing is frozen",
        )
        for e in script.trace.of("flag")
        if not (isinstance(e.args[0], Known) and e.args[0].value) or script.trace.of("freeze")
        if isinstance(e.subject, Layer) or (isinstance(e.subject, Instance) and e.subject.is_module)
    ]
    freezes = script.trace.of("freeze")
    off = [e for e in freezes if e.args and isinstance(e.args[0], Known) and e.args[0].value is False and e.sure]
    held = [part for one in script.optimizers if one.args for part in owners(one.args[0]) or []]
    if len(off) == len(freezes) and off and script.models and not script.exposed:
        for event in off:
            one = event.subject.args[0] if isinstance(event.subject, Made) and event.subject.args else event.subject
            later = script.trace.events[script.trace.events.index(event) :]
            grown = any(e.what in ("module", "init") for e in later)
            taught = any(within(one, part) or within(part, one) for part in held)
            if taught and any(one is model for model in script.models) and len(script.models) == 1 and not grown:
                evidence = "requires_grad is set to False for all parameters of the model that is trained"
                found.append(finding("frozen-parameters", "fail", str(event.place), evidence))
    return found if script.models or found else None


@decides("optimizer-recreated")
def optimizer_recreated(script: Script) -> Verdict:
    """The same line makes an optimizer of the same model in the next turn of a loop."""
    made = script.made("optimizer")
    if not made:
        return None
    for first in made:
        for second in made:
            a, b = first.subject, second.subject
            if a is b or first.place != second.place or not isinstance(a, Made) or not isinstance(b, Made):
                continue
            if not a.args or not b.args or not first.sure or not first.loops or not _remembers(a):
                continue
            one, other = owners(a.args[0]), owners(b.args[0])
            used = [e for e in script.trace.of("step") if e.subject is a and e.loops]
            steps = bool(used) and _one_epoch(used[0], first, [e for e in script.trace.of("step") if e.subject is b])
            reset = any(e.what == "loaded" and e.loops for e in script.trace.events)
            if (
                one
                and other
                and len(one) == len(other)
                and all(x is y for x, y in zip(one, other, strict=True))
                and steps
                and not reset
            ):
                evidence = f"{a.name} is made again in each turn of the loop, with the parameters of the same model"
                own = used[0]
                shared = 0
                while shared < min(len(first.stack), len(own.stack)) and first.stack[shared] == own.stack[shared]:
                    shared += 1
                place = first.stack[shared] if shared < len(first.stack) else a.place  # the line within the loop
                return [finding("optimizer-recreated", "fail", str(place), evidence)]
    return []


def _one_epoch(step: Event, made: Event, next_: list[Event]) -> bool:
    """Whether the turn in which an optimizer is made is one epoch, or a part of one: no stage or task of its own."""
    if isinstance(made.loops[-1].over, Items) or len(step.loops) > len(made.loops) + 1:
        return False  # each turn has a rate or a task that is written down
    if len(step.loops) <= len(made.loops):
        return True
    inner = step.loops[-1].over
    epochs = isinstance(inner, Tensor) and inner.op == "range" and len(inner.parents) < 3
    return not epochs and (not isinstance(inner, Made) or any(e.loops[-1].over is inner for e in next_ if e.loops))


def _remembers(optimizer: Made) -> bool:
    """Whether something is lost with it."""
    return optimizer.name in ADAPTIVE or bool(number(optimizer.options.get("momentum")))


@decides("schedule-too-fast")
def schedule_too_fast(script: Script) -> Verdict:
    """A schedule meant in epochs goes on with each batch."""
    moves = script.trace.of("schedule")
    if not moves:
        return None
    inner = {e.loops[-1].node for e in script.trace.of("backward") if len(e.loops) > 1}
    found: list[Finding] = []
    for move in moves:
        made = move.subject
        if not isinstance(made, Made) or len(move.loops) < 2 or move.loops[-1].node not in inner or not move.sure:
            continue
        epochs = move.loops[-2].over
        turns = (
            epochs.parents[-1]
            if isinstance(epochs, Tensor) and epochs.op == "range" and len(epochs.parents) == 1
            else None
        )
        length = (
            made.options.get("T_max") or made.options.get("step_size") or (made.args[1] if len(made.args) > 1 else None)
        )
        many, span = number(turns), number(length)
        in_epochs = length is not None and (length is turns or (many is not None and span is not None and span <= many))
        short = span is not None and span <= 100 and many is None and move.loops[-2].name  # of a while, who knows
        gamma = number(length if made.name == "ExponentialLR" else None) or number(made.options.get("gamma"))
        batches = move.loops[-1].over
        if isinstance(batches, Tensor) and batches.op == "range" and len(batches.parents) < 3:
            continue  # steps of an episode, which no epoch counts
        if made.name == "ExponentialLR" and gamma and _decayed(gamma, move):
            text = f"the rate is multiplied by {gamma:g} with each batch"
            found.append(finding("schedule-too-fast", "warn", str(move.place), text, 0.9))
        elif made.name in ("CosineAnnealingLR", "StepLR") and (in_epochs or short) and not _mild(made):
            told = f"{span:g}" if span is not None else "the number of epochs"
            text = f"{made.name} counts to {told}, and its step() is in the loop over batches"
            found.append(
                finding(
                    "schedule-too-fast",
                    "fail" if in_epochs else "warn",
                    str(move.place),
                    text,
                    1.0 if in_epochs else 0.8,
                )
            )
    return found[:1]


NOTHING_LEFT = 1e-3  # a rate that is less than this share of itself at the end has ended too early
FEW = 200  # batches of a short training, where their number is not told


def _decayed(gamma: float, move: Event) -> bool:
    """Whether hardly anything is left of a rate that is multiplied by this with each batch."""
    each = [turns(loop.over) for loop in move.loops[-2:]]
    many = FEW if None in each else prod(one for one in each if one is not None)
    return gamma**many < NOTHING_LEFT


def _mild(schedule: Made) -> bool:
    """Whether a step of it takes a tenth of the rate or less."""
    gamma = number(schedule.options.get("gamma") or (schedule.args[2] if len(schedule.args) > 2 else None))
    return schedule.name == "StepLR" and gamma is not None and gamma >= 0.9


@decides("batchnorm-batch-of-one")
def batchnorm_batch_of_one(script: Script) -> Verdict:
    """A training loader with batches of one, and batch norm over features in the net."""
    if not script.models or not any("BatchNorm" in kind for model in script.models for kind in kinds(model)):
        return None
    flat = any("BatchNorm1d" in kinds(model) for model in script.models)
    found: list[Finding] = []
    for one in learning_loaders(script):
        if {"batch_sampler", "**"} & one.options.keys():
            continue
        data = one.args[0] if one.args else one.options.get("dataset")
        many, each = rows(data) if data is not None else None, batch_size(one)
        dropped = one.options.get("drop_last")
        if each == 1 and not _bags(script, one):
            text = "the training loader has batch_size=1"
            found.append(finding("batchnorm-batch-of-one", "fail" if flat else "warn", str(one.place), text, 0.95))
        elif many and each and each > 1 and many % each == 1 and (dropped is None or _off(dropped)):
            text = f"{many:g} examples in batches of {each:g} leave one example for the last batch"
            found.append(finding("batchnorm-batch-of-one", "fail" if flat else "warn", str(one.place), text, 0.95))
    for event in script.passes:
        for over in (loop.over for loop in event.loops):
            if isinstance(over, Tensor) and over.op == "split" and len(over.parents) == 2:
                many, each = rows(over.parents[0]), count(over.parents[1])
                if many and each and many % each == 1:
                    text = f"{many:g} examples in parts of {each:g} leave one example for the last part"
                    found.append(finding("batchnorm-batch-of-one", "fail", str(over.place), text, 0.95))
        sides = shape(event.args[1]) if len(event.args) > 1 else None
        training = event.options.get("training")
        taught = isinstance(training, Known) and training.value is True and script.optimizers
        if taught and sides and len(sides) > 1 and sides[0] == 1 and not script_inputs(event):
            text = "the model is trained with batches of one example"
            found.append(finding("batchnorm-batch-of-one", "fail" if flat else "warn", str(event.place), text, 0.95))
    return found[:1]


def _off(switch: Value) -> bool:
    return isinstance(switch, Known) and not switch.value


def _bags(script: Script, loader: Made) -> bool:
    """Whether examples of a batch's one item are the rows that layers get: the batch axis is taken away."""
    inside = [one for e in script.losses for one in ancestors(e.args[0])]
    cut = [one for one in inside if one.op in ("squeeze", "getitem", "view", "reshape", "flatten", "part")]
    return any(leaf.op == "input" and loader in leaf.parents for one in cut for leaf in ancestors(one))


@decides("over-regularised")
def over_regularised(script: Script) -> Verdict:
    """A weight decay of 0.1 and more that goes into the gradient."""
    seen = [one for one in script.optimizers if one.options.get("weight_decay")]
    penalties = [found for e in script.trace.of("backward") for found in _penalties(e.subject, 1.0)]
    if not (seen or penalties) or script.one_layer:
        return None
    by_hand = [
        finding(
            "over-regularised",
            "warn",
            str(one.place),
            f"{by:g} times the squares of all weights is added to the loss",
            0.8,
        )
        for one, by in penalties[:1]
        if by >= 0.05
    ]
    return by_hand + [
        finding("over-regularised", "warn", str(one.place), f"weight_decay={decay:g} in {one.name}", 0.8)
        for one in seen
        if (decay := number(one.options["weight_decay"])) and decay >= 0.1 and one.name != "AdamW"
    ]


def _penalties(value: Value, by: float, at: Tensor | None = None) -> Iterator[tuple[Tensor, float]]:
    """Where sums of squared parameters in a loss are multiplied, and by what."""
    if not isinstance(value, Tensor) or value.op in ("loss", "linear"):
        return
    numbers = [told for part in value.parents if (told := count(part)) is not None]
    if value.op == "mult" and len(numbers) == 1:
        by, at = by * numbers[0], at or value
    elif value.op == "div" and len(numbers) == 1 and count(value.parents[0]) is None and numbers[0]:
        by /= numbers[0]
    elif value.op in ("mult", "div"):
        return  # by what, only a run tells
    first = value.parents[0] if value.parents else None
    if value.op in ("pow", "square", "pow_") and isinstance(first, Made) and first.kind == "parameter":
        yield at or value, by
    for part in value.parents:
        for one in part.items if isinstance(part, Items) else [part]:
            yield from _penalties(one, by, at)


@decides("clipping-too-tight")
def clipping_too_tight(script: Script) -> Verdict:
    """Gradients are cut to next to nothing, or only after the step."""
    clips = script.trace.of("clip")
    if not clips:
        return None
    found: list[Finding] = []
    last: Event | None = None
    order = script.trace.of("clip", "step", "backward", "zero")
    for event, then in zip(order, [*order[1:], None], strict=True):
        if (
            event.what == "clip"
            and (then is None or then.what != "step" or then.loops != event.loops)  # for another optimizer's step
            and last
            and last.what == "step"
            and last.sure
            and event.sure
            and last.loops == event.loops
        ):
            evidence = f"gradients are clipped after step() at line {last.place.line}, when they have been used"
            found.append(finding("clipping-too-tight", "fail", str(event.place), evidence))
        last = event
    for clip in clips:
        most = number(clip.options.get("max_norm") or (clip.args[0] if clip.args else None))
        if most is not None and most <= 1e-3:
            found.append(
                finding("clipping-too-tight", "warn", str(clip.place), f"gradients are cut to a norm of {most:g}", 0.85)
            )
    return found[:1]


@decides("extreme-optimizer-settings")
def extreme_optimizer_settings(script: Script) -> Verdict:
    """momentum of 1 and more, betas out of order, an eps that outweighs the gradients."""
    if not script.optimizers:
        return None
    return [
        finding("extreme-optimizer-settings", "warn", str(one.place), said, 0.9)
        for one in script.optimizers
        if (said := _extreme(one))
    ]


def _extreme(one: Made) -> str | None:
    momentum, eps = number(one.options.get("momentum")), number(one.options.get("eps"))
    betas = one.options.get("betas")
    if momentum is not None and momentum >= 1 and one.name == "SGD":
        return f"momentum={momentum:g}: past steps never fade"
    if eps is not None and eps > 1e-2 and one.name != "Adagrad":
        return f"eps={eps:g}"
    if isinstance(betas, Items) and len(betas.items) == 2:
        first, second = (number(beta) for beta in betas.items)
        if first is not None and second is not None and (first > second or not 0 <= second < 1 or first >= 1):
            return f"betas=({first:g}, {second:g})"
    return None


@decides("lr-too-high")
def lr_too_high(script: Script) -> Verdict:
    """A rate that no net stands, with no schedule to scale it."""
    rates = [(one, rate) for one in script.optimizers if (rate := rate_of(one)) is not None and _of_weights(one)]
    if not rates or script.one_layer:
        return None
    if script.scheduled:
        return []
    return [
        finding("lr-too-high", "warn", str(one.place), f"{one.name} with lr={rate:g}", 0.8)
        for one, rate in rates
        if (one.name in ("Adam", "AdamW", "NAdam", "RAdam", "Adamax") and rate >= 0.5)
        or (one.name == "SGD" and rate >= 50)
    ]


@decides("lr-too-low")
def lr_too_low(script: Script) -> Verdict:
    """A rate with which hardly anything moves."""
    rates = [(one, rate) for one in script.optimizers if (rate := rate_of(one)) is not None and _of_weights(one)]
    if not rates:
        return None
    if script.scheduled or any(_sums(e) for e in script.losses):
        return []
    return [
        finding("lr-too-low", "warn", str(one.place), f"{one.name} with lr={rate:g}", 0.7)
        for one, rate in rates
        if 0 < rate <= (5e-6 if one.name == "SGD" else 1e-6) and not _begun_elsewhere(script)
    ]


def _of_weights(optimizer: Made) -> bool:
    """Whether it surely holds the weights of modules, and no image or prompt, and the groups have no own rates."""
    held = owners(optimizer.args[0]) if optimizer.args else None
    return bool(held) and all(isinstance(one, Module) for one in held or []) and not _own_rates(optimizer)


def _sums(call: Event) -> bool:
    """Whether a loss is a sum, or may be: its gradients are as large as there are numbers in it."""
    told = call.subject.options.get("reduction") if isinstance(call.subject, Tensor) else None
    return told is not None and not (isinstance(told, Known) and told.value == "mean")


def _begun_elsewhere(script: Script) -> bool:
    """Whether weights are loaded before the training, or a library's net may bring its own: a fine-tuning."""
    if any("?" in one.options for net in script.models for one in inner_modules(net) if isinstance(one, Layer)):
        return True
    taught = script.trace.of("backward")
    return any(e.what == "loaded" for e in script.trace.events[: script.trace.events.index(taught[0])] if taught)


def _scaled(script: Script) -> bool:
    """Whether a GradScaler is there and switched on."""
    switches = [e.subject.options.get("enabled") for e in script.made("scaler") if isinstance(e.subject, Made)]
    return any(not (isinstance(one, Known) and one.value is False) for one in switches)


def _taught_next(script: Script, guard: Event) -> bool:
    """Whether the next model that is called teaches, with a loss that nothing multiplies."""
    events = script.trace.events
    called = next((e for e in events[events.index(guard) :] if e.what == "pass"), None)
    ends = [one for e in script.trace.of("backward") for one in options_of(e.subject)]
    products = [one for one in ends if isinstance(one, Tensor) and one.op == "mult"]
    scaled = any((count(part) or 0) > 1 for one in products for part in one.parents)
    return called in script.passes and not scaled


@decides("fp16-underflow")
def fp16_underflow(script: Script) -> Verdict:
    """backward() after autocast to float16, with no GradScaler."""
    guards = [e for e in script.made("guard") if isinstance(e.subject, Made) and e.subject.name == "autocast"]
    if not guards or not script.trace.of("backward"):
        return None
    found: list[Finding] = []
    for guard in guards:
        one = guard.subject
        kind = one.options.get("dtype") if isinstance(one, Made) else None
        on = one.options.get("enabled") if isinstance(one, Made) else None
        if on is not None and not (isinstance(on, Known) and on.value):
            continue
        half = isinstance(kind, Library) and kind.name in ("torch.float16", "torch.half")
        if half and not _scaled(script) and _taught_next(script, guard):
            evidence = "autocast to float16, backward(), and no GradScaler in the script"
            after = [e.place for e in script.trace.of("backward")]
            found.append(finding("fp16-underflow", "warn", str(after[0]), evidence, 0.9))
    return found[:1]
