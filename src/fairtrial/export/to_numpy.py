"""A net as a script that needs NumPy alone: each layer of its forward pass is one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fairtrial.export import carried_numpy as c
from fairtrial.export.carried import source
from fairtrial.export.flat import flat
from fairtrial.export.script import MAIN, constants, header, joined, npz, numbers, reader, shown
from fairtrial.export.trained import INPUT, Meaning, Trained
from fairtrial.spec import arch as a

FUNCTIONS: dict[type[a.Layer], tuple[Callable[..., Any], ...]] = {
    a.Conv: (c.windows, c.conv), a.MaxPool: (c.windows, c.max_pool), a.AvgPool: (c.windows, c.avg_pool),
    a.BatchNorm: (c.batch_norm,), a.ReLU: (c.relu,), a.LeakyReLU: (c.leaky_relu,), a.Sigmoid: (c.sigmoid,),
    a.SiLU: (c.sigmoid, c.silu), a.GELU: (c.gelu,), a.Softmax: (c.softmax,), a.LogSoftmax: (c.log_softmax,),
}  # fmt: skip
PROBABILITIES: dict[Meaning, str] = {
    "logits": "    return softmax(outputs)",
    "yes-no": "    return sigmoid(outputs.clip(-700, 700))",
    "shares": "    shares = outputs.clip(1e-12, None)\n    return shares / shares.sum(1, keepdims=True)",
    "number": "    nearest = np.rint(outputs[:, 0]).clip(0, len(CLASSES) - 1).astype(int)\n"
    "    return np.eye(len(CLASSES))[nearest]",
}
MEANT: dict[Meaning, tuple[Callable[..., Any], ...]] = {
    "logits": (c.softmax,), "yes-no": (c.sigmoid,), "shares": (), "number": ()
}  # fmt: skip


def files(net: Trained, stem: str) -> dict[str, bytes]:
    """The script and its weights."""
    weights = net.weights | {INPUT + name: values for name, values in net.projection.items()}
    return {f"{stem}.py": script(net, stem), f"{stem}.weights.npz": npz(weights)}


def script(net: Trained, stem: str) -> bytes:
    """The text of the script."""
    used = functions(net)
    forward = "\n".join(f"    {line}" for line in lines(net.arch, net.input, ""))
    imports = ["gzip", *["math"] * (c.gelu in used), "sys"]
    view = "from numpy.lib.stride_tricks import sliding_window_view\n" * (c.windows in used)
    return joined(
        header(net, stem, "numpy") + "\n".join(f"import {name}" for name in imports)
        + f"\nfrom pathlib import Path\n\nimport numpy as np\n{view}\n"
        + constants(net) + f"\nWEIGHTS = dict(np.load(FILE))\n{pixel_constants(net)}",
        prepare(net),
        *map(source, used),
        f'def forward(x: np.ndarray) -> np.ndarray:\n    """Outputs of the net (n, '
        f'{a.out_shape(net.arch, net.input)[0]})."""\n{forward}\n    return x',
        predict(net),
        reader(),
        MAIN,
    )  # fmt: skip


def pixel_constants(net: Trained) -> str:
    """What brings pixels to the numbers that the net was trained on."""
    kind = "np.float64" if net.double else "np.float32"
    lines = [f"SCALE = np.array({numbers(net.scale)}, {kind})"]
    if net.shift is not None:
        lines.append(f"SHIFT = np.array({numbers(net.shift)}, {kind})")
    return "\n".join(lines)


def prepare(net: Trained) -> str:
    """The function that makes of pixels what the net sees."""
    seen = "images * SCALE" + (" + SHIFT" if net.shift is not None else "")
    if net.projection:
        seen = f'(({seen}).reshape(len(images), -1) - WEIGHTS["{INPUT}centre"]) @ WEIGHTS["{INPUT}components"]'
    else:
        seen = f"({seen}).transpose(0, 3, 1, 2)"
    inside = ", ".join(map(str, net.input))
    return f'''def prepare(images: np.ndarray) -> np.ndarray:
    """What the net sees (n, {inside}) of images {shown(net)} uint8."""
    return {seen}'''


def predict(net: Trained) -> str:
    """The function that gives probabilities."""
    both = "(forward(x) + forward(x[..., ::-1])) / 2" if net.flip else "forward(x)"
    return f'''def predict(images: np.ndarray) -> np.ndarray:
    """Probabilities (n, {len(net.classes)}) of images {shown(net)} uint8."""
    parts = (prepare(part) for part in np.array_split(images, len(images) // 256 + 1))
    outputs = np.concatenate([{both} for x in parts]).astype(np.float64)
{PROBABILITIES[net.meaning]}'''


def functions(net: Trained) -> list[Callable[..., Any]]:
    """The functions that the script needs, in the order in which they stand in `carried_numpy`."""
    used = {f for layer in flat(net.arch) for f in FUNCTIONS.get(type(layer), ())} | set(MEANT[net.meaning])
    for layer in flat(net.arch):
        if isinstance(layer, a.Conv) and any(layer.margins):
            used.add(padding(layer))
    return [f for f in vars(c).values() if inspect.isfunction(f) and f in used]


def padding(layer: a.Conv) -> Callable[..., Any]:
    """The function that adds the margins of a convolution."""
    return c.mirror_pad if layer.mode == "reflect" else c.zero_pad


def lines(arch: a.Arch, shape: a.Shape, inside: str, x: str = "x", depth: int = 1) -> Iterator[str]:
    """Each layer as a line that changes the variable `x`; `inside` stands in front of the names of weights."""
    for name, layer, before in a.walk(arch, shape):
        yield from line(layer, before, inside + name, x, depth)


def line(layer: a.Layer, shape: a.Shape, name: str, x: str, depth: int) -> Iterator[str]:
    """One layer; in eval mode dropout is nothing."""
    match layer:
        case a.Conv():
            if any(layer.margins):
                before, after = layer.margins
                yield f"{x} = {padding(layer).__name__}({x}, {before}, {after})"
            stride = f", {layer.stride}" if layer.stride != 1 else ""
            bias = f' + WEIGHTS["{name}.bias"][:, None, None]' if layer.bias else ""
            yield f'{x} = conv({x}, WEIGHTS["{name}.weight"]{stride}){bias}'
        case a.Linear():
            bias = f' + WEIGHTS["{name}.bias"]' if layer.bias else ""
            yield f'{x} = {x} @ WEIGHTS["{name}.weight"].T{bias}'
        case a.MaxPool() | a.AvgPool():
            yield f"{x} = {FUNCTIONS[type(layer)][-1].__name__}({x}, {layer.kernel}, {layer.step})"
        case a.BatchNorm():
            yield f'{x} = batch_norm({x}, WEIGHTS, "{name}", {layer.eps})'
        case a.LeakyReLU():
            yield f"{x} = leaky_relu({x}, {layer.slope})"
        case a.Flatten():
            yield f"{x} = {x}.reshape(len({x}), -1)"
        case a.GlobalAvgPool():
            yield f"{x} = {x}.mean((2, 3))"
        case a.Tanh():
            yield f"{x} = np.tanh({x})"
        case a.Residual():
            short = f"short{depth}"
            yield f"{short} = {x}"
            yield from lines(layer.shortcut, shape, f"{name}.shortcut.", short, depth + 1)
            yield from lines(layer.body, shape, f"{name}.body.", x, depth + 1)
            yield f"{x} = {x} + {short}"
        case a.Dropout():
            pass
        case _:
            yield f"{x} = {FUNCTIONS[type(layer)][-1].__name__}({x})"
