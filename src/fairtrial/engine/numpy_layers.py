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
from typing import Any, Generic, TypeVar

import numpy as np

from fairtrial.engine.net import At
from fairtrial.rng import rng
from fairtrial.spec import arch as a
from fairtrial.spec.arrays import NumpyArray, Tensors

L = TypeVar("L", bound=a.Layer)


@dataclass(frozen=True)
class Numbers:
    """What a net or one of its layers consists of, by name."""

    params: Tensors
    grads: Tensors
    buffers: Tensors

    def of(self, name: str) -> Numbers:
        """The part that belongs to the layer of this name."""
        start = name + "."
        cut = [{k.removeprefix(start): v for k, v in t.items() if k.startswith(start)} for t in self._all]
        return Numbers(*cut)

    @property
    def _all(self) -> tuple[Tensors, Tensors, Tensors]:
        return self.params, self.grads, self.buffers


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
    """y = W x + b, a column for each image (linear) or for each pixel (conv).

    dW = dy x^T,    db = sum of dy over the columns,    dx = W^T dy
    """

    def __init__(self, layer: L, shape: a.Shape, numbers: Numbers, places: count[int]) -> None:
        super().__init__(layer, shape, numbers, places)
        W, dW = numbers.params["weight"], numbers.grads["weight"]
        self.W, self.dW = W.reshape(len(W), -1), dW.reshape(len(W), -1)  # views: what is written here is the net's
        self.b, self.db = numbers.params.get("bias"), numbers.grads.get("bias")

    def affine(self, x: NumpyArray) -> NumpyArray:
        self.x = x
        y = self.W @ x
        if self.b is not None:
            y += self.b[:, None]
        return y

    def learn(self, dy: NumpyArray) -> None:
        dy = dy.reshape(len(dy), -1)
        np.matmul(dy, self.x.T, out=self.dW)
        if self.db is not None:
            np.sum(dy, 1, out=self.db)


class Linear(Affine[a.Linear]):
    """y = W x + b"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        return self.affine(x)

    def back(self, dy: NumpyArray) -> NumpyArray:
        return self.W.T @ dy


class Conv(Affine[a.Conv]):
    """y[o, r, q] = b[o] + sum over c, i, j of W[o, c, i, j] x[c, s r + i, s q + j], s the stride, x padded.

    Each output pixel has the column of the c k k input pixels that it sees; on these columns conv is affine. On the
    way back each column's gradient is added to the pixels it was taken from.
    """

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        padded = self.pad(x)
        out, k = (*self.layer.out(self.shape)[1:], x.shape[-1]), self.layer.kernel
        columns = np.empty((len(x), k, k, *out), x.dtype)
        for i, j, pixels in taps(padded, k, self.layer.stride, out):
            columns[:, i, j] = pixels
        return self.affine(columns.reshape(self.W.shape[1], -1)).reshape(-1, *out)

    def back(self, dy: NumpyArray) -> NumpyArray:
        out, k = dy.shape[1:], self.layer.kernel
        dcolumns = (self.W.T @ dy.reshape(len(dy), -1)).reshape(-1, k, k, *out)
        dpadded = np.zeros(self.padded_shape(dy), dy.dtype)
        for i, j, pixels in taps(dpadded, k, self.layer.stride, out):
            pixels += dcolumns[:, i, j]
        return self.unpad(dpadded)

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


def taps(x: NumpyArray, k: int, stride: int, out: tuple[int, ...]) -> Iterator[tuple[int, int, NumpyArray]]:
    """For each position (i, j) in a window of k x k pixels, row by row: what all windows see there, a view of x."""
    rows, columns = stride * out[0], stride * out[1]
    for i, j in product(range(k), repeat=2):
        yield i, j, x[:, i : i + rows : stride, j : j + columns : stride]


def mirrors(size: int, before: int, after: int) -> Iterator[tuple[int, int]]:
    """(line of the frame, line of the image that it mirrors) along one side; the edge itself is not repeated."""
    first, last = before, before + size - 1
    yield from ((first - d, first + d) for d in range(1, before + 1))
    yield from ((last + d, last - d) for d in range(1, after + 1))


# ----------------------------------------------------------------------------------------- pooling and shapes


class MaxPool(Op[a.MaxPool]):
    """y = max of x over the window; dx = dy for the first pixel of the window that has the maximum, else 0."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.x, out = x, (*self.layer.out(self.shape)[1:], x.shape[-1])
        self.y = np.full((len(x), *out), -np.inf, x.dtype)
        for _, _, pixels in taps(x, self.layer.kernel, self.layer.step, out):
            np.maximum(self.y, pixels, out=self.y)
        return self.y

    def back(self, dy: NumpyArray) -> NumpyArray:
        dx, free, out = np.zeros_like(self.x), np.ones(dy.shape, bool), dy.shape[1:]
        windows = [taps(z, self.layer.kernel, self.layer.step, out) for z in (self.x, dx)]
        for (_, _, pixels), (_, _, dpixels) in zip(*windows, strict=True):
            first = (pixels == self.y) & free
            free ^= first
            dpixels += dy * first
        return dx


class AvgPool(Op[a.AvgPool]):
    """y = mean of x over the window; dx = dy / k^2 for each pixel of it."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        out = (*self.layer.out(self.shape)[1:], x.shape[-1])
        y = np.zeros((len(x), *out), x.dtype)
        for _, _, pixels in taps(x, self.layer.kernel, self.layer.step, out):
            y += pixels
        return y / self.layer.kernel**2

    def back(self, dy: NumpyArray) -> NumpyArray:
        dx = np.zeros((*self.shape, dy.shape[-1]), dy.dtype)
        share = dy / self.layer.kernel**2
        for _, _, dpixels in taps(dx, self.layer.kernel, self.layer.step, dy.shape[1:]):
            dpixels += share
        return dx


class GlobalAvgPool(Op[a.GlobalAvgPool]):
    """y = mean of x over the image; dx = dy / (h w) for each pixel."""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        return x.mean((1, 2))

    def back(self, dy: NumpyArray) -> NumpyArray:
        c, h, w = self.shape
        return np.repeat(dy[:, None] / (h * w), h * w, 1).reshape(c, h, w, -1)


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

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        channels = x.reshape(len(x), -1)
        mean, var = self.running() if at is None else self.measured(channels)
        self.scale = 1 / np.sqrt(var + self.layer.eps)
        self.z = (channels - mean) * self.scale
        y = self.z * self.numbers.params["weight"][:, None]
        y += self.numbers.params["bias"][:, None]
        return y.reshape(x.shape)

    def running(self) -> tuple[NumpyArray, NumpyArray]:
        return self.numbers.buffers["running_mean"][:, None], self.numbers.buffers["running_var"][:, None]

    def measured(self, x: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
        """Mean and variance of the batch, which the running ones follow: m / (m - 1) makes the variance unbiased."""
        m, share = x.shape[1], self.layer.momentum
        mean, var = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        for running, new in zip(self.running(), (mean, var * (m / max(m - 1, 1))), strict=True):
            running += share * (new - running)
        return mean, var

    def learn(self, dy: NumpyArray) -> None:
        dy = dy.reshape(self.z.shape)
        np.einsum("cm,cm->c", dy, self.z, out=self.numbers.grads["weight"])
        np.sum(dy, 1, out=self.numbers.grads["bias"])

    def back(self, dy: NumpyArray) -> NumpyArray:
        W, dW, db = (
            t[:, None]
            for t in (self.numbers.params["weight"], self.numbers.grads["weight"], self.numbers.grads["bias"])
        )
        m = self.z.shape[1]
        dx = dy.reshape(self.z.shape) - db / m
        dx -= self.z * (dW / m)
        dx *= W * self.scale
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
    """y = r x; dx = r dy; r = 1 where x > 0, else the slope"""

    def forward(self, x: NumpyArray, at: At | None) -> NumpyArray:
        self.r = np.where(x > 0, x.dtype.type(1), x.dtype.type(self.layer.slope))
        return x * self.r

    def back(self, dy: NumpyArray) -> NumpyArray:
        return dy * self.r


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
        from scipy.special import erf  # here, because importing it takes longer than most runs of a layer

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
