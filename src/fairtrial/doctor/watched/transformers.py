"""scikit-learn's transformers: which fitted state made the rows that a model is given."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from fairtrial.doctor import tensors
from fairtrial.doctor.lines import lines_above
from fairtrial.doctor.observations import Fitted, Transformed
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

KEPT = 200_000  # rows
BYTES = 64_000_000  # of rows at most
DEEP = 4  # attributes of attributes

Made = tuple[tuple[Fitted, ...], tuple[str, ...]]  # by which states, the first one last, and the lines at work


class Transformers(Part):
    """Rows that transformers made, by their numbers as 32-bit floats, and the passes that were given some."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.rows: dict[int, Made] = {}
        self.bytes = 0
        self.given: dict[
            tuple[Made, str | None, bool], int
        ] = {}  # to a line's passes, with gradients or without: steps

    @careful
    def on_transformed(self, transformer: Any, given: Any, result: Any, frame: FrameType) -> None:
        """A transformer made rows of others."""
        if not isinstance(result, np.ndarray) or result.ndim != 2 or result.dtype.kind != "f":
            return
        self.bytes += result.size * 4
        if len(result) < 2 or len(self.rows) + len(result) > KEPT or self.bytes > BYTES:
            return
        before: tuple[Fitted, ...] = ()
        if isinstance(given, np.ndarray) and given.ndim == 2 and given.dtype.kind == "f":
            before = self.rows.get(_digests(given[:1])[0], ((), ()))[0]
        made = (Fitted(type(transformer).__name__, _state(transformer, DEEP)), *before), tuple(lines_above(frame))
        self.rows.update(dict.fromkeys(_digests(result), made))

    def note(self, given: Tensor | None, where: str | None) -> None:
        """A model was given rows: the first of them tells for all."""
        if self.rows and given is not None and given.is_floating_point() and given.dim() > 1:
            made = self.rows.get(tensors.row_digests(given[:1].detach().float())[0])
            if made is not None:
                self.given.setdefault((made, where, torch.is_grad_enabled()), self.watch.steps)

    def finish(self) -> None:
        """Which states made what was taught, and what was evaluated."""
        for ((fitted, lines), where, grad), step in self.given.items():
            learned = grad and where in self.watch.inputs.learned
            self.watch.note(Transformed(step=step, where=where, learned=learned, fitted=fitted, lines=lines))


def _digests(rows: Any) -> list[int]:
    return tensors.row_digests(torch.from_numpy(np.ascontiguousarray(rows, np.float32)))


def _state(held: Any, deep: int) -> int:
    """A number for what was fitted: equal states have equal ones, whatever they were fitted to."""
    if isinstance(held, np.ndarray):
        return hash(held.tobytes() if held.dtype != object else str(held))
    if deep and isinstance(held, list | tuple):
        return hash(tuple(_state(one, deep - 1) for one in held))
    if deep and isinstance(held, dict):
        return hash(tuple((key, _state(one, deep - 1)) for key, one in held.items()))
    if deep and hasattr(held, "get_params"):
        fitted = {name: one for name, one in vars(held).items() if name.endswith("_") and "n_samples" not in name}
        return _state(fitted, deep - 1)
    return hash(held) if isinstance(held, int | float | str | np.generic) else 0
