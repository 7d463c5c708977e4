"""The NumPy engine: a net whose numbers lie in one flat array, and whose layers are in `numpy_layers`."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from itertools import count
from math import prod
from typing import Any

import numpy as np

from fairtrial.engine.net import At, check_fit
from fairtrial.engine.numpy_layers import Chain, Numbers
from fairtrial.parts.optimizers import Rule
from fairtrial.spec.arch import Arch, Shape, Shapes, arch_buffers, arch_params
from fairtrial.spec.arrays import NumpyArray, Tensors, as_dtype
from fairtrial.spec.errors import UsageError

BLOCK = 32_768  # numbers that an optimizer changes at a time: so few that a rule's temporary arrays stay in the cache


class NumpyNet:
    """`engine.net.Net` in NumPy: the net of `arch` for images of `shape`, beginning with the numbers in `start`."""

    xp = np
    place = "cpu"
    deferred = False

    def __init__(self, arch: Arch, shape: Shape, start: Mapping[str, NumpyArray], precision: str) -> None:
        if precision not in ("float32", "float64"):
            raise UsageError(f"precision={precision}: NumPy has no such numbers; use float32, or engine=torch")
        self.dtype = as_dtype(precision)
        sizes = arch_params(arch, shape)
        self.flat_params, self.params = _flat(sizes, self.dtype)
        self.flat_grads, self.grads = _flat(sizes, self.dtype)
        self.buffers = {name: np.empty(size, self.dtype) for name, size in arch_buffers(arch, shape).items()}
        self.chain = Chain(arch, shape, Numbers(self.params, self.grads, self.buffers), count())
        self.load(start)

    def array(self, values: NumpyArray) -> NumpyArray:
        return values.astype(self.dtype) if values.dtype.kind == "f" else values

    def take(self, values: NumpyArray, rows: NumpyArray) -> NumpyArray:
        return values.take(rows, 0)

    def numpy(self, values: NumpyArray) -> NumpyArray:
        return values

    def product(self, a: NumpyArray, b: NumpyArray) -> NumpyArray:
        return a @ b

    def number(self, value: NumpyArray) -> Any:
        return value.item()

    def wait(self) -> None:
        """NumPy has done what it was told when it returns."""

    @np.errstate(all="ignore")
    def forward(
        self, x: NumpyArray, at: At | None = None, keep: MutableMapping[str, NumpyArray] | None = None
    ) -> NumpyArray:
        seen: Tensors = {}
        y = self.chain.forward(_columns(x), at, seen)
        if keep is not None:
            keep.update({name: _rows(values) for name, values in seen.items()})
        return _rows(y)

    @np.errstate(all="ignore")
    def backward(self, dlogits: NumpyArray) -> None:
        self.chain.learn(np.moveaxis(dlogits, 0, -1))

    @np.errstate(all="ignore")
    def norm(self) -> float:
        return float(np.sqrt(self.flat_grads @ self.flat_grads))

    def optimizer(self, rule: Rule) -> NumpyOptimizer:
        return NumpyOptimizer(self, rule)

    def tensors(self) -> Tensors:
        return {name: values.copy() for name, values in (self.params | self.buffers).items()}

    def load(self, tensors: Mapping[str, NumpyArray]) -> None:
        _copy(tensors, self.params | self.buffers)


class NumpyOptimizer:
    """A rule and its memory, a flat array for each slot."""

    def __init__(self, net: NumpyNet, rule: Rule) -> None:
        self.rule = rule
        memories = [_flat({name: p.shape for name, p in net.params.items()}, net.dtype) for _ in rule.slots]
        every = [(net.flat_params, net.params), (net.flat_grads, net.grads), *memories]
        self.memory = {
            f"{s}/{name}": m for s, (_, named) in zip(rule.slots, memories, strict=True) for name, m in named.items()
        }
        if rule.whole:
            self.pieces = [[named[name] for _, named in every] for name in net.params]
        else:
            blocks = [slice(i, i + BLOCK) for i in range(0, net.flat_params.size, BLOCK)]
            self.pieces = [[flat[block] for flat, _ in every] for block in blocks]

    @np.errstate(all="ignore")
    def step(self, lr: float, t: int) -> None:
        for p, g, *slots in self.pieces:
            self.rule.update(p, g, slots, lr, t)

    def tensors(self) -> Tensors:
        return {name: values.copy() for name, values in self.memory.items()}

    def load(self, tensors: Mapping[str, NumpyArray]) -> None:
        _copy(tensors, self.memory)


def _flat(sizes: Shapes, dtype: np.dtype[Any]) -> tuple[NumpyArray, Tensors]:
    """One array of zeros for all, and the view of it that belongs to each name."""
    flat = np.zeros(sum(map(prod, sizes.values())), dtype)
    ends = np.cumsum([prod(size) for size in sizes.values()])
    pieces = np.split(flat, ends[:-1]) if sizes else []
    return flat, {name: piece.reshape(size) for (name, size), piece in zip(sizes.items(), pieces, strict=True)}


def _copy(tensors: Mapping[str, NumpyArray], to: Tensors) -> None:
    check_fit(tensors, {name: values.shape for name, values in to.items()})
    for name, values in tensors.items():
        to[name][...] = values


def _columns(x: NumpyArray) -> NumpyArray:
    """Images (n, h, w, c) as (c, h, w, n), rows (n, units) as (units, n)."""
    return np.ascontiguousarray(x.transpose(3, 1, 2, 0)) if x.ndim == 4 else x.T


def _rows(y: NumpyArray) -> NumpyArray:
    """A copy of (c, h, w, n) as (n, c, h, w), of (units, n) as (n, units)."""
    return np.moveaxis(y, -1, 0).copy()
