"""CIFAR's Python batches are pickles: their opcodes are read as data, and nothing in them is ever called."""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtrial.spec.errors import DataError

RECONSTRUCT = frozenset({"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"})
NDARRAY = "numpy ndarray"
DTYPE = "numpy dtype"
# How Python 3 writes bytes into protocol 2: a latin-1 text and the call that would encode it.
ENCODE = "_codecs encode"
ALLOWED = RECONSTRUCT | {NDARRAY, DTYPE, ENCODE}


@dataclass(frozen=True)
class _Name:
    """A function or class that the pickle names; it stays a name."""

    text: str


@dataclass
class _Array:
    """An array being described; its content comes with the opcode that builds it."""

    content: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class _Dtype:
    code: str


class _UnsafeError(Exception):
    """The pickle holds something that a batch of images does not."""


@dataclass
class _Machine:
    """The pickle machine's stack, marks and memory, for the few opcodes that plain data need."""

    stack: list[Any] = field(default_factory=list[Any])
    marks: list[int] = field(default_factory=list[int])
    memory: dict[int, Any] = field(default_factory=dict[int, Any])

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode]())
        elif opcode in _LITERALS:
            self.stack.append(argument)
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self, argument)
        else:
            raise _UnsafeError(f"opcode {opcode}")

    def above_mark(self) -> list[Any]:
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def tuple_of(self, count: int) -> None:
        taken = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(taken)

    def memorise(self, place: int | None) -> None:
        self.memory[len(self.memory) if place is None else place] = self.stack[-1]

    def name(self, text: str) -> None:
        if text not in ALLOWED:
            raise _UnsafeError(f"it names {text.replace(' ', '.')}")
        self.stack.append(_Name(text))

    def stack_name(self) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        self.name(f"{module} {attribute}")

    def set_items(self, flat: list[Any]) -> None:
        _expect(self.stack[-1], dict).update(zip(flat[::2], flat[1::2], strict=True))

    def extend(self, items: list[Any]) -> None:
        _expect(self.stack[-1], list).extend(items)

    def call(self) -> None:
        """What a call would give, written down instead of called."""
        arguments, function = self.stack.pop(), _expect(self.stack.pop(), _Name)
        if function.text in RECONSTRUCT and arguments[0] == _Name(NDARRAY):
            self.stack.append(_Array())
        elif function.text == DTYPE:
            self.stack.append(_Dtype(_text(arguments[0])))
        elif function.text == ENCODE and arguments[1] == "latin1":
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise _UnsafeError(f"a call of {function.text.replace(' ', '.')}")

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, _Array):
            _, shape, dtype, by_columns, content = state
            target.content = _bytes_array(shape, dtype, by_columns, content)
        elif not isinstance(target, _Dtype):
            raise _UnsafeError("a state for something that is no array")


def _bytes_array(shape: Any, dtype: Any, by_columns: Any, content: Any) -> NDArray[np.uint8]:
    if dtype != _Dtype("u1") or by_columns:
        raise _UnsafeError("an array that is not of unsigned bytes, row by row")
    raw = content.encode("latin-1") if isinstance(content, str) else content
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _expect(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise _UnsafeError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1")
_TEXTS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
_LITERALS = frozenset({*_NUMBERS, *_TEXTS, *_BYTES})
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "PUT": lambda machine, place: machine.memorise(place),
    "BINPUT": lambda machine, place: machine.memorise(place),
    "LONG_BINPUT": lambda machine, place: machine.memorise(place),
    "MEMOIZE": lambda machine, _: machine.memorise(None),
    "GET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "BINGET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "LONG_BINGET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.above_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": lambda machine, _: machine.stack.append(machine.above_mark()),
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.above_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.above_mark()),
    "GLOBAL": lambda machine, text: machine.name(text),
    "STACK_GLOBAL": lambda machine, _: machine.stack_name(),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
}


def read_batch(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(n, 3072) pixels and (n,) labels of one Python batch; anything but plain arrays, lists and texts is refused."""
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # texts with odd escapes; they are refused or never looked at
            for opcode, argument, _ in pickletools.genops(content):
                machine.step(opcode.name, argument)
        batch = {_text(key): value for key, value in _expect(machine.stack[-1], dict).items()}
        pixels = _expect(batch["data"], _Array).content
        labels = np.array(_expect(batch["labels"], list), dtype=np.int64)
    except (_UnsafeError, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{where}: unsafe content: not a plain batch of images: {error}") from error
    if pixels is None or pixels.ndim != 2 or pixels.shape != (len(labels), 3072):
        raise DataError(
            f"{where}: {len(labels)} labels do not fit pixels of shape {pixels if pixels is None else pixels.shape}"
        )
    return pixels, labels
