"""Rounds: the loops that train, and which of their turns came and went without a backward pass."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING

from torch import Tensor

from fairtrial.doctor import tensors
from fairtrial.doctor.loops import turns
from fairtrial.doctor.observations import Empty
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

ROWS = 16  # of an evaluation: fewer may be the same ones by chance


class Rounds(Part):
    """Turns of loops in which the same inputs are evaluated."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.training: set[str] = set()  # loops in which there was a backward pass
        self.turns: dict[tuple[object, ...], dict[object, int]] = {}  # of an evaluation: backward passes before it

    @careful
    def on_backward(self, frame: FrameType) -> None:
        """A backward pass: the loops around it train."""
        self.training.update(where for where, _ in turns(frame))

    @careful
    def on_evaluated(self, given: Tensor, model: int, frame: FrameType) -> None:
        """A model is asked without gradients: in which turn of which training loop."""
        around = [(where, values) for where, values in turns(frame) if where in self.training]
        if len(given) >= ROWS and around and around[0][1]:
            (_, values), *outer = around
            key = (model, tensors.row_digests(given[:1])[0], around[0][0], tuple(outer))
            self.turns.setdefault(key, {}).setdefault(values, self.watch.backwards)

    def finish(self) -> None:
        """The longest series of turns without a backward pass in between."""
        for (_, _, loop, _), seen in self.turns.items():
            passes = list(seen.values())
            same = max(map(passes.count, passes))
            if same > 2:  # one before and one after a turn
                self.watch.note(Empty(step=self.watch.steps, where=str(loop), turns=len(passes), empty=same - 1))
