"""What the rules ask of a followed script: what learns, what is evaluated, what an output went through last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.static.facts import Labels, labels, sources
from fairtrial.doctor.static.library import LINEAR, SAME_NUMBERS, inner_modules
from fairtrial.doctor.static.trace import Event, Trace, ancestors
from fairtrial.doctor.static.values import (
    Either,
    Instance,
    Items,
    Known,
    Layer,
    Made,
    Module,
    Place,
    Tensor,
    Value,
    number,
    options_of,
)

Verdict = list[Finding] | None


@dataclass(frozen=True)
class Rule:
    """A rule for one fault: findings, none, or None where the script has nothing that it applies to."""

    fault: str
    decide: Callable[[Script], Verdict]


def decides(fault: str) -> Callable[[Callable[[Script], Verdict]], Rule]:
    """Makes the function below it a rule for this fault."""
    return lambda decide: Rule(fault, decide)


@dataclass(frozen=True)
class Script:
    """A trace, and what follows from it."""

    trace: Trace

    @cached_property
    def learned(self) -> frozenset[int]:
        """All tensors that a backward pass goes through."""
        return frozenset(id(one) for event in self.trace.of("backward") for one in ancestors(event.subject))

    @cached_property
    def changed(self) -> frozenset[int]:
        """Tensors of which something is changed in place."""
        return frozenset(id(e.subject) for e in self.trace.of("set"))

    def classes(self, value: Value) -> Labels | None:
        """The class numbers that it surely holds: nothing that it was made of is changed in place."""
        return None if any(id(one) in self.changed for one in sources(value)) else labels(value)

    @cached_property
    def fed(self) -> frozenset[int]:
        """What models get, and all that it was made of."""
        return frozenset(id(one) for e in self.trace.of("pass") for arg in e.args[1:] for one in ancestors(arg))

    @cached_property
    def blind(self) -> bool:
        """Whether a backward pass begins at a tensor of which nothing is known."""
        return any(not isinstance(one, Tensor) for e in self.trace.of("backward") for one in options_of(e.subject))

    @cached_property
    def losses(self) -> list[Event]:
        """Losses that are minimised, each line once."""
        found = [
            e for e in self.trace.of("loss") if e.args and (id(e.subject) in self.learned or (self.blind and e.grad))
        ]
        return list({(e.place, e.name): e for e in reversed(found)}.values())[::-1]

    @cached_property
    def passes(self) -> list[Event]:
        """Calls of whole models that a backward pass goes through."""
        return [
            e for e in self.trace.of("pass") if id(e.args[0]) in self.learned or self.made_of(e.args[0], self.learned)
        ]

    @cached_property
    def taught(self) -> frozenset[int]:
        """What models give that a backward pass goes through."""
        given = [part for e in self.passes for one in options_of(e.args[0])
                 for part in (one.items if isinstance(one, Items) else [one])]  # fmt: skip
        return frozenset(map(id, given))

    def made_of(self, value: Value, wanted: frozenset[int]) -> bool:
        """Whether one of the things that it may be is wanted."""
        several = [part for one in options_of(value) for part in (one.items if isinstance(one, Items) else [one])]
        return any(id(option) in wanted for one in several for option in options_of(one))

    @cached_property
    def evaluations(self) -> list[Event]:
        """Calls of whole models whose answers are compared with labels, and that teach nothing."""
        judged = frozenset(id(one) for e in self.trace.of("argmax", "compared") for one in ancestors(e.subject))
        judged |= frozenset(id(one) for e in self.trace.of("loss") if not e.grad for one in ancestors(e.subject))
        learned = self.learned
        return [
            e for e in self.trace.of("pass") if self.made_of(e.args[0], judged) and not self.made_of(e.args[0], learned)
        ]

    @cached_property
    def models(self) -> list[Module]:
        """The models that learn, each once."""
        return list({id(e.subject): e.subject for e in self.passes if isinstance(e.subject, Module)}.values())

    @cached_property
    def one_layer(self) -> bool:
        """Whether all that learns is one linear layer: which rate or penalty suits it is up to the data alone."""
        called = [e.subject for e in self.trace.of("pass") if isinstance(e.subject, Module)]
        nets = self.models or called  # of a loss that is not known
        plain = all(kinds(model) <= {"Linear", "Flatten", "Sequential"} for model in nets)
        return bool(nets) and plain and all(len(weighted(model)) == 1 for model in nets)

    @cached_property
    def optimizers(self) -> list[Made]:
        """All optimizers."""
        return [
            e.subject for e in self.trace.of("made") if isinstance(e.subject, Made) and e.subject.kind == "optimizer"
        ]

    @cached_property
    def scheduled(self) -> bool:
        """Whether something may change the rates: a schedule, of torch or of the script, or a hand on the groups."""
        own = [e for e in self.trace.of("made") if isinstance(e.subject, Instance)
               and any("lr_scheduler" in root for root in e.subject.cls.roots)]  # fmt: skip
        return bool(own or self.made("scheduler") or "param_groups" in self.trace.loads)

    @cached_property
    def exposed(self) -> bool:
        """Whether unknown code got hold of a model, an optimizer or a tensor."""
        return any(trainable(arg) for event in self.trace.of("lent") for arg in event.args)

    def says(self, text: str) -> bool:
        """Whether any line of the script has this text, those left aside on which a schedule moves."""
        moves = {event.place.line for event in self.trace.of("schedule")}
        lines = enumerate(self.trace.lines, 1)
        return any(text in line.partition("#")[0] for number, line in lines if number not in moves)

    def made(self, kind: str) -> list[Event]:
        """When library objects of this kind are made."""
        return [e for e in self.trace.of("made") if isinstance(e.subject, Made) and e.subject.kind == kind]

    @cached_property
    def last_layers(self) -> frozenset[int]:
        """Layers whose outputs the losses get, or with losses that are not known those that a model ends with."""
        ends = [e.args[0] for e in self.losses or self.passes]
        return frozenset(id(one.maker) for end in ends for one in nearest_layers(end))


def trainable(value: Value) -> bool:
    """Whether it is a model, an optimizer or the like, or a tensor that layers made."""
    return any(
        isinstance(one, Module)
        or (isinstance(one, Made) and one.kind in ("optimizer", "parameters", "parameter", "modules"))
        or (isinstance(one, Items) and any(isinstance(item, Module | Made) for item in one.items))
        or any(made.op in ("linear", "loss", "Parameter") for made in ancestors(one))
        for one in options_of(value)
    )


def learning_loaders(script: Script) -> list[Made]:
    """Loaders whose batches go through a backward pass."""
    found: dict[int, Made] = {}
    for event in script.passes:
        for one in script_inputs(event):
            found[id(one)] = one
    return list(found.values())


def script_inputs(event: Event) -> list[Made]:
    """Loaders that a pass's inputs come from."""
    leaves = [one for arg in event.args[1:] for one in ancestors(arg) if one.op == "input"]
    made = [parent for one in leaves for parent in one.parents]
    return [one for one in made if isinstance(one, Made) and one.kind == "loader"]


# The same numbers in the same shape.
SAME_SHAPE = frozenset(
    {"contiguous", "float", "double", "half", "bfloat16", "to", "cuda", "cpu", "type", "type_as", "clone", "Identity"}
)


def unshaped(value: Value, *also: str) -> Value:
    """A value without what leaves its numbers and its shape as they are."""
    while isinstance(value, Tensor) and (value.op in SAME_SHAPE or value.op in also) and value.parents:
        value = value.parents[0]
    return value


def outermost(value: Value) -> list[Tensor] | None:
    """The operations that made it, views left aside, one for each thing that it may be; None where one is unknown."""
    found: list[Tensor] = []
    for one in options_of(value):
        while isinstance(one, Tensor) and one.op in SAME_NUMBERS and one.parents:
            one = one.parents[0]
        if isinstance(one, Either):
            deeper = outermost(one)
            if deeper is None:
                return None
            found += deeper
        elif isinstance(one, Tensor):
            found.append(one)
        else:
            return None
    return found


def ends_in(value: Value, *ops: str) -> Tensor | None:
    """The operation of one of these names that surely made the value."""
    made = outermost(value)
    return made[0] if made and all(one.op in ops for one in made) else None


def nearest_layers(value: Value) -> Iterator[Tensor]:
    """The last operations with weights on the way to the value."""
    todo, seen = [value], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Either):
            todo += one.options
        elif isinstance(one, Tensor) and one.op == "linear":
            yield one
        elif isinstance(one, Tensor):
            todo += one.parents


def kinds(module: Value) -> frozenset[str]:
    """Names of the torch layers in a module."""
    return frozenset(one.kind for one in inner_modules(module) if isinstance(one, Layer))


def has_modes(module: Value) -> bool:
    """Whether it surely holds dropout or batch norm: what training and evaluation mode change."""
    return any(_modal(one) for one in inner_modules(module) if isinstance(one, Layer))


def _modal(layer: Layer) -> bool:
    tracks = layer.options.get("track_running_stats")
    rate = layer.options.get("p") or next(iter(layer.args), None)
    if "BatchNorm" in layer.kind:
        return not (isinstance(tracks, Known) and not tracks.value)
    return "Dropout" in layer.kind and number(rate) != 0


def weighted(module: Value) -> list[Layer]:
    """Its linear and convolution layers."""
    return [one for one in inner_modules(module) if isinstance(one, Layer) and one.kind in LINEAR]


def owners(value: Value) -> list[Value] | None:
    """The modules whose parameters an optimizer's first argument holds; None where that cannot be told."""
    found: list[Value] = []
    for one in options_of(value):
        if isinstance(one, Made) and one.kind in ("parameters", "parameter"):
            found += one.args
        elif isinstance(one, Items):
            inner = list(one.items)
            if one.kind == "dict":
                inner = [
                    v for k, v in zip(one.keys, one.items, strict=False) if isinstance(k, Known) and k.value == "params"
                ]
            for part in inner:
                deeper = owners(part)
                if deeper is None:
                    return None
                found += deeper
        else:
            return None
    return found or None


def perhaps_taught(script: Script, layer: Value) -> bool:
    """Whether an optimizer holds it, or may."""
    held = [owners(one.args[0]) if one.args else None for one in script.optimizers]
    return not held or any(parts is None or any(within(layer, part) for part in parts) for parts in held)


def within(inner: Value, outer: Value) -> bool:
    """Whether a module is another one or a part of it."""
    return any(one is inner for one in inner_modules(outer))


def line_of(trace: Trace, place: Place) -> str:
    """The text of a line of the script itself."""
    return trace.lines[place.line - 1] if 0 < place.line <= len(trace.lines) else ""


def class_of(module: Value) -> str:
    """A module's kind, for words."""
    return (
        module.kind if isinstance(module, Layer) else module.cls.name if isinstance(module, Instance) else "the model"
    )
