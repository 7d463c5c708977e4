"""A run's net rebuilt from its record, to be used: as a module, or on images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.engine.net import Net, both_ways
from fairtrial.parts.inputs import apply
from fairtrial.spec.arch import Arch
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.arrays import Array, NumpyArray, Tensors, as_dtype
from fairtrial.spec.errors import DataError, UsageError
from fairtrial.store import Record

BATCH = 512  # images put through the net at once


def module_of(record: Record, module: Callable[[], Any] | None = None) -> Any:
    """The net with its best weights as a plain `torch.nn.Module` in eval mode, for what `prepared` makes of images.

    A run of a user's own module needs the same `module` again.
    """
    from fairtrial.engine.torch_net import ModuleNet, TorchNet

    weights = net_weights(record)
    if module is not None:
        net: TorchNet = ModuleNet.make(module, record.recipe.seed, record.recipe.precision, "cpu")
        net.load(weights)
    else:
        net = TorchNet.build(arch_of(record), tuple(record.made["input"]), weights, record.recipe.precision, "cpu")
    return net.plain()


def net_of(record: Record) -> Net:
    """The net with its best weights, on the engine that trained it, on the CPU."""
    recipe, shape = record.recipe, tuple(record.made["input"])
    if recipe.engine == "numpy":
        from fairtrial.engine.numpy_net import NumpyNet

        return NumpyNet(arch_of(record), shape, net_weights(record), recipe.precision)
    from fairtrial.engine.torch_net import TorchNet

    return TorchNet.build(arch_of(record), shape, net_weights(record), recipe.precision, "cpu")


def arch_of(record: Record) -> Arch:
    """The architecture of a run; UsageError for a user's own module, whose code is not in the record."""
    if not record.made["arch"]:
        raise UsageError(f"run {record.name} trained a module of your own: record.model(module) rebuilds it")
    return read_arch(record.made["arch"])


def net_weights(record: Record) -> Tensors:
    """The best weights without what was fitted to the input."""
    return {name: values for name, values in record.weights().items() if not name.startswith("input/")}


def probabilities(record: Record, images: Any) -> NumpyArray:
    """Class probabilities (n, classes) of images (n, height, width, channels) uint8.

    Softmax of the outputs, their sigmoid under the loss `bce`, and all on the nearest class where the net predicts a
    number. DataError for images of another shape than the run was trained on.
    """
    if not len(pixels_for(record, images)):
        return np.empty((0, len(record.made["data"]["classes"])))
    return as_probabilities(record, outputs(record, images))


def outputs(record: Record, images: Any) -> NumpyArray:
    """What the net itself says (n, outputs), in float64, of at least one image (n, height, width, channels) uint8.

    With `test_flip` the mean of what it says of the image and of its mirror image.
    """
    return Predictor.of(record).outputs(images)


@dataclass(frozen=True, eq=False)
class Predictor:
    """A run's net with its best weights, rebuilt once for as many images as one likes."""

    record: Record
    net: Net
    fitted: dict[str, Array]  # to the input

    @classmethod
    def of(cls, record: Record) -> Predictor:
        net = net_of(record)
        fitted = {k.removeprefix("input/"): net.array(v) for k, v in record.weights().items() if k.startswith("input/")}
        return cls(record, net, fitted)

    def outputs(self, images: Any) -> NumpyArray:
        """As the function `outputs`."""
        net, pixels = self.net, pixels_for(self.record, images)
        batches = (self._seen(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH))
        flip = self.record.recipe.test_flip
        said = [net.numpy(both_ways(net, x) if flip else net.forward(x)) for x in batches]
        return np.concatenate(said).astype(np.float64)

    def probabilities(self, images: Any) -> NumpyArray:
        """As the function `probabilities`, of at least one image."""
        return as_probabilities(self.record, self.outputs(images))

    def layers(self, images: Any) -> Tensors:
        """The output (n, c, h, w) or (n, units) of every layer by name, of a few images."""
        keep: dict[str, Array] = {}
        self.net.forward(self._seen(pixels_for(self.record, images)), keep=keep)
        return {name: self.net.numpy(values) for name, values in keep.items()}

    def _seen(self, pixels: NumpyArray) -> Array:
        return apply(self.net.array(pixels), self.fitted)


def prepared(record: Record, images: Any) -> NumpyArray:
    """What the run's net sees of images (n, height, width, channels) uint8: (n, c, h, w), or (n, k) after `pca`.

    In the run's own precision, float32 or float64. DataError for images of another shape than the run was trained on.
    """
    pixels = pixels_for(record, images)
    if not len(pixels):
        return np.empty((0, *record.made["input"]), as_dtype(record.recipe.precision))
    fitted = {k.removeprefix("input/"): v for k, v in record.weights().items() if k.startswith("input/")}
    x = apply(pixels, fitted)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def pixels_for(record: Record, images: Any) -> NumpyArray:
    """The images as an array; DataError for another shape than the run was trained on."""
    pixels = np.asarray(images)
    channels, height, width = record.made["image"]
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (height, width, channels):
        wanted = f"(n, {height}, {width}, {channels}) uint8"
        raise DataError(f"images {pixels.shape} {pixels.dtype}: run {record.name} needs {wanted}")
    return pixels


def as_probabilities(record: Record, y: NumpyArray) -> NumpyArray:
    """What outputs (n, k) say about the classes."""
    classes = len(record.made["data"]["classes"])
    if y.shape[1] == 1 < classes:
        return np.eye(classes)[np.clip(np.rint(y[:, 0]), 0, classes - 1).astype(int)]
    if record.recipe.loss.startswith("bce"):
        return 1 / (1 + np.exp(-y.clip(-700, 700)))
    if record.recipe.loss.startswith(("mse", "mae", "huber")):  # outputs stand for the one-hot target itself
        shares = y.clip(1e-12, None)
        return shares / shares.sum(1, keepdims=True)
    e = np.exp(y - y.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
