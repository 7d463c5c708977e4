"""Backpropagation through a chain of layers without a graph: the functions that autograd calls, called in turn.

A graph costs each layer some twenty microseconds a step, a quarter of a small net's. What comes of it is the same to
the bit, and the tests hold both ways against each other; nets with other layers than these leave it to autograd.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from fairtrial.spec import arch as a

aten = torch.ops.aten
Back = Callable[[Tensor], Tensor]  # from the gradient of a layer's output to that of its input
Pass = Callable[[Tensor], tuple[Tensor, Back]]  # through a layer in training: its output, and the way back
Make = Callable[[Any, bool], Pass]  # of a module, and whether the gradient of its input is wanted


class Chain:
    """A module's layers one after the other, in training mode; gradients go where autograd would leave them."""

    def __init__(self, passes: dict[str, Pass], first: int) -> None:
        self.passes, self.first = passes, first  # `first` to learn: what is before it needs no gradient
        self.ways_back: list[Back] = []

    @torch.no_grad()
    def forward(self, x: Tensor, keep: MutableMapping[str, Tensor] | None) -> Tensor:
        self.ways_back.clear()
        for name, one in self.passes.items():
            x, back = one(x)
            self.ways_back.append(back)
            if keep is not None:
                keep[name] = x
        return x

    @torch.no_grad()
    def backward(self, dy: Tensor) -> None:
        while len(self.ways_back) > self.first:
            dy = self.ways_back.pop()(dy)
        self.ways_back.clear()


def chain_of(arch: a.Arch, shape: a.Shape, module: nn.Module) -> Chain | None:
    """The module of an architecture as a chain; None where a layer is not known here."""
    learns = [bool(layer.params(before)) for _, layer, before in a.walk(arch, shape)]
    first = [*learns, True].index(True)
    passes: dict[str, Pass] = {}
    for k, (name, layer) in enumerate(zip(a.names(arch), arch, strict=True)):
        make, part = PASSES.get(type(layer)), module.get_submodule(name)
        padded = isinstance(part, nn.Conv2d) and (type(part) is not nn.Conv2d or part.padding_mode != "zeros")
        if make is None or padded or isinstance(part, nn.BatchNorm2d):
            return None
        passes[name] = make(part, k > first)
    return Chain(passes, first)


def _conv(conv: Any, wanted: bool) -> Pass:
    stride, pad, bias = conv.stride, conv.padding, [conv.out_channels] if conv.bias is not None else None
    rest = (stride, pad, conv.dilation, False, (0, 0), conv.groups)
    needed = (wanted, True, conv.bias is not None)

    def convolved(x: Tensor) -> tuple[Tensor, Back]:
        def back(dy: Tensor) -> Tensor:
            dx, conv.weight.grad, db = aten.convolution_backward(dy, x, conv.weight, bias, *rest, needed)
            if bias:
                conv.bias.grad = db
            return dx

        return aten.convolution(x, conv.weight, conv.bias, *rest), back

    return convolved


def _linear(layer: Any, wanted: bool) -> Pass:
    weight, bias = layer.weight, layer.bias

    def product(x: Tensor) -> tuple[Tensor, Back]:
        def back(dy: Tensor) -> Tensor:
            weight.grad = dy.t().mm(x)
            if bias is not None:
                bias.grad = dy.sum(0)
            return dy.mm(weight) if wanted else dy

        return f.linear(x, weight, bias), back

    return product


def _batch_norm(norm: Any, wanted: bool) -> Pass:
    def normalised(x: Tensor) -> tuple[Tensor, Back]:
        norm.num_batches_tracked += 1
        running = norm.running_mean, norm.running_var
        y, *kept = torch.native_batch_norm(x, norm.weight, norm.bias, *running, True, norm.momentum, norm.eps)

        def back(dy: Tensor) -> Tensor:
            dx, norm.weight.grad, norm.bias.grad = aten.native_batch_norm_backward(
                dy, x, norm.weight, *running, *kept, True, norm.eps, (True, True, True)
            )
            return dx

        return y, back

    return normalised


def _max_pool(pool: Any, wanted: bool) -> Pass:
    size, step = (pool.kernel_size,) * 2, (pool.stride,) * 2

    def pooled(x: Tensor) -> tuple[Tensor, Back]:
        y, places = aten.max_pool2d_with_indices(x, size, step)

        def back(dy: Tensor) -> Tensor:
            return aten.max_pool2d_with_indices_backward(dy, x, size, step, (0, 0), (1, 1), False, places)

        return y, back

    return pooled


def _flatten(layer: Any, wanted: bool) -> Pass:
    return lambda x: (x.flatten(1), lambda dy: dy.view(x.shape))


def _dropout(dropout: Any, wanted: bool) -> Pass:
    def thinned(x: Tensor) -> tuple[Tensor, Back]:
        mask = dropout.mask(x, dropout.at)
        return x * mask / (1 - dropout.p), lambda dy: dy / (1 - dropout.p) * mask

    return thinned


def _leaky_relu(layer: Any, wanted: bool) -> Pass:
    slope = layer.negative_slope
    return lambda x: (f.leaky_relu(x, slope), lambda dy: aten.leaky_relu_backward(dy, x, slope, False))


def _of_input(function: Callable[[Tensor], Tensor], back: Callable[[Tensor, Tensor], Tensor]) -> Make:
    """An activation whose gradient is told by what went in."""
    return lambda layer, wanted: lambda x: (function(x), lambda dy: back(dy, x))


def _of_output(function: Callable[[Tensor], Tensor], back: Callable[[Tensor, Tensor], Tensor]) -> Make:
    """An activation whose gradient is told by what came out."""

    def passed(x: Tensor) -> tuple[Tensor, Back]:
        y = function(x)
        return y, lambda dy: back(dy, y)

    return lambda layer, wanted: passed


PASSES: dict[type[a.Layer], Make] = {
    a.Conv: _conv, a.Linear: _linear, a.BatchNorm: _batch_norm, a.MaxPool: _max_pool, a.Flatten: _flatten,
    a.Dropout: _dropout, a.LeakyReLU: _leaky_relu,
    a.ReLU: _of_output(torch.relu, lambda dy, y: aten.threshold_backward(dy, y, 0)),
    a.Tanh: _of_output(torch.tanh, aten.tanh_backward), a.Sigmoid: _of_output(torch.sigmoid, aten.sigmoid_backward),
    a.SiLU: _of_input(f.silu, aten.silu_backward), a.GELU: _of_input(f.gelu, aten.gelu_backward),
}  # fmt: skip
