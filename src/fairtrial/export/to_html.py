"""A net as one page that runs in a browser from a file, with a pad to draw on; it fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files as resources
from string import Template
from typing import Any

import numpy as np

from fairtrial.export.trained import Trained
from fairtrial.parts.datasets.placing import PLACING, PLAIN
from fairtrial.spec import arch as a
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UsageError

LARGEST = 1_500_000  # bytes of a page: what can be sent by mail and opens at once


@dataclass
class Numbers:
    """All numbers of a net one after another; a layer knows where its own begin, and how many they are."""

    arrays: list[NumpyArray] = field(default_factory=list[NumpyArray])
    count: int = 0

    def put(self, values: NumpyArray) -> tuple[int, int]:
        """Offset and length of the values."""
        self.arrays.append(values.ravel())
        self.count += values.size
        return self.count - values.size, values.size

    def text(self, half: bool) -> str:
        """Base64 of float32, or of float16, little-endian."""
        with np.errstate(over="ignore"):  # what is too large for float16 becomes infinite, and labels will differ
            values = np.concatenate(self.arrays).astype("<f2" if half else "<f4")
        return base64.b64encode(values.tobytes()).decode()


def files(net: Trained, stem: str) -> dict[str, bytes]:
    """The page, with weights in float32, or in float16 where it would be too large; UsageError if it still is."""
    return {f"{stem}.html": page(net, half=is_half(net))}


def note(net: Trained) -> str:
    """What is lost on the way."""
    if is_half(net):
        return "weights are float16, 3 decimal digits: in float32 the page would be larger than 1.5 MB"
    return "weights are float32, as float64 they had 16 digits" if net.double else "weights are float32, as trained"


def is_half(net: Trained) -> bool:
    """Whether float32 would make the page too large; UsageError where float16 does so too."""
    size = len(page(net, half=False))
    if size <= LARGEST:
        return False
    half = len(page(net, half=True))
    if half > LARGEST:
        raise UsageError(
            f"run {net.name}: as a page it has {half:,} bytes even with weights in float16, and {LARGEST:,} is the most"
        )
    return True


def page(net: Trained, half: bool) -> bytes:
    """The page's bytes; its policy lets nothing run but what is in it, and lets nothing be fetched."""
    style, forward, script = (part(name) for name in ("page.css", "net.js", "page.js"))
    policy = (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(forward)} {digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        Template(part("page.html"))
        .substitute(
            policy=policy,
            title=html.escape(net.about),
            about=html.escape(f"Run {net.name} of fairtrial; it computes in this page, and asks no other computer."),
            placing=html.escape(PLACING.get(net.data, PLAIN).words),
            style=style,
            forward=forward,
            page=script,
            net=as_json(net, half).replace("<", "\\u003c"),
        )
        .encode("utf8", "backslashreplace")
    )


def part(name: str) -> str:
    """A part of the page, as it lies beside this module."""
    return (resources("fairtrial.export") / "page" / name).read_text("utf8")


def digest(text: str) -> str:
    """By which a policy knows an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def as_json(net: Trained, half: bool) -> str:
    """The net as `net.js` opens it."""
    numbers = Numbers()
    layers = list(chain(net.arch, net.input, "", net.weights, numbers))
    seen = {"scale": numbers.put(net.scale)} | ({} if net.shift is None else {"shift": numbers.put(net.shift)})
    seen |= {name: numbers.put(values) for name, values in net.projection.items()}
    return json.dumps({
        "classes": net.classes, "shape": net.pixels, "meaning": net.meaning, "flip": net.flip,
        "placing": PLACING.get(net.data, PLAIN).way, "input": seen, "layers": layers, "half": half,
        "weights": numbers.text(half),
    })  # fmt: skip


def chain(
    arch: a.Arch, shape: a.Shape, inside: str, weights: Tensors, numbers: Numbers
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Every layer that does something in eval mode; `inside` stands in front of the names of weights."""
    for name, layer, before in a.walk(arch, shape):
        own = {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start := f"{inside}{name}.")}
        if isinstance(layer, a.Residual):
            parts = {"body": layer.body, "shortcut": layer.shortcut}
            inner = {
                k: list(chain(part, before, f"{inside}{name}.{k}.", weights, numbers)) for k, part in parts.items()
            }
            yield {"kind": "residual", **inner}
        elif not isinstance(layer, a.Dropout):
            arrays = {k: numbers.put(v) for k, v in folded(layer, own).items()}
            yield {"kind": a.WORDS[type(layer)], **settings(layer), **arrays}


def folded(layer: a.Layer, own: Tensors) -> Tensors:
    """A layer's numbers; those of batch norm are a scale and a shift once it has stopped learning."""
    if not isinstance(layer, a.BatchNorm):
        return own
    weight, bias, mean, var = (
        own[name].astype(np.float64) for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(var + layer.eps)
    return {"scale": scale, "shift": bias - mean * scale}


def settings(layer: a.Layer) -> dict[str, Any]:
    """What a layer is told beside its numbers."""
    match layer:
        case a.Conv():
            before, after = layer.margins
            shape = {"units": layer.units, "kernel": layer.kernel, "stride": layer.stride}
            return {**shape, "before": before, "after": after, "reflect": layer.mode == "reflect"}
        case a.MaxPool() | a.AvgPool():
            return {"kernel": layer.kernel, "stride": layer.step}
        case a.Linear():
            return {"units": layer.width}
        case a.LeakyReLU():
            return {"slope": layer.slope}
        case _:
            return {}
