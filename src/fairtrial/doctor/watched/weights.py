"""The matrices and kernels that learn, of modules and by hand, as they are at the start."""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fairtrial.doctor import observations, tensors
from fairtrial.doctor.tensors import ACCUMULATE, PRODUCTS, RESHAPING, is_layer, name_of
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

ASKED = 50_000  # numbers that tell the deviation of what a layer is given
LOOKED = (0, 3)  # steps after which they are looked at
ROUNDING = 1e-6  # as a share of the largest gradient: less is none


View = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class _Weight:
    """A tensor that a layer multiplies by, as rows of units."""

    tensor: Tensor
    views: tuple[View, ...]  # what makes of it what the layer is given
    columns: bool  # its units are its columns
    grouped: bool  # units see different inputs
    last: bool  # no other layer comes after it
    beside: bool  # it is not 0, or something passes the model beside it
    signal: float | None  # deviation of what the layer is given, from one example to the next

    def given(self, tensor: Tensor) -> Tensor:
        """As the layer is given it."""
        for view in self.views:
            tensor = view(tensor)
        return tensor

    def rows(self, tensor: Tensor) -> Tensor:
        """A row for each unit."""
        given = self.given(tensor.detach())
        if self.columns:
            return given.mT.flatten(0, -2)
        return given.flatten(1)


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
            self.held = list({weight.given(weight.tensor).data_ptr(): weight for weight in _weights(loss)}.values())

    @careful
    def after_backward(self) -> None:
        """A backward pass is over."""
        if not self.held:
            return
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
            signal=weight.signal,
        )


def _weights(loss: Tensor) -> Iterator[_Weight]:
    """Parameters that layers multiply by, those near the loss first."""
    last = set(tensors.head(loss).layers)
    for node in filter(is_layer, tensors.walk(loss)):
        product, operands = name_of(node) in PRODUCTS, [before for before, _ in node.next_functions]
        for place, before in list(enumerate(operands))[-2 if product else 0 :]:
            tensor, views = _source(before)
            if tensor is None:
                continue
            right = product and place == len(operands) - 1
            weight = _Weight(
                tensor,
                views,
                columns=right,
                grouped=False,
                last=node in last,
                beside=bool(tensor.any()) or tensors.passes_beside(loss, {node}),
                signal=_signal(node, right),
            )
            if (given := weight.given(tensor)).dim() > 1:
                yield replace(weight, grouped=given.dim() == 3 and len(given) > 1 if product else _groups(node) > 1)


def _source(node: Any) -> tuple[Tensor | None, tuple[View, ...]]:
    """The parameter that an operation is given, and what was done to its shape before."""
    views: list[View] = []
    while node is not None and name_of(node) in RESHAPING and node.next_functions:
        views.append(_view(node))
        node = node.next_functions[0][0]
    leaf = node.variable if node is not None and name_of(node) == ACCUMULATE else None
    return leaf, tuple(reversed(views))


def _view(node: Any) -> View:
    """What a node of a graph did to the shape of a tensor; numbers are not repeated."""
    name, shape = name_of(node), tuple(node._input_metadata[0].shape)
    if name == "T":
        return Tensor.t
    if name == "Transpose":
        axes = _axis(node._saved_dim0), _axis(node._saved_dim1)
        return lambda x: x.transpose(*axes)
    if name == "Permute":
        order = [_axis(axis) for axis in node._saved_dims]
        return lambda x: x.permute(order)
    if name == "Select":
        axis, index = _axis(node._saved_dim), _axis(node._saved_index)
        return lambda x: x.select(axis, index)
    if name == "Slice":
        axis, begin = _axis(node._saved_dim), _axis(node._saved_start)
        return lambda x: x.narrow(axis, begin % x.shape[axis], shape[axis])
    return lambda x: x.reshape(shape) if x.numel() == math.prod(shape) else x


def _axis(number: int) -> int:
    """Torch keeps numbers below 0 as if they had no sign."""
    return number - 2**64 if number >= 2**63 else number


def _signal(node: Any, right: bool) -> float | None:
    """The deviation of what a layer is given, from one example to the next; None where it is not kept."""
    name = name_of(node)
    if name == "Convolution":
        given = node._saved_input
    elif name in ("Addmm", "Mm", "Bmm"):
        left = node._saved_mat1 if name == "Addmm" else node._saved_self
        given = (left if right else node._saved_mat2.mT).flatten(0, -2)
    else:
        return None
    if len(given) < 2:
        return None
    x = given[: max(ASKED // given[0].numel(), 8)].detach().float()
    return float(((x - x.mean(0)).square().mean() * len(x) / (len(x) - 1)).sqrt())  # var(0) takes ten times as long


def _groups(node: Any) -> int:
    return node._saved_groups if "Convolution" in node.name() else 1


def _rounded(numbers: Tensor, digits: int) -> Tensor:
    """As shares of the largest."""
    return (numbers.double() / numbers.abs().max().clamp_min(1e-30)).mul(10**digits).round()
