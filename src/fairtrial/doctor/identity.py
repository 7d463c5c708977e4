"""What is known of things, as long as they live: by identity, for tensors compare their numbers."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, MutableMapping
from functools import partial
from typing import Any, TypeVar

Value = TypeVar("Value")


class ByIdentity(MutableMapping[Any, Value]):
    """Values of things that are not kept alive by them; asked several times at each step, so it has to be quick."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[weakref.ref[Any], Value]] = {}

    def get(self, thing: object, default: Any = None) -> Any:
        """The value of a thing, or what is said instead where there is none."""
        held = self._held.get(id(thing))
        return held[1] if held is not None and held[0]() is thing else default

    def __getitem__(self, thing: object) -> Value:
        reference, value = self._held[id(thing)]
        if reference() is not thing:
            raise KeyError(thing)
        return value

    def __contains__(self, thing: object) -> bool:
        held = self._held.get(id(thing))
        return held is not None and held[0]() is thing

    def __setitem__(self, thing: object, value: Value) -> None:
        self._held[id(thing)] = weakref.ref(thing, partial(self._forget, id(thing))), value

    def __delitem__(self, thing: object) -> None:
        del self._held[id(thing)]

    def __iter__(self) -> Iterator[Any]:
        living = (reference() for reference, _ in list(self._held.values()))
        return (thing for thing in living if thing is not None)

    def __len__(self) -> int:
        return len(self._held)

    def _forget(self, number: int, reference: weakref.ref[Any]) -> None:
        """A thing is gone; its number may be another thing's already."""
        if (held := self._held.get(number)) is not None and held[0] is reference:
            del self._held[number]
