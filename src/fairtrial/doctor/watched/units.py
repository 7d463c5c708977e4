"""ReLU layers: which of their units never speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fairtrial.doctor import observations
from fairtrial.doctor.tensors import (
    ACCUMULATE,
    LAYERS,
    NORMS,
    hidden,
    name_of,
    past_reshaping,
    rectifies,
    shortcuts,
    walk,
)
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

PAUSE = 50  # steps at most without a look for new layers
ALIVE = 2048  # examples for which a unit must be silent to count as dead
FEW = 4  # examples of a batch that are asked first which units are alive


@dataclass
class _Relu:
    """What a ReLU layer gave since the last count."""

    units: int
    silent: Tensor  # the places of the units that gave nothing but zero
    silenced: str | None  # the line that set the biases, if they are too far below zero for its inputs
    examples: int = 0
    until: int = 4  # the step at which it is told


class Units(Part):
    """The units of ReLU layers."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.relus: dict[tuple[str | None, int], _Relu] = {}
        self.due = 4  # steps
        self.awake = False  # ReLUs are looked at
        self.beside: dict[str, bool] = {}  # lines of ReLUs that something passes beside
        self.hidden: set[str] = set()  # lines of ReLUs that layers come after

    @property
    def now(self) -> int:
        """Steps so far; backward passes, where steps are made by hand."""
        return self.watch.steps if self.watch.optimizers.optimizers else self.watch.backwards

    def wake(self) -> None:
        """After one more step, or backward pass: look at what ReLUs give, for as many examples as are needed."""
        self.awake = self.now >= self.due

    def wanted(self, result: Any) -> bool:
        """Whether a ReLU gave it inside a model, of modules or by hand."""
        inside = self.watch.depth == 1 or (self.watch.depth == 0 and bool(self.watch.by_hand))
        return inside and self.watch.looking and isinstance(result, Tensor) and result.dim() > 1

    @careful
    def on_relu(self, result: Tensor, where: str | None, named: bool) -> None:
        """Which units of a layer gave something else than zero. What is not in a model, or a clamp, may be a loss."""
        if where not in self.hidden and not (named and self.watch.depth):
            return
        shape = result.shape[1]
        known = self.relus.get((where, shape))
        if known is None:
            places = torch.arange(shape, device=result.device)
            known = self.relus[where, shape] = _Relu(shape, places, self.silenced(result))
        if known.until <= self.now:
            if known.examples:
                self.tell(where, known)
            known.silent, known.examples = torch.arange(shape, device=result.device), 0
            known.until = max(16, 2 * self.now)
        if known.examples < ALIVE:
            # A few examples wake most units; the whole batch is read only for those that stay silent.
            for part in (result[:FEW], result[FEW:]):
                if len(known.silent) and len(part):
                    x = part.detach().index_select(1, known.silent)
                    spoke = (x != 0).any(0) if x.dim() == 2 else (x.transpose(0, 1).flatten(1) != 0).any(1)
                    known.silent = known.silent[~spoke]
            known.examples += len(result)
        if all(one.examples >= ALIVE for one in self.relus.values()):
            self.due = min(self.now + PAUSE, *(one.until for one in self.relus.values()))
            self.wake()

    @careful
    def before_backward(self, loss: Tensor) -> None:
        """A backward pass is about to begin: what leads past each ReLU, and on from it, is seen once."""
        if self.watch.backwards > 1 and not self.beside and any(map(rectifies, walk(loss))):
            self.beside, self.hidden = shortcuts(loss), hidden(loss)

    def silenced(self, result: Tensor) -> str | None:
        """The line that set the biases before a ReLU, if they are below what weights make of inputs of size 1."""
        node: Any = result.grad_fn
        biases: list[Tensor] = []
        spread = 0.0
        while node is not None:
            before = [one for one, _ in node.next_functions if one is not None]
            leaves = [(one, end.variable) for one in before if name_of(end := past_reshaping(one)) == ACCUMULATE]
            biases += [leaf for _, leaf in leaves if leaf.dim() == 1][-1:]
            if name_of(node) in LAYERS | NORMS:
                for one, leaf in leaves:
                    if not any(leaf is bias for bias in biases):
                        unit = leaf.detach()[:, 0] if name_of(node) == "Mm" and name_of(one) == ACCUMULATE else leaf[0]
                        spread = max(spread, float(unit.detach().norm()))
                break
            node = next((one for one in before if not any(one is leaf for leaf, _ in leaves)), None)
        low = node is not None and biases and float(biases[0].detach().median()) < -3 * spread
        return self.watch.writes.line(biases[0]) if low else None

    def tell(self, where: str | None, known: _Relu) -> None:
        """What became of a layer's units."""
        dead = len(known.silent)
        self.watch.note(
            observations.Units(
                step=self.watch.steps,
                where=where,
                units=known.units,
                dead=dead,
                examples=known.examples,
                silenced=known.silenced,
                beside=self.beside.get(where or "", False),
            )
        )

    def finish(self) -> None:
        """Tell what is left to tell."""
        for (where, _), known in self.relus.items():
            self.tell(where, known)
