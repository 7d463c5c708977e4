"""Every layer of the NumPy engine: the way there and the way back, side by side, with the equations they follow.

Inside the engine the images of a batch lie on the last axis: x is (c, h, w, n) or (units, n). Then every operation
runs along the batch, in memory order, an affine layer is W x + b as on paper, and channels and units are one case.

Legend: x input, y output, W weight, b bias, n images, c channels, h height, w width, k kernel size; d stands before
the derivative of the loss, so that dx = dL/dx. A layer has three verbs:

    forward(x, at) -> y      keeps what the way back needs
    learn(dy)                puts dW and db into the net's gradients; only where there is something to learn
    back(dy) -> dx           the chain rule: dx = dy (dy/dx)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, dropwhile, product
from math import pi, sqrt
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fairtrial.engine.net import At
from fairtrial.rng import rng
from fairtrial.spec import arch as a
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UsageError

L = TypeVar("L", bound=a.Layer)
Tile: TypeAlias = tuple[slice, slice, slice]  # of y (units, h, w, n): all units, some rows, some columns
# Multiply-adds up to which OpenBLAS takes a product as it is. It rearranges the factors of larger ones, which thin
# matrices never earn back: 6 x 75 times 75 x n has up to here four times the speed that it has beyond.
SMALL = 1_000_000
LEAST = 1024  # columns in a tile of a convolution; with fewer of them Python's own time begins to show


@dataclass(frozen=True)
class Numbers:
    """What a net or one of its layers consists of, by name."""

    params: Tensors
    grads: Tensors
    buffers: Tensors

    def of(self, name: str) -> Numbers:
        """The part that belongs to the layer of this name."""
        start = name + "."
        every = (self.params, self.grads, self.buffers)
        return Numbers(*({k.removeprefix(start): v for k, v in t.items() if k.startswith(start)} for t in every))


class Op(Generic[L]):
    """A layer at work; `shape` is that of its input, `places` counts the dropout layers of the net."""

    def __init__(self, layer: L, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        self.layer = layer
        self.shape = shape
        self.numbers = numbers

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        raise NotImplementedError

    def learn(self, dy: NumpyArray) -> None:
        """Nothing to learn, unless the layer says otherwise."""

    def back(self, dy: NumpyArray) -> NumpyArray:
        raise NotImplementedError


# ---------------------------------------------------------------------------------------------- affine layers


class Affine(Op[L]):
    """A layer with a matrix W and perhaps a bias b; they and their gradients are views of the net's numbers."""

    def __init__(self, layer: L, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        super().__init__(layer, shape, numbers, places)
        W, dW = numbers.params["weight"], numbers.grads["weight"]
        self.W, self.dW = W.reshape(len(W), -1), dW.reshape(len(W), -1)
        self.b, self.db = numbers.params.get("bias"), numbers.grads.get("bias")


class Linear(Affine[a.Linear]):
    """y = W x + b, a column for each image; dW = dy x^T,    db = sum of dy over the columns,    dx = W^T dy"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.x = x
        y = self.W @ x
        if self.b is not None:
            y += self.b[:, None]
        return y

    def learn(self, dy: NumpyArray) -> None:
        np.matmul(dy, self.x.T, out=self.dW)
        if self.db is not None:
            np.sum(dy, 1, out=self.db)

    def back(self, dy: NumpyArray) -> NumpyArray:
        return self.W.T @ dy


class Conv(Affine[a.Conv]):
    """y[o, r, q] = b[o] + sum over c, i, j of W[o, c, i, j] x[c, s r + i, s q + j], s the stride, x padded.

    Each output pixel has a column: the c k k input pixels that it sees. On columns conv is `Linear`, y = W column + b,
    with the same gradients; and a column's gradient is added to the pixels that the column was taken from.

    All columns together are k k times as large as x. So they are made for a tile of output pixels at a time, which
    stays in the processor's cache, and made again on the way back.
    """

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.seen = windows(self.pad(x), self.layer.kernel, self.layer.stride)
        y = np.empty((len(self.W), *self.seen.shape[3:]), x.dtype)
        for tile in self.tiles():
            np.matmul(self.W, self.columns(tile), out=flat(y[tile]))
            if self.b is not None:
                y[tile] += self.b[:, None, None, None]
        return y

    def learn(self, dy: NumpyArray) -> None:
        self.dW[...] = 0
        for tile in self.tiles():
            self.dW += (self.columns(tile) @ flat(dy[tile]).T).T  # dy columns^T, a third faster this way round
        if self.db is not None:
            np.sum(dy, (1, 2, 3), out=self.db)

    def back(self, dy: NumpyArray) -> NumpyArray:
        dx = np.zeros(self.padded_shape(dy), dy.dtype)
        dseen = windows(dx, self.layer.kernel, self.layer.stride)
        for tile in self.tiles():
            dcolumns = (self.W.T @ flat(dy[tile])).reshape(self.seen[:, :, :, *tile[1:]].shape)
            for i, j in window(self.layer.kernel):
                dseen[:, i, j][tile] += dcolumns[:, i, j]
        return self.unpad(dx)

    def columns(self, tile: Tile) -> NumpyArray:
        """A copy of what the output pixels of the tile see: (c k k, pixels)."""
        return self.seen[:, :, :, *tile[1:]].reshape(self.W.shape[1], -1)

    def tiles(self) -> Iterator[Tile]:
        """All output pixels, row by row: whole rows at a time, or parts of one."""
        rows, columns, n = self.seen.shape[3:]
        pixels = max(SMALL // self.W.size, LEAST) // n
        down, across = max(pixels // columns, 1), min(max(pixels, 1), columns)
        for r, q in product(range(0, rows, down), range(0, columns, across)):
            yield slice(None), slice(r, r + down), slice(q, q + across)

    def padded_shape(self, x: NumpyArray) -> tuple[int, ...]:
        c, h, w = self.shape
        more = sum(self.layer.margins)
        return c, h + more, w + more, x.shape[-1]

    def pad(self, x: NumpyArray) -> NumpyArray:
        """x inside a frame of zeros or of its own mirror image, rows first, then columns."""
        if not any(self.layer.margins):
            return x
        padded = np.zeros(self.padded_shape(x), x.dtype)
        self.inside(padded)[...] = x
        if self.layer.mode == "reflect":
            for outer, inner in mirrors(self.shape[1], *self.layer.margins):
                padded[:, outer] = padded[:, inner]
            for outer, inner in mirrors(self.shape[2], *self.layer.margins):
                padded[:, :, outer] = padded[:, :, inner]
        return padded

    def unpad(self, dpadded: NumpyArray) -> NumpyArray:
        """`pad` backwards, columns first, then rows: the gradient of a mirror image goes to the pixel mirrored."""
        if self.layer.mode == "reflect":
            for outer, inner in mirrors(self.shape[2], *self.layer.margins):
                dpadded[:, :, inner] += dpadded[:, :, outer]
            for outer, inner in mirrors(self.shape[1], *self.layer.margins):
                dpadded[:, inner] += dpadded[:, outer]
        return self.inside(dpadded)

    def inside(self, padded: NumpyArray) -> NumpyArray:
        _, h, w = self.shape
        before, _ = self.layer.margins
        return padded[:, before : before + h, before : before + w]


def windows(x: NumpyArray, k: int, stride: int) -> NumpyArray:
    """x (c, h, w, n) as (c, k, k, rows, columns, n): what each place of a k x k window sees in all windows; a view."""
    view = sliding_window_view(x, (k, k), (1, 2), writeable=True)[:, ::stride, ::stride]  # type: ignore[call-overload]
    return view.transpose(0, 4, 5, 1, 2, 3)


def window(k: int) -> Iterator[tuple[int, int]]:
    """The places of a k x k window, row by row."""
    return ((i, j) for i in range(k) for j in range(k))


def flat(x: NumpyArray) -> NumpyArray:
    """(c, h, w, n) as (c, h w n), (units, n) as it is."""
    return x.reshape(len(x), -1)


def mirrors(size: int, before: int, after: int) -> Iterator[tuple[int, int]]:
    """(line of the frame, line of the image that it mirrors) along one side; the edge itself is not repeated."""
    first, last = before, before + size - 1
    yield from ((first - d, first + d) for d in range(1, before + 1))
    yield from ((last + d, last - d) for d in range(1, after + 1))


# ----------------------------------------------------------------------------------------- pooling and shapes


class MaxPool(Op[a.MaxPool]):
    """y = max of x over the window; dx = dy for the first pixel of the window that has the maximum, else 0."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.seen = windows(x, self.layer.kernel, self.layer.step)
        self.y = self.seen[:, 0, 0].copy()
        for i, j in window(self.layer.kernel):
            np.maximum(self.y, self.seen[:, i, j], out=self.y)
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        dx, free = np.zeros((*self.shape, dy.shape[-1]), dy.dtype), np.ones(dy.shape, bool)
        dseen = windows(dx, self.layer.kernel, self.layer.step)
        for i, j in window(self.layer.kernel):
            first = (self.seen[:, i, j] == self.y) & free
            free ^= first
            if self.layer.step < self.layer.kernel:
                dseen[:, i, j] += dy * first
            else:  # no two windows share a pixel, so there is nothing to add to: a third faster
                dseen[:, i, j] = dy * first
        return dx


class AvgPool(Op[a.AvgPool]):
    """y = mean of x over the window; dx = dy / k^2 for each pixel of it."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        seen = windows(x, self.layer.kernel, self.layer.step)
        y = np.zeros_like(seen[:, 0, 0])
        for i, j in window(self.layer.kernel):
            y += seen[:, i, j]
        return y / self.layer.kernel**2

    def back(self, dy: NumpyArray) -> NumpyArray:
        dx, share = np.zeros((*self.shape, dy.shape[-1]), dy.dtype), dy / self.layer.kernel**2
        dseen = windows(dx, self.layer.kernel, self.layer.step)
        for i, j in window(self.layer.kernel):
            dseen[:, i, j] += share
        return dx


class GlobalAvgPool(Op[a.GlobalAvgPool]):
    """y = mean of x over the image; dx = dy / (h w) for each pixel."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        return x.mean((1, 2))

    def back(self, dy: NumpyArray) -> NumpyArray:
        c, h, w = self.shape
        return np.broadcast_to(dy[:, None, None] / (h * w), (c, h, w, dy.shape[-1]))


class Flatten(Op[a.Flatten]):
    """y = x, read as one column for each image."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        return x.reshape(-1, x.shape[-1])

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy.reshape(*self.shape, -1)


# ------------------------------------------------------------------------------------ normalisation, dropout


class BatchNorm(Op[a.BatchNorm]):
    """z = (x - mean) / sqrt(var + eps), y = W z + b, for each channel over its m numbers in the batch.

    dW = sum dy z,    db = sum dy,    dx = W / sqrt(var + eps) (dy - db / m - z dW / m)

    The last two terms are there because mean and variance depend on x as well (Ioffe and Szegedy 2015).
    """

    def __init__(self, layer: a.BatchNorm, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        super().__init__(layer, shape, numbers, places)
        self.W, self.dW = numbers.params["weight"], numbers.grads["weight"]
        self.b, self.db = numbers.params["bias"], numbers.grads["bias"]

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        running_mean, running_var = self.numbers.buffers["running_mean"], self.numbers.buffers["running_var"]
        x2 = flat(x)
        m = x2.shape[1]
        if m == 1 and at is not None:
            raise UsageError("batch norm: a single number for each channel has no variance; take a batch of 2 or more")
        mean = running_mean if at is None else x2.mean(1)
        z = x2 - mean[:, None]
        var = running_var if at is None else np.vecdot(z, z) / m
        if at is not None:  # the running ones follow those of the batch; m / (m - 1) makes the variance unbiased
            running_mean += self.layer.momentum * (mean - running_mean)
            running_var += self.layer.momentum * (var * (m / (m - 1)) - running_var)
        self.scale = 1 / np.sqrt(var + self.layer.eps)
        z *= self.scale[:, None]
        self.z = z
        y = z * self.W[:, None]
        y += self.b[:, None]
        return y.reshape(x.shape)

    def learn(self, dy: NumpyArray) -> None:
        np.vecdot(flat(dy), self.z, out=self.dW)
        np.sum(flat(dy), 1, out=self.db)

    def back(self, dy: NumpyArray) -> NumpyArray:
        m = self.z.shape[1]
        dx = flat(dy) - (self.db / m)[:, None]
        dx -= self.z * (self.dW / m)[:, None]
        dx *= (self.W * self.scale)[:, None]
        return dx.reshape(dy.shape)


class Dropout(Op[a.Dropout]):
    """y = x r, r = 0 with probability `rate` and 1 / (1 - rate) otherwise; dx = dy r. In eval mode y = x."""

    def __init__(self, layer: a.Dropout, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        super().__init__(layer, shape, numbers, places)
        self.rate, self.place = layer.rate or 0.0, next(places)

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        if at is None:
            return x
        # drawn image by image, as the torch engine does, so that both engines drop the same values
        random = rng(at.seed, "dropout", at.step, self.place).random((x.shape[-1], *self.shape), np.float32)
        self.r = np.moveaxis(random >= self.rate, 0, -1) / x.dtype.type(1 - self.rate)
        return x * self.r

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * self.r


# ------------------------------------------------------------------------------------------------ activations


class ReLU(Op[a.ReLU]):
    """y = max(x, 0); dx = dy where x > 0, else 0"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.y = np.maximum(x, 0)
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * (self.y > 0)


class LeakyReLU(Op[a.LeakyReLU]):
    """y = x where x > 0, else slope x; dx = dy where x > 0, else slope dy"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.x = x
        pick = np.maximum if self.layer.slope <= 1 else np.minimum
        return pick(x, self.layer.slope * x)

    def back(self, dy: NumpyArray) -> NumpyArray:
        q = dy * (self.x > 0)  # np.where would branch at every number, and mostly guess wrong: five times slower
        return q + self.layer.slope * (dy - q)


def sigmoid(x: NumpyArray) -> NumpyArray:
    """1 / (1 + exp(-x)); where exp(-x) overflows to infinity, the quotient is 0, as it should be."""
    return 1 / (1 + np.exp(-x))


class Sigmoid(Op[a.Sigmoid]):
    """y = 1 / (1 + exp(-x)); dx = dy y (1 - y)"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.y = sigmoid(x)
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * self.y * (1 - self.y)


class SiLU(Op[a.SiLU]):
    """y = x s, s = 1 / (1 + exp(-x)); dx = dy (s + x s (1 - s))"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.s = sigmoid(x)
        self.y = x * self.s
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * (self.s + self.y * (1 - self.s))


class GELU(Op[a.GELU]):
    """y = x P(x), P(x) = (1 + erf(x / sqrt(2))) / 2; dx = dy (P(x) + x P'(x)), P'(x) = exp(-x^2 / 2) / sqrt(2 pi)"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        from scipy.special import erf  # 0.2 s that only nets with GELU should pay

        self.x, self.P = x, (1 + erf(x / sqrt(2))) / 2
        return x * self.P

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * (self.P + self.x * np.exp(-self.x * self.x / 2) / sqrt(2 * pi))


class Tanh(Op[a.Tanh]):
    """y = tanh(x); dx = dy (1 - y^2)"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.y = np.tanh(x)
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * (1 - self.y * self.y)


class Softmax(Op[a.Softmax]):
    """y = exp(x) / sum exp(x) over the units; dx = y (dy - sum y dy)"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        e = np.exp(x - x.max(0))  # the largest exponent is 0: no overflow, and the quotient is the same
        self.y = e / e.sum(0)
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        return self.y * (dy - (self.y * dy).sum(0))


class LogSoftmax(Op[a.LogSoftmax]):
    """y = x - log sum exp(x) over the units; dx = dy - exp(y) sum dy"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        x = x - x.max(0)
        self.y = x - np.log(np.exp(x).sum(0))
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy - np.exp(self.y) * dy.sum(0)


# --------------------------------------------------------------------------------------- layers put together


class Chain:
    """Layers one after another: forward in order, backward in reverse order."""

    def __init__(self, arch: a.Arch, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        self.ops = {name: OPS[type(z)](z, s, numbers.of(name), places) for name, z, s in a.walk(arch, shape)}

    def forward(self, x: NumpyArray, at: At | None, keep: Tensors) -> NumpyArray:
        """The last output; `keep` receives all of them."""
        for name, op in self.ops.items():
            x = keep[name] = op.forward(x, at)
        return x

    def backward(self, dy: NumpyArray) -> NumpyArray:
        for op in reversed(self.ops.values()):
            op.learn(dy)
            dy = op.back(dy)
        return dy

    def learn(self, dy: NumpyArray) -> None:
        """Backward as far as the first layer that learns; nobody asks for the gradient of its input."""
        ops = list(dropwhile(lambda op: not op.numbers.params, self.ops.values()))
        for op in reversed(ops[1:]):
            op.learn(dy)
            dy = op.back(dy)
        for op in ops[:1]:
            op.learn(dy)


class Residual(Op[a.Residual]):
    """y = f(x) + g(x), f the body, g the shortcut or x itself; dx = f's dx + g's dx"""

    def __init__(self, layer: a.Residual, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        super().__init__(layer, shape, numbers, places)
        self.body = Chain(layer.body, shape, numbers.of("body"), places)
        self.shortcut = Chain(layer.shortcut, shape, numbers.of("shortcut"), places)

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        return self.body.forward(x, at, {}) + self.shortcut.forward(x, at, {})

    def learn(self, dy: NumpyArray) -> None:
        self.dx = self.body.backward(dy) + self.shortcut.backward(dy)

    def back(self, dy: NumpyArray) -> NumpyArray:
        return self.dx


OPS: dict[type[a.Layer], type[Op[Any]]] = {
    a.Conv: Conv, a.MaxPool: MaxPool, a.AvgPool: AvgPool, a.GlobalAvgPool: GlobalAvgPool, a.Flatten: Flatten,
    a.Linear: Linear, a.BatchNorm: BatchNorm, a.Dropout: Dropout, a.Residual: Residual,
    a.ReLU: ReLU, a.LeakyReLU: LeakyReLU, a.SiLU: SiLU, a.GELU: GELU, a.Sigmoid: Sigmoid, a.Tanh: Tanh,
    a.Softmax: Softmax, a.LogSoftmax: LogSoftmax,
}  # fmt: skip
