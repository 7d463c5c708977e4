"""An architecture as the lines that a PyTorch user writes for it: one for each layer, under the run's own names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fairtrial.spec import arch as a

PLAIN: dict[type[a.Layer], str] = {
    a.Flatten: "nn.Flatten()", a.ReLU: "nn.ReLU()", a.SiLU: "nn.SiLU()", a.GELU: "nn.GELU()",
    a.Sigmoid: "nn.Sigmoid()", a.Tanh: "nn.Tanh()", a.Softmax: "nn.Softmax(1)", a.LogSoftmax: "nn.LogSoftmax(1)",
}  # fmt: skip
Words = Callable[[str, a.Layer, a.Shape], str]  # name, layer and shape of its input to the expression that makes it


def sequential(arch: a.Arch, shape: a.Shape, words: Words, indent: int) -> str:
    """`nn.Sequential` of all layers by name, its lines behind the first indented."""
    if not arch:
        return "nn.Identity()"
    margin = " " * (indent + 8)
    lines = "".join(f"{margin}{line},\n" for line in layers(arch, shape, words, indent + 8))
    return f"nn.Sequential(\n{' ' * (indent + 4)}OrderedDict(\n{lines}{' ' * (indent + 4)})\n{' ' * indent})"


def layers(arch: a.Arch, shape: a.Shape, words: Words, indent: int) -> Iterator[str]:
    """`name=layer` for each; a convolution that pads more behind than before has a layer that pads in front of it."""
    for name, layer, before in a.walk(arch, shape):
        if isinstance(layer, a.Conv) and layer.margins[0] != layer.margins[1]:
            first, last = layer.margins
            kind = "ReflectionPad2d" if layer.mode == "reflect" else "ZeroPad2d"
            yield f"{name}_pad=nn.{kind}(({first}, {last}, {first}, {last}))"
        if isinstance(layer, a.GlobalAvgPool):
            yield f"{name}=nn.AdaptiveAvgPool2d(1)"
            yield f"{name}_flat=nn.Flatten()"
        elif isinstance(layer, a.Residual):
            margin, deeper = " " * (indent + 4), indent + 4
            parts = [sequential(inner, before, words, deeper) for inner in (layer.body, layer.shortcut)]
            yield f"{name}=Residual(\n" + "".join(f"{margin}{part},\n" for part in parts) + f"{' ' * indent})"
        else:
            yield f"{name}={words(name, layer, before)}"


def plain_words(name: str, layer: a.Layer, shape: a.Shape) -> str:
    """The layer as one of torch's own."""
    match layer:
        case a.Conv():
            return conv(layer, shape)
        case a.MaxPool() | a.AvgPool():
            kind = "MaxPool2d" if isinstance(layer, a.MaxPool) else "AvgPool2d"
            return f"nn.{kind}({layer.kernel}" + (f", {layer.step})" if layer.step != layer.kernel else ")")
        case a.Linear():
            return f"nn.Linear({shape[0]}, {layer.width}" + (")" if layer.bias else ", bias=False)")
        case a.BatchNorm():
            return f"nn.BatchNorm{2 if len(shape) == 3 else 1}d({shape[0]})"
        case a.Dropout():
            return f"nn.Dropout({layer.rate})"
        case a.LeakyReLU():
            return "nn.LeakyReLU()" if layer.slope == a.LeakyReLU.slope else f"nn.LeakyReLU({layer.slope})"
        case _:
            return PLAIN[type(layer)]


def conv(layer: a.Conv, shape: a.Shape) -> str:
    """The convolution, without margins where they are uneven."""
    before, after = layer.margins
    more = [f"stride={layer.stride}"] if layer.stride != 1 else []
    if before == after != 0:
        more += [f"padding={before}"] + ['padding_mode="reflect"'] * (layer.mode == "reflect")
    more += ["bias=False"] * (not layer.bias)
    return f"nn.Conv2d({', '.join([str(shape[0]), str(layer.units), str(layer.kernel), *more])})"
