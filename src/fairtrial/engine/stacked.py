"""Nets of one shape trained as one: their numbers lie behind each other, and one product serves them all.

Most of a small net's step is not arithmetic but calling: a hundred functions for each net. A stack calls them once for
all K nets, on arrays with an axis more. Each net stays whole, its tensors are views of the stacked ones; products and
sums are asked for in the form in which a single net asks for them, so that the libraries take the same way to the bit.
That they do is no promise of theirs: `train.stack` tries it before it trusts a stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, cast

import torch
from torch import Tensor, nn

from fairtrial.engine.net import At
from fairtrial.engine.torch_net import FUNCTIONS, KeyedDropout, TorchNet, TorchOptimizer
from fairtrial.parts.optimizers import Batch
from fairtrial.spec import arch as a

LANES = 16  # numbers in the longest vector of a CPU
Pass = Callable[[Tensor, Sequence[At]], Tensor]  # of one layer in training: (K, n, ...) to (K, n, ...)


class Stack:
    """K nets of one architecture, with their optimizers, as one.

    Those whose `key` is equal, one beside the other, take their steps together: they have one rule and always one rate.
    """

    def __init__(
        self, nets: Sequence[TorchNet], optimizers: Sequence[TorchOptimizer], keys: Sequence[Any], arch: a.Arch,
        shape: a.Shape,
    ) -> None:  # fmt: skip
        self.nets, self.optimizers = nets, optimizers
        self.params = {name: _joined([net.learnt[name] for net in nets]) for name in nets[0].learnt}
        self.buffers = {name: _joined([net.buffers[name] for net in nets]) for name in nets[0].buffers}
        for net in nets:
            net.params = {name: p.detach() for name, p in net.learnt.items()}
        self.leaves = {name: p.detach().requires_grad_() for name, p in self.params.items()}
        neighbours = [[k for k, _ in group] for _, group in groupby(enumerate(keys), lambda pair: pair[1])]
        self.parts = [_Part(self, part, [optimizers[k] for k in part]) for part in neighbours]
        self.layers = [PASSES[type(layer)](self, name, layer, before) for name, layer, before in a.walk(arch, shape)]

    def forward(self, x: Tensor, at: Sequence[At]) -> Tensor:
        """Outputs (K, n, k) in training mode for inputs (K, n, height, width, channels) or (K, n, features)."""
        y = x.permute(0, 1, 4, 2, 3) if x.ndim == 5 else x
        for layer in self.layers:
            y = layer(y, at)
        self._outputs = y
        return y.detach()

    def backward(self, dlogits: Tensor) -> None:
        """Fill `grads` from the gradients of the K losses with respect to the outputs."""
        for p in self.leaves.values():
            p.grad = None
        self._outputs.backward(dlogits)
        del self._outputs

    @property
    def grads(self) -> dict[str, Tensor]:
        return {name: p.grad for name, p in self.leaves.items() if p.grad is not None}

    def hand_out(self, k: int) -> None:
        """Give net k its gradients, for whoever looks at it alone."""
        for name, g in self.grads.items():
            self.nets[k].learnt[name].grad = g[k]

    def norms(self) -> list[float]:
        """Euclidean norm of all gradients of each net."""
        each = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in self.grads.values()]
        return torch.linalg.vector_norm(torch.stack(each), dim=0).tolist()

    @torch.no_grad()
    def step(self, lrs: Sequence[float]) -> None:
        """Update all parameters from the gradients, net k at the rate lrs[k]."""
        grads = self.grads
        for part in self.parts:
            part.step(grads, lrs[part.rows.start])

    def disband(self) -> None:
        """Give each net numbers of its own, as if it had always been alone."""
        for net, optimizer in zip(self.nets, self.optimizers, strict=True):
            for tensor in (*net.learnt.values(), *net.buffers.values(), *optimizer.memory.values()):
                tensor.data = tensor.detach().clone()
            net.params = {name: p.detach() for name, p in net.learnt.items()}


class _Part:
    """The optimizers of neighbours in a stack as one: what they remember lies behind each other too."""

    def __init__(self, stack: Stack, places: list[int], optimizers: list[TorchOptimizer]) -> None:
        self.rows, self.rule = slice(places[0], places[-1] + 1), optimizers[0].rule
        self.params = self._pieces(stack.params)
        self.slots = [
            [piece for name in stack.params for piece in _pieces(_joined([o.slots[slot][name] for o in optimizers]))]
            for slot in self.rule.slots
        ]
        self.steps = [steps for name, p in stack.params.items() for steps in _counts(optimizers, name, p[self.rows])]

    def step(self, grads: dict[str, Tensor], lr: float) -> None:
        self.rule.fused(FUNCTIONS, Batch(self.params, self._pieces(grads), self.slots, self.steps), lr)

    def _pieces(self, tensors: dict[str, Tensor]) -> list[Tensor]:
        return [piece for tensor in tensors.values() for piece in _pieces(tensor[self.rows])]


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    """All in one where each net's fill whole vectors, else net by net: what is left over is computed differently."""
    return (tensor,) if tensor[0].numel() % LANES == 0 else tensor.unbind()


def _counts(optimizers: Sequence[TorchOptimizer], name: str, p: Tensor) -> list[Tensor]:
    """For each piece of p a number that counts its steps; where it is one for several nets they share it."""
    counts = [optimizer.slots["step"][name] for optimizer in optimizers]
    if len(_pieces(p)) == 1:
        for count in counts:
            count.data = counts[0].data
        return counts[:1]
    return counts


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """All in one (K, ...), of which each becomes a view."""
    whole = torch.stack([tensor.detach() for tensor in tensors])
    for tensor, row in zip(tensors, whole, strict=True):
        tensor.data = row
    return whole


class _Products(torch.autograd.Function):
    """x (K, n, i), weight (K, o, i), bias (K, o) to x weight^T + bias (K, n, o), as `torch.nn.functional.linear`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        across = weight.transpose(1, 2)
        return torch.bmm(x, across) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, across)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        dy, (x, weight) = grads[0], ctx.saved_tensors
        dx = torch.bmm(dy, weight) if ctx.needs_input_grad[0] else None
        db = dy.sum(1) if ctx.needs_input_grad[2] else None
        return dx, torch.bmm(dy.transpose(1, 2), x), db


def _flatten(stack: Stack, name: str, layer: a.Layer, before: a.Shape) -> Pass:
    return lambda x, at: x.flatten(2)


def _linear(stack: Stack, name: str, layer: a.Layer, before: a.Shape) -> Pass:
    weight, bias = stack.leaves[f"{name}.weight"], stack.leaves.get(f"{name}.bias")
    product: Callable[..., Any] = _Products.apply

    def summed(x: Tensor, at: Sequence[At]) -> Tensor:
        return product(x, weight, bias)

    return summed


def _batch_norm(stack: Stack, name: str, layer: Any, before: a.Shape) -> Pass:
    """The nets' channels side by side: each has a mean and a variance of its own, whatever net it belongs to."""
    weight, bias = stack.leaves[f"{name}.weight"], stack.leaves[f"{name}.bias"]
    mean, var = (stack.buffers[f"{name}.running_{which}"].view(-1) for which in ("mean", "var"))

    def normalised(x: Tensor, at: Sequence[At]) -> Tensor:
        k, n, c = x.shape
        wide = x.transpose(0, 1).reshape(n, k * c)
        y = nn.functional.batch_norm(wide, mean, var, weight.view(-1), bias.view(-1), True, layer.momentum, layer.eps)
        return y.view(n, k, c).transpose(0, 1)

    return normalised


def _dropout(stack: Stack, name: str, layer: a.Layer, before: a.Shape) -> Pass:
    dropouts = cast("list[KeyedDropout]", [net.module.get_submodule(name) for net in stack.nets])

    def thinned(x: Tensor, at: Sequence[At]) -> Tensor:
        return torch.stack([each.thinned(rows, when) for each, rows, when in zip(dropouts, x, at, strict=True)])

    return thinned


def _alike(stack: Stack, name: str, layer: a.Layer, before: a.Shape) -> Pass:
    """Layers that treat each number by itself do not ask whose it is."""
    module = stack.nets[0].module.get_submodule(name)

    def passed(x: Tensor, at: Sequence[At]) -> Tensor:
        return module(x)

    return passed


def _each(stack: Stack, name: str, layer: a.Layer, before: a.Shape) -> Pass:
    """Functions that torch computes otherwise for the last few numbers of an array than for whole vectors of them."""
    module = stack.nets[0].module.get_submodule(name)

    def passed(x: Tensor, at: Sequence[At]) -> Tensor:
        return torch.stack([module(rows) for rows in x])

    return passed


def _softmax(stack: Stack, name: str, layer: a.Layer, before: a.Shape) -> Pass:
    function = torch.log_softmax if isinstance(layer, a.LogSoftmax) else torch.softmax

    def shared(x: Tensor, at: Sequence[At]) -> Tensor:
        return function(x, 2)

    return shared


PASSES: dict[type[a.Layer], Callable[[Stack, str, Any, a.Shape], Pass]] = {
    a.Flatten: _flatten, a.Linear: _linear, a.BatchNorm: _batch_norm, a.Dropout: _dropout,
    a.ReLU: _alike, a.LeakyReLU: _alike, a.Tanh: _alike, a.SiLU: _each, a.GELU: _each, a.Sigmoid: _each,
    a.Softmax: _softmax, a.LogSoftmax: _softmax,
}  # fmt: skip
