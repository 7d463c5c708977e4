"""How weights start: drawn in NumPy in float64 from the seed, so that both engines start alike. Biases start at zero.

A weight (units, inputs, ...) has fan_in = inputs * kernel pixels and fan_out = units * kernel pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt

import numpy as np

from fairtrial.rng import rng
from fairtrial.spec.arch import Arch, Shape, arch_buffers, arch_params
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import Registry, call

Draw = Callable[[np.random.Generator, Shape], NumpyArray]
INITIALISERS: Registry[Callable[..., Draw]] = Registry("initialisation")


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight."""
    return prod(shape[1:]), shape[0] * prod(shape[2:])


@INITIALISERS.add("zeros")
def zeros() -> Draw:
    """All weights 0: the units of a layer stay equal for ever."""
    return constant(0.0)


@INITIALISERS.add("constant")
def constant(value: float = 0.1) -> Draw:
    """All weights equal to `value`."""
    return lambda _, shape: np.full(shape, float(value))


@INITIALISERS.add("uniform")
def uniform(bound: float = 0.1) -> Draw:
    """U(-bound, bound)"""
    if bound < 0:
        raise UsageError(f"initialisation uniform {bound:g}: the bound must not be negative")
    return lambda random, shape: random.uniform(-bound, bound, shape)


@INITIALISERS.add("normal")
def normal(std: float = 0.01) -> Draw:
    """N(0, std^2)"""
    if std < 0:
        raise UsageError(f"initialisation normal {std:g}: the standard deviation must not be negative")
    return lambda random, shape: random.normal(0, std, shape)


@INITIALISERS.add("xavier-uniform")
def xavier_uniform() -> Draw:
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)"""
    return lambda random, shape: random.uniform(-1, 1, shape) * sqrt(6 / sum(fans(shape)))


@INITIALISERS.add("xavier-normal")
def xavier_normal() -> Draw:
    """N(0, 2 / (fan_in + fan_out)) (Glorot and Bengio 2010)"""
    return lambda random, shape: random.normal(0, sqrt(2 / sum(fans(shape))), shape)


@INITIALISERS.add("kaiming-uniform")
def kaiming_uniform() -> Draw:
    """U(-a, a), a = sqrt(6 / fan_in) (He et al. 2015)"""
    return lambda random, shape: random.uniform(-1, 1, shape) * sqrt(6 / fans(shape)[0])


@INITIALISERS.add("kaiming-normal")
def kaiming_normal() -> Draw:
    """N(0, 2 / fan_in) (He et al. 2015)"""
    return lambda random, shape: random.normal(0, sqrt(2 / fans(shape)[0]), shape)


@INITIALISERS.add("pytorch")
def pytorch() -> Draw:
    """U(-a, a), a = 1 / sqrt(fan_in): what the weights of PyTorch's own layers start with"""
    return lambda random, shape: random.uniform(-1, 1, shape) / sqrt(fans(shape)[0])


def start(arch: Arch, shape: Shape, init: str, seed: int) -> Tensors:
    """Params and buffers before the first step, in float64.

    The key of a weight's randomness is its number among the weights: arms that share a layer share its start.
    """
    draw = call(INITIALISERS, init)
    tensors: Tensors = {}
    weights = 0
    for name, size in arch_params(arch, shape).items():
        if len(size) > 1:
            tensors[name] = draw(rng(seed, "init", place=weights), size)
            weights += 1
        else:  # a bias, or batch norm's scale: `weight` with one dimension
            tensors[name] = np.ones(size) if name.endswith(".weight") else np.zeros(size)
    for name, size in arch_buffers(arch, shape).items():
        tensors[name] = np.ones(size) if name.endswith("running_var") else np.zeros(size)
    return tensors
