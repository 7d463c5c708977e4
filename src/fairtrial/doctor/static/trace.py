"""What a script would do, in the order in which it would do it, as far as its source tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairtrial.doctor.static.values import Either, Items, Place, Tensor, Value, options_of

What = Literal[
    "loss", "pass", "backward", "step", "zero", "mode", "schedule", "made", "kept", "loaded", "init", "clip",
    "freeze", "flag", "divide", "argmax", "compared", "lent", "saved", "seed", "next", "module", "printed", "layer",
    "set", "given", "shuffled", "draw", "asked", "stream", "picked", "judged", "left", "repeated", "lost", "idle",
]  # fmt: skip


@dataclass(frozen=True)
class Loop:
    """A loop that is being run: what over, and in which of the two turns that are followed."""

    node: int
    over: Value
    turn: int
    name: str  # of what it counts


@dataclass(frozen=True)
class Event:
    """One thing that is done; `sure` where no condition decides whether it is."""

    what: What
    subject: Value
    place: Place
    sure: bool
    grad: bool
    loops: tuple[Loop, ...]
    args: tuple[Value, ...] = ()
    options: Mapping[str, Value] = field(default_factory=dict[str, Value])
    name: str = ""
    stack: tuple[Place, ...] = ()  # of the calls around, the innermost last
    tests: tuple[Value, ...] = ()  # of the conditions around that hold


@dataclass(frozen=True)
class Trace:
    """All that is done, and the script's text."""

    events: tuple[Event, ...]
    lines: tuple[str, ...] = ()
    loads: frozenset[str] = frozenset()  # names that are read anywhere

    def of(self, *what: What) -> list[Event]:
        """All events of these sorts."""
        return [event for event in self.events if event.what in what]

    def lent(self, value: Value) -> bool:
        """Whether unknown code got hold of it."""
        return any(value in options_of(arg) for event in self.of("lent") for arg in event.args)


def ancestors(value: Value) -> Iterator[Tensor]:
    """A tensor and all that it was made of, through known operations."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Either):
            todo += one.options
        elif isinstance(one, Items):
            todo += one.items
        elif isinstance(one, Tensor):
            yield one
            todo += one.parents
