"""States: which were taken of a model, which are still held, and what was loaded."""

from __future__ import annotations

import weakref
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from fairtrial.doctor.lines import ours, place
from fairtrial.doctor.observations import StateLoaded, StateTaken
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch


class States(Part):
    """What state_dict() gave and load_state_dict() took."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.taken: list[tuple[Any, StateTaken]] = []
        self.pointers: dict[int, int] = {}  # where the weights of models lie that were evaluated
        self.copied: set[tuple[int, int]] = set()
        self.back: set[tuple[int, int]] = set()

    @careful
    def on_taken(self, module: nn.Module, state: Any, where: str | None) -> None:
        """A state was taken of a model."""
        seen = StateTaken(step=self.watch.steps, where=where, model=self.watch.serial(module), kept=False)
        self.taken.append((weakref.ref(state), seen))

    @careful
    def on_copied(self, tensor: Tensor, frame: FrameType) -> None:
        """Weights of an evaluated model were copied: by clone(), numpy(), deepcopy() or into a vector."""
        model = self.pointers.get(tensor.data_ptr())
        if model is not None and not ours(frame) and (self.watch.steps, model) not in self.copied:
            self.copied.add((self.watch.steps, model))
            self.watch.note(StateTaken(step=self.watch.steps, where=place(frame), model=model, kept=False))

    @careful
    def on_put_back(self, tensor: Tensor, given: Any, frame: FrameType) -> None:
        """Something was written to a tensor by hand: a weight of an evaluated model to itself?"""
        model = self.pointers.get(tensor.data_ptr())
        own = isinstance(given, Tensor) and given.data_ptr() == tensor.data_ptr() and given.shape == tensor.shape
        if own and model is not None and self.watch.looking and (self.watch.steps, model) not in self.back:
            self.back.add((self.watch.steps, model))
            seen = StateLoaded(
                step=self.watch.steps,
                where=place(frame),
                model=model,
                missing=(),
                unexpected=(),
                matched=1,
                own=("a weight",),
            )
            self.watch.note(seen)

    def settle(self) -> None:
        """After a step: which states that were taken are still held."""
        for reference, seen in self.taken:
            kept = reference() is not None
            self.watch.note(replace(seen, kept=kept))
        self.taken.clear()

    @careful
    def on_loaded(self, module: nn.Module, state: Any, missing: Any, unexpected: Any, where: str | None) -> None:
        """A state was loaded into a model."""
        model = self.watch.serial(module)
        live = {tensor.data_ptr() for tensor in _state(module) if tensor.numel()}
        given = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
        own = {name for name, _ in module.named_parameters()} | {name for name, _ in module.named_buffers()}
        self.watch.note(
            StateLoaded(
                step=self.watch.steps,
                where=where,
                model=model,
                missing=tuple(missing),
                unexpected=tuple(unexpected),
                matched=len(own & set(state)),
                own=tuple(name for name, tensor in given.items() if tensor.data_ptr() in live),
            )
        )

    def finish(self) -> None:
        """The training is over."""
        self.settle()


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
