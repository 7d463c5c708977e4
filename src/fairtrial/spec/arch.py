"""An architecture is a tuple of frozen layers; shapes, sizes and work follow from it without building anything.

Shapes are those of one image: (channels, height, width) before `flatten`, (units,) after it. Weights have the shapes
and names that PyTorch gives them, so that both engines and every file mean the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Literal, TypeAlias

from fairtrial.spec.errors import ShapeError

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = dict[str, Shape]
Padding: TypeAlias = int | Literal["same", "valid"]


@dataclass(frozen=True)
class Layer:
    """One step of a net; by itself it keeps the shape and has nothing to learn."""

    def out(self, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`; ShapeError where it cannot be."""
        return shape

    def params(self, shape: Shape) -> Shapes:
        """Shapes of what is learnt, by name."""
        return {}

    def buffers(self, shape: Shape) -> Shapes:
        """Shapes of what is remembered but not learnt, by name."""
        return {}

    def work(self, shape: Shape) -> int:
        """Multiply-adds of one forward pass of one image."""
        return 0


Arch: TypeAlias = tuple[Layer, ...]


def _image(layer: str, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ShapeError(f"{layer} needs an image (channels, height, width), but its input has shape {shape}")
    return shape[0], shape[1], shape[2]


def _windows(layer: str, size: int, kernel: int, stride: int) -> int:
    if kernel > size:
        raise ShapeError(
            f"{layer}: its {kernel}x{kernel} window is larger than its input of {size} pixels; "
            "take a smaller one, or larger images"
        )
    return (size - kernel) // stride + 1


@dataclass(frozen=True)
class Conv(Layer):
    """Cross-correlation of an image with `units` kernels of `kernel` x `kernel` pixels."""

    units: int
    kernel: int = 3
    stride: int = 1
    pad: Padding = "same"
    mode: Literal["zeros", "reflect"] = "zeros"
    bias: bool = True

    @property
    def margins(self) -> tuple[int, int]:
        """Pixels added before and after; `same` keeps the size at stride 1, the odd one goes behind."""
        if self.pad == "same":
            return (self.kernel - 1) // 2, self.kernel // 2
        return (0, 0) if self.pad == "valid" else (self.pad, self.pad)

    def out(self, shape: Shape) -> Shape:
        _, height, width = _image("conv", shape)
        if self.mode == "reflect" and max(self.margins) >= min(height, width):
            raise ShapeError(f"conv: cannot reflect {max(self.margins)} pixels of an image {height}x{width}")
        padded = [side + sum(self.margins) for side in (height, width)]
        return self.units, *(_windows("conv", side, self.kernel, self.stride) for side in padded)

    def params(self, shape: Shape) -> Shapes:
        weight = {"weight": (self.units, shape[0], self.kernel, self.kernel)}
        return weight | ({"bias": (self.units,)} if self.bias else {})

    def work(self, shape: Shape) -> int:
        return prod(self.out(shape)) * shape[0] * self.kernel**2


@dataclass(frozen=True)
class _Pool(Layer):
    kernel: int = 2
    stride: int = 0  # 0: as wide as the window

    @property
    def step(self) -> int:
        return self.stride or self.kernel

    def out(self, shape: Shape) -> Shape:
        channels, *sides = _image("pool", shape)
        return channels, *(_windows("pool", side, self.kernel, self.step) for side in sides)


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value of each window."""


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each window."""


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of each channel over the whole image; the result is flat."""

    def out(self, shape: Shape) -> Shape:
        return (_image("global-pool", shape)[0],)


@dataclass(frozen=True)
class Flatten(Layer):
    """An image as one row: channel by channel, each row by row."""

    def out(self, shape: Shape) -> Shape:
        return (prod(shape),)


@dataclass(frozen=True)
class Linear(Layer):
    """y = x W^T + b; `units` "classes" stands for as many as the targets need."""

    units: int | Literal["classes"]
    bias: bool = True

    @property
    def width(self) -> int:
        if self.units == "classes":
            raise ShapeError("linear classes: the number of classes is not known before `resolve`")
        return self.units

    def out(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError(f"linear needs a flat input, but it has shape {shape}; put `flatten` before it")
        return (self.width,)

    def params(self, shape: Shape) -> Shapes:
        return {"weight": (self.width, shape[0])} | ({"bias": (self.width,)} if self.bias else {})

    def work(self, shape: Shape) -> int:
        return self.width * shape[0]


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each channel (or unit) brought to mean 0 and variance 1 over the batch, then scaled and shifted as learnt."""

    eps: float = 1e-5
    momentum: float = 0.1  # the new batch's share in the running statistics

    def params(self, shape: Shape) -> Shapes:
        return {"weight": (shape[0],), "bias": (shape[0],)}

    def buffers(self, shape: Shape) -> Shapes:
        return {"running_mean": (shape[0],), "running_var": (shape[0],)}


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each value is zero with probability `rate` and divided by 1 - rate otherwise; None: the recipe's."""

    rate: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 <= self.rate < 1:
            raise ShapeError(f"dropout {self.rate:g}: the rate must lie in [0, 1)")


@dataclass(frozen=True)
class ReLU(Layer):
    """max(x, 0)"""


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """x where positive, slope * x elsewhere"""

    slope: float = 0.01


@dataclass(frozen=True)
class SiLU(Layer):
    """x * sigmoid(x)"""


@dataclass(frozen=True)
class GELU(Layer):
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016, exact form)"""


@dataclass(frozen=True)
class Sigmoid(Layer):
    """1 / (1 + exp(-x))"""


@dataclass(frozen=True)
class Tanh(Layer):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))"""


@dataclass(frozen=True)
class Softmax(Layer):
    """exp(x_k) / sum_j exp(x_j) over the units: probabilities. A fault in front of cross-entropy, kept to study it."""


@dataclass(frozen=True)
class LogSoftmax(Layer):
    """x_k - log sum_j exp(x_j) over the units: the log-probabilities that the loss `nll` expects."""


@dataclass(frozen=True)
class Activation(Layer):
    """Stands for the recipe's activation until `resolve` puts it in."""


@dataclass(frozen=True)
class Norm(Layer):
    """Stands for the recipe's normalisation (batch or none) until `resolve` puts it in."""


@dataclass(frozen=True)
class Residual(Layer):
    """body(x) + shortcut(x) (He et al. 2016); an empty shortcut is x itself."""

    body: Arch
    shortcut: Arch = ()

    def out(self, shape: Shape) -> Shape:
        body, short = out_shape(self.body, shape), out_shape(self.shortcut, shape)
        if body != short:
            raise ShapeError(f"residual: its body gives shape {body}, its shortcut {short}; make them equal")
        return body

    @property
    def _inner(self) -> Iterator[tuple[str, Arch]]:
        yield from (("body", self.body), ("shortcut", self.shortcut))

    def params(self, shape: Shape) -> Shapes:
        return {f"{part}.{k}": v for part, arch in self._inner for k, v in arch_params(arch, shape).items()}

    def buffers(self, shape: Shape) -> Shapes:
        return {f"{part}.{k}": v for part, arch in self._inner for k, v in arch_buffers(arch, shape).items()}

    def work(self, shape: Shape) -> int:
        return sum(layer.work(s) for _, arch in self._inner for _, layer, s in walk(arch, shape))


ACTIVATIONS: dict[str, type[Layer]] = {
    "relu": ReLU, "leaky-relu": LeakyReLU, "silu": SiLU, "gelu": GELU,
    "sigmoid": Sigmoid, "tanh": Tanh, "softmax": Softmax, "log-softmax": LogSoftmax,
}  # fmt: skip
WORDS: dict[type[Layer], str] = {
    Conv: "conv", MaxPool: "pool", AvgPool: "avg-pool", GlobalAvgPool: "global-pool", Flatten: "flatten",
    Linear: "linear", BatchNorm: "batch-norm", Dropout: "dropout", Activation: "act", Norm: "norm",
    Residual: "residual", **{kind: word for word, kind in ACTIVATIONS.items()},
}  # fmt: skip


def names(arch: Arch) -> list[str]:
    """A name for every layer: its word and how many of that word have come so far, as in conv1, relu1, conv2."""
    seen: dict[str, int] = {}
    result: list[str] = []
    for layer in arch:
        word = WORDS[type(layer)].replace("-", "_")
        seen[word] = seen.get(word, 0) + 1
        result.append(f"{word}{seen[word]}")
    return result


def walk(arch: Arch, shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
    """Every layer with its name and the shape of its input; a ShapeError names the layer it comes from."""
    for name, layer in zip(names(arch), arch, strict=True):
        try:
            after = layer.out(shape)
        except ShapeError as error:
            raise ShapeError(f"layer {name}: {error}") from None
        yield name, layer, shape
        shape = after


def out_shape(arch: Arch, shape: Shape) -> Shape:
    """Shape of what the whole architecture gives."""
    for _, layer, before in walk(arch, shape):
        shape = layer.out(before)
    return shape


def arch_params(arch: Arch, shape: Shape) -> Shapes:
    """Shapes of all that is learnt, as `layer.name`."""
    return {f"{n}.{k}": v for n, layer, s in walk(arch, shape) for k, v in layer.params(s).items()}


def arch_buffers(arch: Arch, shape: Shape) -> Shapes:
    """Shapes of all that is remembered, as `layer.name`."""
    return {f"{n}.{k}": v for n, layer, s in walk(arch, shape) for k, v in layer.buffers(s).items()}


@dataclass(frozen=True)
class Row:
    """One line of `summary`: shape after the layer, numbers learnt, multiply-adds and bytes of output of one image."""

    name: str
    layer: str
    out: Shape
    params: int
    work: int
    bytes: int = field(default=0)


def summary(arch: Arch, shape: Shape, itemsize: int = 4) -> list[Row]:
    """What each layer makes of an image of `shape`; `itemsize` is 4 bytes for float32."""
    rows: list[Row] = []
    for name, layer, before in walk(arch, shape):
        out = layer.out(before)
        count = sum(prod(size) for size in layer.params(before).values())
        rows.append(Row(name, words(layer), out, count, layer.work(before), prod(out) * itemsize))
    return rows


def words(layer: Layer) -> str:
    """The layer as `read_arch` reads it."""
    word = WORDS[type(layer)]
    match layer:
        case Conv():
            return " ".join([word, *_conv_words(layer)])
        case MaxPool() | AvgPool():
            stride = [f"stride {layer.stride}"] if layer.stride else []
            return " ".join([word, *([str(layer.kernel)] if layer.kernel != 2 else []), *stride])
        case Linear():
            return f"{word} {layer.units}" + ("" if layer.bias else " no-bias")
        case Dropout():
            return word if layer.rate is None else f"{word} {_exact(layer.rate)}"
        case LeakyReLU():
            return word if layer.slope == LeakyReLU.slope else f"{word} {_exact(layer.slope)}"
        case Residual():
            inside = text(layer.body) + (f" | {text(layer.shortcut)}" if layer.shortcut else "")
            return f"{word}({inside})"
        case _:
            return word


def _exact(value: float) -> str:
    """The number in as few digits as bring it back unchanged."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _conv_words(layer: Conv) -> Iterator[str]:
    yield str(layer.units)
    if layer.kernel != Conv.kernel:
        yield str(layer.kernel)
    if layer.stride != Conv.stride:
        yield f"stride {layer.stride}"
    if layer.pad != "same":
        yield "valid" if layer.pad == "valid" else f"pad {layer.pad}"
    if layer.mode == "reflect":
        yield "reflect"
    if not layer.bias:
        yield "no-bias"


def text(arch: Arch) -> str:
    """The architecture as one line, the one that `read_arch` reads back."""
    return ", ".join(words(layer) for layer in arch)
