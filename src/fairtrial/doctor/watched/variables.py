"""What the script's variables hold, read without calling anything of the script's."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from types import FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np
from torch import Tensor, nn

MOST = 3000  # things that are looked at
DEEP = 4  # of lists in lists, attributes of attributes
LONG = 64  # items of a container


def variables(frame: FrameType) -> dict[str, Any]:
    """The names of a frame. Python may keep a copy of a function's: it is emptied, as it would keep tensors alive."""
    held = frame.f_locals
    found = dict(held)
    optimised = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # a function's, no module's
    if sys.version_info < (3, 13) and optimised and sys.getrefcount(held) == 3:
        held.clear()
    return found


def argument(frame: FrameType, value: object) -> int | None:
    """Which argument of a function that is at work was given this value."""
    held = variables(frame)
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return next((n for n, name in enumerate(name for name in names if name != "self") if held.get(name) is value), None)


def arrays(frames: Iterable[FrameType]) -> Iterator[Any]:
    """Tensors, NumPy arrays and lists that these frames can reach, each once, near ones first."""
    waiting = deque((value, 0) for frame in frames for name, value in variables(frame).items() if name[:2] != "__")
    met: set[int] = set()
    while waiting and len(met) < MOST:
        value, depth = waiting.popleft()
        if id(value) in met or isinstance(value, str | int | float | type | ModuleType | FunctionType | nn.Module):
            continue
        met.add(id(value))
        if isinstance(value, Tensor | np.ndarray | list):
            yield value
        if depth < DEEP and not isinstance(value, Tensor | np.ndarray):
            waiting.extend((one, depth + 1) for one in _inside(value))


def _inside(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value[:LONG])
    if isinstance(value, dict):
        return list(value.values())[:LONG]
    return list(vars(value).values())[:LONG] if hasattr(value, "__dict__") else []
