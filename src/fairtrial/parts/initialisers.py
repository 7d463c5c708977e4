"""How weights start: drawn in NumPy in float64 from the seed, so that both engines start alike. Biases start at zero.

A weight (units, inputs, ...) has fan_in = inputs * kernel pixels and fan_out = units * kernel pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod, sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fairtrial.rng import rng
from fairtrial.spec.arch import Arch, Shape, arch_buffers, arch_params, names
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import Registry, call

Draw = Callable[[np.random.Generator, Shape], NumpyArray]
INITIALISERS: Registry[Callable[..., Draw]] = Registry("initialisation")
BLOCK = 64  # images whose patches are in memory at once


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


@INITIALISERS.add("whitening")
@dataclass(frozen=True)
class Whitening:
    """The first convolution makes patches of training images white, v / sqrt(s + eps), in both signs (Page 2018).

    v and s are eigenvectors and eigenvalues of the covariance of the patches, the largest first (as in Jordan 2024,
    airbench). Kernels beyond both signs of every v, and all other weights, are drawn by `rest`. All of them learn on.
    """

    eps: float = 5e-4
    rest: Draw = field(default=pytorch(), kw_only=True)

    def __post_init__(self) -> None:
        if self.eps <= 0:
            raise UsageError(f"initialisation whitening {self.eps:g}: eps must be above 0")

    def __call__(self, random: np.random.Generator, shape: Shape) -> NumpyArray:
        return self.rest(random, shape)

    def fit(self, weight: NumpyArray, images: NumpyArray) -> None:
        """Fill `weight` (units, channels, k, k) from images (n, height, width, channels) as the net sees them."""
        values, vectors = np.linalg.eigh(covariance(images, weight.shape[-1]))
        scaled = (vectors / np.sqrt(values + self.eps)).T[::-1]
        both = np.stack([scaled, -scaled], 1).reshape(-1, *weight.shape[1:])
        weight[: len(both)] = both[: len(weight)]


def covariance(images: NumpyArray, k: int) -> NumpyArray:
    """Of the k x k patches of images (n, height, width, channels), each laid out as a kernel (channels, k, k) is."""
    size = images.shape[3] * k * k
    count, total, squares = 0, np.zeros(size), np.zeros((size, size))
    for block in np.array_split(images, -(-len(images) // BLOCK)):
        patches = sliding_window_view(block, (k, k), (1, 2)).reshape(-1, size).astype(np.float64)
        count, total, squares = count + len(patches), total + patches.sum(0), squares + patches.T @ patches
    mean = total / count
    return squares / count - np.outer(mean, mean)


def make_draw(text: str) -> Draw:
    """The initialisation written in `text`; `whitening, kaiming-normal` says how all other weights start."""
    first, _, rest = text.partition(",")
    draw = call(INITIALISERS, first)
    if not rest:
        return draw
    if not isinstance(draw, Whitening):
        raise UsageError(f"initialisation {text!r}: only whitening can stand in front of another one")
    return replace(draw, rest=make_draw(rest))


def start(arch: Arch, shape: Shape, init: str, seed: int, seen: Callable[[], NumpyArray] | None = None) -> Tensors:
    """Params and buffers before the first step, in float64; `seen` gives training images as the net sees them.

    The key of a weight's randomness is its number among the weights: arms that share a layer share its start.
    """
    draw = make_draw(init)
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
    if isinstance(draw, Whitening) and seen:
        draw.fit(tensors[f"{names(arch)[0]}.weight"], seen())
    return tensors
