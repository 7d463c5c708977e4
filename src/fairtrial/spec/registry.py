"""Parts are found by name, and a part with arguments is written as words: `step 10 0.5`, `flip, crop 4`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, cast

from fairtrial.spec.errors import UnknownName, UsageError

Part = TypeVar("Part")
Added = TypeVar("Added")


class Registry(Generic[Part]):
    """Names of one kind of part, in the order they were registered."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, Part] = {}

    def add(self, name: str) -> Callable[[Added], Added]:
        """Decorator: register the part under `name`; the part stays what it is."""

        def register(part: Added) -> Added:
            self._parts[name] = cast("Part", part)
            return part

        return register

    def __getitem__(self, name: str) -> Part:
        if name not in self._parts:
            raise UnknownName(self.kind, name, self._parts)
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts


def number(word: str, what: str) -> float:
    """The word as a finite number, or a UsageError that says what it was for."""
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if value != value or abs(value) == float("inf"):
        raise UsageError(f"{what}: {word!r} is not a number; write it as in 0.1")
    return value


def call(registry: Registry[Callable[..., Part]], text: str) -> Part:
    """Build the part that `text` names: the first word is the name, the others are its numbers."""
    name, *words = text.split() or [""]
    make = registry[name]
    numbers = [number(word, f"{registry.kind} {name}") for word in words]
    try:
        inspect.signature(make).bind(*numbers)
    except TypeError:
        takes = [
            f"[{p.name}]" if p.default is not p.empty else p.name for p in inspect.signature(make).parameters.values()
        ]
        raise UsageError(f"{registry.kind} {text!r}: {name} takes {' '.join(takes) or 'no number'}") from None
    return make(*numbers)
