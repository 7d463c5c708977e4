"""Nets to try: rebuilt once, kept warm, and run on one thread on a drawing, or on a picture."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from fairtrial.parts.datasets.placing import PLACING, PLAIN, placed
from fairtrial.predict import Predictor, arch_of
from fairtrial.report import views
from fairtrial.serve.site import Site
from fairtrial.spec import arch as a
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import DamagedFile, FairtrialError, UsageError

SIDE = 280  # pixels of the pad along each side
WARM = 12  # nets that are kept
MAPS = 32  # of a layer, and filters, that are shown
BLIND = (a.Dropout, a.Flatten)  # what they give is what they are given

Result = TypeVar("Result")


class Nets:
    """The nets of a site's runs. One thread works for all, so that trying costs training next to nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._warm: dict[tuple[str, object], Predictor] = {}
        self._thread = ThreadPoolExecutor(1, "nets")

    async def do(self, names: Sequence[str], work: Callable[[list[Predictor]], Result]) -> Result:
        """What `work` makes of the nets of these runs."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: work([self._of(name) for name in names])
        )

    async def told(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """What is to be known of each run before it is tried, or why it cannot be."""
        return [await asyncio.get_running_loop().run_in_executor(self._thread, self._told, name) for name in names]

    def _told(self, name: str) -> dict[str, Any]:
        try:
            return net_json(self._of(name))
        except FairtrialError as error:
            return {"name": name, "error": str(error).partition("; there are:")[0]}

    def _of(self, name: str) -> Predictor:
        key = (name, self._site.index.row(name).stamp)
        net = self._warm.pop(key, None) or _rebuilt(self._site, name)
        self._warm[key] = net
        while len(self._warm) > WARM:
            self._warm.pop(next(iter(self._warm)))
        return net


def _rebuilt(site: Site, name: str) -> Predictor:
    try:
        record = site.store.read(name)
        if record.end is None or record.end.reason == "diverged":
            how = "has not come to its end" if record.end is None else "diverged"
            raise UsageError(f"run {name} {how}: only a finished run is tried")
        net = Predictor.of(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{name}: not what a run is written as ({error})") from None
    net.probabilities(np.zeros((1, *size(net)), np.uint8))  # the first time takes longest
    threadpool_limits(1)
    return net


def size(net: Predictor) -> tuple[int, int, int]:
    """(height, width, channels) of the images that a run was trained on."""
    channels, height, width = net.record.made["image"]
    return height, width, channels


def net_json(net: Predictor) -> dict[str, Any]:
    """What is to be known of a run before it is tried."""
    record = net.record
    return {
        "name": record.name,
        "title": views.title(record.recipe),
        "classes": record.made["data"]["classes"],
        "size": size(net),
        "drawing": [PLACING.get(record.made["data"]["name"], PLAIN).words, *_colours(net), *numbers_in_words(net)],
        "picture": numbers_in_words(net),
    }


def _colours(net: Predictor) -> list[str]:
    height, width, channels = size(net)
    return [f"{width} × {height} pixels, {'grey' if channels == 1 else 'red, green and blue'}."]


def numbers_in_words(net: Predictor) -> list[str]:
    """How the pixels become the numbers that the net computes with."""
    std = 1 / (255 * np.asarray(net.fitted["scale"], np.float64))
    mean = -np.asarray(net.fitted.get("shift", 0 * net.fitted["scale"]), np.float64) * std
    each = "Each pixel, 0 to 255, is divided by 255"
    if not np.allclose([mean, std - 1], 0, atol=1e-4):
        each += f", less {_said(mean)}, divided by {_said(std)}"
    parts = net.fitted["components"].shape[1] if "components" in net.fitted else 0
    projected = [f"Of these the first {parts} principal components of the training part."] if parts else []
    mirrored = ["What the net says of the mirror image counts as well."] if net.record.recipe.test_flip else []
    return [f"{each}.", *projected, *mirrored]


def _said(values: NumpyArray) -> str:
    """One number, or one for each channel."""
    said = [f"{value:.3g}" for value in values]
    return said[0] if len(set(said)) == 1 else ", ".join(said)


def tried(nets: Sequence[Predictor], drawing: NumpyArray) -> list[dict[str, Any]]:
    """What each net says of a drawing (side, side, 1 or 3)."""
    return [said(net, placed(drawing, tuple(net.record.made["image"]), way(net))) for net in nets]


def way(net: Predictor) -> Any:
    """How drawings are placed for a run."""
    return PLACING.get(net.record.made["data"]["name"], PLAIN).way


def said(net: Predictor, pixels: NumpyArray) -> dict[str, Any]:
    """The probabilities of the classes for an image (height, width, channels), and the image."""
    shares = net.probabilities(pixels[None])[0]
    return {"name": net.record.name, "shares": np.round(shares, 5).tolist(), "seen": _bytes(pixels)}


def layers(net: Predictor, pixels: NumpyArray) -> list[dict[str, Any]]:
    """The output of each layer for an image (height, width, channels), as maps from dark to light."""
    outputs = net.layers(pixels[None])
    kinds = {name: layer for name, layer, _ in a.walk(arch_of(net.record), tuple(net.record.made["input"]))}
    return [
        {"name": name, "layer": a.text((kinds[name],)), "shape": values.shape[1:], "maps": _maps(values[0])}
        for name, values in outputs.items()
        if not isinstance(kinds[name], BLIND)
    ]


def _maps(values: NumpyArray) -> str:
    """Channels (c, h, w) each from 0 to 255 between its least and its largest value; units (n,) all together."""
    shown = values[:MAPS].astype(np.float64) if values.ndim == 3 else values.astype(np.float64)[None]
    places = tuple(range(1, shown.ndim))
    low, high = shown.min(places, keepdims=True), shown.max(places, keepdims=True)
    return _bytes(255 * (shown - low) / np.where(high > low, high - low, 1))


def filters(net: Predictor) -> dict[str, Any] | None:
    """The weights (n, c, h, w) of the layer that sees the pixels, where 128 is 0; None if it has none for each."""
    walked = a.walk(arch_of(net.record), tuple(net.record.made["input"]))
    name, layer = next(((name, layer) for name, layer, _ in walked if not isinstance(layer, BLIND)), ("", None))
    if not isinstance(layer, (a.Conv, a.Linear)):
        return None
    weight = np.asarray(net.net.params[f"{name}.weight"], np.float64)
    if isinstance(layer, a.Linear):
        weight = _as_pictures(net, weight)
    shown = weight[:MAPS]
    most = np.abs(shown).max((1, 2, 3), keepdims=True)
    scaled = 128 + 127 * shown / np.where(most > 0, most, 1)
    told = {"name": name, "layer": a.text((layer,)), "count": len(weight), "shape": shown.shape}
    return told | {"maps": _bytes(scaled)}


def _as_pictures(net: Predictor, weight: NumpyArray) -> NumpyArray:
    """Weights (units, inputs) as (units, c, h, w); those of principal components through what these are made of."""
    height, width, channels = size(net)
    if "components" not in net.fitted:
        return weight.reshape(-1, channels, height, width)
    pixels = weight @ np.asarray(net.fitted["components"], np.float64).T
    return pixels.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)


def _bytes(values: NumpyArray) -> str:
    return base64.b64encode(np.ascontiguousarray(values.astype(np.uint8)).tobytes()).decode()
