"""The line of a model that asks for an operation, where that is not simply the innermost one of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from torch import nn

from fairtrial.doctor.lines import foreign, shown

MODULES = str(Path(nn.__file__).parent / "modules")


def called_by(frame: FrameType | None, built: Mapping[Any, str | None], end: CodeType | None = None) -> str | None:
    """The line of the user's that calls a layer of torch; the line that built it, if a container of torch calls it.

    Lines outside of the function with the code `end` do not belong to the model.
    """
    layers: list[Any] = []  # of torch, innermost first
    while frame is not None and frame.f_code is not end:
        path = frame.f_code.co_filename
        if path.startswith(MODULES):
            layer = frame.f_locals.get("self")
            if (
                layer is not None and built.get(layer) and layer not in layers
            ):  # a copy was built by no line of the user's
                layers.append(layer)
        elif not foreign(path):
            return f"{shown(path)}:{frame.f_lineno}" if len(layers) < 2 else built[layers[0]]
        frame = frame.f_back
    return built[layers[0]] if layers else None
