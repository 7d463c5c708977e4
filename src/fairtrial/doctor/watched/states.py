"""States: which were taken of a model, which are still held, and what was loaded."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from fairtrial.doctor.lineage import choice, picked
from fairtrial.doctor.lines import ours, place
from fairtrial.doctor.observations import Aliased, StateLoaded, StateTaken
from fairtrial.doctor.watched.part import Part, careful
from fairtrial.doctor.watched.variables import variables

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch


FEW = 8  # things in a container
OPTIM = str(Path(torch.optim.__file__).parent)


class States(Part):
    """What state_dict() gave and load_state_dict() took."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.taken: list[tuple[Any, StateTaken]] = []
        self.pointers: dict[int, int] = {}  # where the weights of models lie that were evaluated
        self.copied: set[tuple[int, int]] = set()
        self.back: set[tuple[int, int]] = set()

    @careful
    def on_learning_on(self, frames: tuple[FrameType, ...]) -> None:
        """Models are about to learn on after an evaluation: which of them a variable holds as the best one."""
        learning = {model for model, pending in self.watch.pending.items() if pending.seen.grad}
        for frame in frames:
            for name, value in variables(frame).items():
                whole = isinstance(value, nn.Module | type | ModuleType)
                inside = vars(value) if hasattr(value, "__dict__") and not whole else {}
                for key, held in ((name, value), *inside.items()):
                    model = next((n for n in map(self.watch.serials.get, _modules(held)) if n in learning), None)
                    chosen = picked(frame, key, attribute=key in inside) if model is not None else None
                    if chosen and model is not None and not self.watch.count(("aliased", chosen)):
                        where, choice = chosen
                        self.watch.note(Aliased(step=self.watch.steps, where=where, model=model, choice=choice))

    @careful
    def on_taken(self, module: nn.Module, state: Any, frame: FrameType) -> None:
        """A state was taken of a model."""
        seen = self.look(self.watch.serial(module), frame)
        self.taken.append((weakref.ref(state), seen))

    @careful
    def on_copied(self, tensor: Tensor, frame: FrameType) -> None:
        """Weights of an evaluated model were copied: by clone(), numpy(), deepcopy() or into a vector."""
        model = self.pointers.get(tensor.data_ptr())
        if model is None or (self.watch.steps, model) in self.copied or ours(frame) or _by_optimizer(frame):
            return
        self.copied.add((self.watch.steps, model))
        self.watch.note(self.look(model, frame))

    def look(self, model: int, frame: FrameType) -> StateTaken:
        """A line takes a model's state."""
        return StateTaken(step=self.watch.steps, where=place(frame), model=model, kept=False, choice=choice(frame))

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


def _by_optimizer(frame: FrameType | None) -> bool:
    """Whether an optimizer, or torch's averaging of weights, is at work: what it copies it keeps for itself."""
    while frame is not None:
        path, owner = frame.f_code.co_filename, frame.f_locals.get("self")
        if path.startswith(OPTIM) or isinstance(owner, Optimizer):
            return True
        frame = frame.f_back
    return False


def _modules(held: Any) -> list[nn.Module]:
    """The modules that a variable is, or a small container in it holds."""
    several = held.values() if isinstance(held, dict) else held if isinstance(held, tuple | list) else (held,)
    return [one for one in itertools.islice(several, FEW) if isinstance(one, nn.Module)]


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
