"""What a name in a script may stand for, as far as the source tells; a plain `Value` is anything at all."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(eq=False)
class Value:
    """Something of which nothing is known."""


@dataclass(eq=False)
class Known(Value):
    """A number, a text, a truth or None."""

    value: object


@dataclass(eq=False)
class Slice(Value):
    """`lower:upper:step`; None where a bound is left out."""

    lower: Value | None = None
    upper: Value | None = None
    step: Value | None = None


@dataclass(eq=False)
class Library(Value):
    """A name of an imported library, in full: torch.nn.Linear."""

    name: str


@dataclass(eq=False)
class Scope:
    """Names and the scope around them."""

    names: dict[str, Value]
    outer: Scope | None
    path: str
    shared: set[str] = field(default_factory=set[str])  # declared global or nonlocal

    def find(self, name: str) -> Value | None:
        """What the name stands for, here or further out."""
        if name in self.names:
            return self.names[name]
        return self.outer.find(name) if self.outer else None

    def bind(self, name: str, value: Value) -> None:
        """Give the name a value, where it is declared."""
        if name in self.shared and self.outer:
            self.outer.bind(name, value)
        else:
            self.names[name] = value


@dataclass(eq=False)
class Names(Value):
    """A module that lies beside the script."""

    scope: Scope


@dataclass(eq=False)
class Function(Value):
    """A function or lambda of the script, with the object that it is bound to."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    owner: Value | None = None


@dataclass(eq=False)
class Class(Value):
    """A class of the script."""

    name: str
    bases: tuple[Value, ...]
    members: dict[str, Value]
    place: Place
    fields: tuple[str, ...] = ()  # annotated names, in order: what a dataclass is made with

    def member(self, name: str) -> Value | None:
        """A member, its own or of a base."""
        if name in self.members:
            return self.members[name]
        found = (base.member(name) for base in self.bases if isinstance(base, Class))
        return next((one for one in found if one is not None), None)

    @property
    def roots(self) -> frozenset[str]:
        """Full names of the library classes that it comes from; '?' for what is not known."""
        found: set[str] = set()
        for base in self.bases:
            found |= base.roots if isinstance(base, Class) else {base.name if isinstance(base, Library) else "?"}
        return frozenset(found)


@dataclass(eq=False)
class Module(Value):
    """A torch module: a library's layer or an object of a class of the script."""

    place: Place
    training: bool | None = field(default=True, kw_only=True)  # None: it depends


@dataclass(eq=False)
class Layer(Module):
    """A module of torch.nn, with what it was made with."""

    kind: str
    args: tuple[Value, ...]
    options: Mapping[str, Value]
    children: list[Value]


@dataclass(eq=False)
class Instance(Module):
    """An object of a class of the script."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict[str, Value])

    @property
    def is_module(self) -> bool:
        """Whether its class is a torch module's."""
        return any(root.startswith("torch.nn.") for root in self.cls.roots)


@dataclass(eq=False)
class Tensor(Value):
    """What an operation made of other values."""

    op: str
    parents: tuple[Value, ...]
    place: Place
    options: Mapping[str, Value] = field(default_factory=dict[str, Value])
    maker: Value | None = None  # the layer or scaler


MadeKind = Literal[
    "optimizer",
    "scheduler",
    "loader",
    "dataset",
    "transform",
    "parameters",
    "parameter",
    "state",
    "copied state",
    "modules",
    "guard",
    "scaler",
    "generator",
    "iterator",
    "partial",
    "parser",
    "fitted",
]


@dataclass(eq=False)
class Made(Value):
    """An object of a library, with what it was made with."""

    kind: MadeKind
    name: str
    args: tuple[Value, ...]
    options: Mapping[str, Value]
    place: Place


@dataclass(eq=False)
class Items(Value):
    """A list, tuple, set or dict; `whole` where all that is in it is known."""

    kind: Literal["list", "tuple", "dict"]
    items: list[Value]
    keys: list[Value]
    whole: bool
    place: Place
    repeated: bool = False  # [one] * n
    around: int = 0  # loops around its making of which not all turns are followed


@dataclass(eq=False)
class Parent(Value):
    """`super()` in a method of a class: the object, as its bases see it."""

    owner: Value
    home: Class

    def member(self, name: str) -> Value | None:
        """A member of the bases."""
        found = (base.member(name) for base in self.home.bases if isinstance(base, Class))
        return next((one for one in found if one is not None), None)


@dataclass(eq=False)
class Method(Value):
    """A method of a value, not yet called."""

    owner: Value
    name: str


@dataclass(eq=False)
class Either(Value):
    """One of several, depending on what only a run would tell."""

    options: tuple[Value, ...]


def either(a: Value | None, b: Value | None) -> Value:
    """What is known of a value that is one or the other; nothing and None give way."""
    options: list[Value] = []
    for one in (a, b):
        for option in one.options if isinstance(one, Either) else (one,):
            if option is None or (isinstance(option, Known) and option.value is None) or option in options:
                continue
            if any(same(option, other) for other in options):
                continue
            options.append(option)
    if not options:
        return Known(None)
    if len(options) > 4:
        return Value()
    return options[0] if len(options) == 1 else Either(tuple(options))


def same(a: Value, b: Value) -> bool:
    """Whether two values are one, or two numbers or texts that are equal."""
    return a is b or (isinstance(a, Known) and isinstance(b, Known) and repr(a.value) == repr(b.value))


def number(value: Value | None) -> float | None:
    """The number, if it is one."""
    if isinstance(value, Known) and isinstance(value.value, int | float) and not isinstance(value.value, bool):
        return float(value.value)
    return None


def options_of(value: Value) -> tuple[Value, ...]:
    """All that it may be."""
    return value.options if isinstance(value, Either) else (value,)
