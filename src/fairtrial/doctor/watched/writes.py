"""Which line gave each tensor its values: asked of the weights of a model, as they were at its start."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import TYPE_CHECKING

from torch import Tensor, nn

from fairtrial.doctor.lines import foreign, place
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

KEPT = 100_000  # tensors


class Writes(Part):
    """Lines by the memory of what they wrote to: `.data` and the parameter itself are two tensors there."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.lines: dict[tuple[int, int], str] = {}
        self.drawn: dict[tuple[int, int], CodeType] = {}  # tensors that hold what was drawn, of size 1, and by whom
        self.open = True  # from the start, or from a module that is built, to the next backward pass

    def listen(self, wanted: bool) -> None:
        """Note what is written, or no longer."""
        if wanted != self.open:
            self.open = wanted
            self.watch.switch("writing", wanted)

    @careful
    def on_written(self, tensor: Tensor, frame: FrameType) -> None:
        """A line made a tensor, or wrote to it."""
        if self.watch.looking and len(self.lines) < KEPT and (where := place(frame)):
            self.lines[_memory(tensor)] = where
            self.drawn.pop(_memory(tensor), None)

    @careful
    def on_drawn(self, tensor: Tensor, frame: FrameType) -> None:
        """A line drew a tensor, which somebody may still scale."""
        self.on_written(tensor, frame)
        self.drawn[_memory(tensor)] = frame.f_code

    @careful
    def on_named(self, tensor: Tensor, frame: FrameType) -> None:
        """A line made a parameter of a tensor: it is told where nothing made or scaled that, or only drew it before.

        Nobody scales a tensor where requires_grad is set: the line of the same function that drew it is told.
        """
        memory, code = _memory(tensor), frame.f_code
        drawn = memory in self.drawn and not foreign(code.co_filename)
        bare = drawn and (isinstance(tensor, nn.Parameter) or self.drawn[memory] is not code)
        if self.watch.looking and (bare or memory not in self.lines):
            self.on_written(tensor, frame)

    def line(self, tensor: Tensor) -> str | None:
        """The last line that wrote to a tensor."""
        return self.lines.get(_memory(tensor))


def _memory(tensor: Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), tensor.numel()
