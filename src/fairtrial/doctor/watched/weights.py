"""The matrices and kernels that learn, of modules and by hand, as they are at the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fairtrial.doctor import observations, tensors
from fairtrial.doctor.tensors import ACCUMULATE, LAYERS, RESHAPING, name_of
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

LOOKED = (0, 3)  # steps after which they are looked at
ROUNDING = 1e-6  # as a share of the largest gradient: less is none


@dataclass(frozen=True)
class _Weight:
    """A tensor that a layer multiplies by, as rows of units."""

    tensor: Tensor
    columns: bool  # its units are its columns
    grouped: bool  # units see different inputs
    last: bool  # no other layer comes after it
    beside: bool  # it is not 0, or something passes the model beside it

    def rows(self, tensor: Tensor) -> Tensor:
        """A row for each unit."""
        return (tensor.detach().movedim(1, 0) if self.columns else tensor.detach()).flatten(1)


class Weights(Part):
    """Weights at the first backward pass, and once more when some steps are made."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.held: list[_Weight] = []
        self.looked: set[int] = set()

    @careful
    def hold(self, loss: Tensor) -> None:
        """A backward pass is about to begin: remember what it will give gradients."""
        if self.watch.steps in LOOKED and self.watch.steps not in self.looked:
            self.looked.add(self.watch.steps)
            self.held = list({id(weight.tensor): weight for weight in _weights(loss)}.values())

    @careful
    def after_backward(self) -> None:
        """A backward pass is over."""
        held, self.held = self.held, []
        largest = max(
            (float(weight.tensor.grad.norm()) for weight in held if weight.tensor.grad is not None), default=0
        )
        for weight in reversed(held):
            self.watch.note(self.describe(weight, largest))

    def describe(self, weight: _Weight, largest: float) -> observations.Weights:
        """One weight; its units are told apart by one number each."""
        rows, grad = weight.rows(weight.tensor), weight.tensor.grad
        idle = grad is None or float(grad.norm()) <= ROUNDING * largest
        probe = torch.cos(torch.arange(1, rows.shape[1] + 1, device=rows.device)).to(rows.dtype)
        numbers = _rounded(rows @ probe, 6)
        changes = numbers if grad is None or idle else _rounded(weight.rows(grad) @ probe, 4)
        learning = torch.ones_like(numbers, dtype=torch.bool) if idle else changes != 0
        pairs = torch.stack([numbers, changes], 1)[learning]
        return observations.Weights(
            step=self.watch.steps,
            where=self.watch.writes.line(weight.tensor),
            parameter=self.watch.serial(weight.tensor),
            shape=tuple(weight.tensor.shape),
            units=len(rows),
            distinct=len(numbers.unique()),
            learning=int(learning.sum()),
            apart=len(pairs.unique(dim=0)),
            zero=not bool(rows.any()),
            idle=idle,
            gain=float(rows.float().square().mean().mul(rows.shape[1]).sqrt()),
            grouped=weight.grouped,
            last=weight.last,
            beside=weight.beside,
        )


def _weights(loss: Tensor) -> Iterator[_Weight]:
    """Parameters that layers multiply by, those near the loss first."""
    last = set(tensors.head(loss).layers)
    for node in tensors.walk(loss):
        if name_of(node) not in LAYERS:
            continue
        for place, (before, _) in enumerate(node.next_functions):
            inner, turned = before, False
            while inner is not None and name_of(inner) in RESHAPING and inner.next_functions:
                turned ^= name_of(inner) in ("T", "Transpose")
                inner = inner.next_functions[0][0]
            if inner is None or name_of(inner) != ACCUMULATE or inner.variable.dim() < 2:
                continue
            product = name_of(node) in ("Addmm", "Mm", "Addmv", "Mv")
            left = product and place == len(node.next_functions) - 2
            grouped = not product and _groups(node) > 1
            beside = bool(inner.variable.any()) or _passes_beside(loss, node)
            yield _Weight(inner.variable, product and left == turned, grouped, node in last, beside)


def _passes_beside(loss: Tensor, layer: Any) -> bool:
    """Whether the loss depends on data in a way that does not lead through this layer."""
    found, waiting = {layer}, [loss.grad_fn]
    while waiting:
        node: Any = waiting.pop()
        if node in found:
            continue
        found.add(node)
        operands = [before for before, _ in node.next_functions]
        if name_of(node) == "Embedding" or (None in operands and name_of(node) in LAYERS | {"Add", "Sub", "Cat"}):
            return True
        waiting += [before for before in operands if before is not None]
    return False


def _groups(node: Any) -> int:
    return node._saved_groups if "Convolution" in node.name() else 1  # pyright: ignore[reportPrivateUsage]


def _rounded(numbers: Tensor, digits: int) -> Tensor:
    """As shares of the largest."""
    return (numbers.double() / numbers.abs().max().clamp_min(1e-30)).mul(10**digits).round()
