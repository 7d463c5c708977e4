"""What a net sees of an image: numbers fitted on the training part alone, then applied to every part alike."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Protocol

import numpy as np

from fairtrial.spec.arch import Shape
from fairtrial.spec.arrays import Array, NumpyArray, Tensors
from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import Registry, call


class Input(Protocol):
    """A way to turn pixels (uint8) into numbers."""

    def shape(self, image: Shape) -> Shape:
        """Shape of what the net sees, for images (channels, height, width)."""
        ...

    def fit(self, images: NumpyArray) -> Tensors:
        """`scale` of each channel, `shift` unless it is 0; for a projection `components` (pixels, k) and `centre`."""
        ...


INPUTS: Registry[Callable[..., Input]] = Registry("input")


def make_input(text: str) -> Input:
    """The input written in `text`, such as `mean-std 0.5 0.5`."""
    return call(INPUTS, text)


def apply(images: Array, fitted: dict[str, Array]) -> Array:
    """Numbers for images (n, height, width, channels) uint8: the same shape, or (n, k) after a projection."""
    n, h, w, c = images.shape
    # What goes along a row of pixels is several times as quick as what goes along three channels
    row = 0 * images[0, 0]
    x = images.reshape(n, h, w * c) * (fitted["scale"] + row).reshape(-1)
    if "shift" in fitted:
        x += (fitted["shift"] + row).reshape(-1)
    if "components" in fitted:
        return (x.reshape(n, -1) - fitted["centre"]) @ fitted["components"]
    return x.reshape(n, h, w, c)


class _Affine:
    """(pixel / 255 - mean) / std"""

    def shape(self, image: Shape) -> Shape:
        return image

    def moments(self, images: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
        raise TypeError(f"{type(self).__name__} has no moments")

    def fit(self, images: NumpyArray) -> Tensors:
        mean, std = self.moments(images)
        return {"scale": 1 / (255 * std)} | ({"shift": -mean / std} if mean.any() else {})


@INPUTS.add("unit")
class Unit(_Affine):
    """As it is, in [0, 1]."""

    def moments(self, images: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
        return np.zeros(images.shape[3]), np.ones(images.shape[3])


@INPUTS.add("mean-std")
class MeanStd(_Affine):
    """Less a given mean, divided by a given standard deviation, of pixels in [0, 1]: one pair, or m m m s s s."""

    def __init__(self, *numbers: float) -> None:
        half = len(numbers) // 2
        if len(numbers) < 2 or len(numbers) % 2 or min(numbers[half:]) <= 0:
            raise UsageError(
                "input mean-std: as many means as standard deviations, these above 0, as in mean-std 0.5 0.5"
            )
        self.mean, self.std = np.array(numbers[:half]), np.array(numbers[half:])

    def moments(self, images: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
        if len(self.mean) not in (1, images.shape[3]):
            raise UsageError(f"input mean-std: {len(self.mean)} means for images of {images.shape[3]} channels")
        return np.resize(self.mean, images.shape[3]), np.resize(self.std, images.shape[3])


@INPUTS.add("standardise")
class Standardise(_Affine):
    """Less the mean of each channel, divided by its standard deviation, both of the training part."""

    def moments(self, images: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
        values = np.arange(256) / 255
        counts = np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[3])])
        shares = counts / counts.sum(1, keepdims=True)
        mean = shares @ values
        std = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(1))
        return mean, np.where(std > 0, std, 1.0)  # a channel of one value stays at 0


@INPUTS.add("pca")
class PCA:
    """The first k principal components of the training part's pixels in [0, 1] (scikit-learn's PCA)."""

    def __init__(self, k: float) -> None:
        if k < 1 or k != int(k):
            raise UsageError(f"input pca {k:g}: a whole number of components, at least 1")
        self.k = int(k)

    def shape(self, image: Shape) -> Shape:
        if self.k > prod(image):
            raise UsageError(f"input pca {self.k}: the images have only {prod(image)} pixels")
        return (self.k,)

    def fit(self, images: NumpyArray) -> Tensors:
        from sklearn import decomposition  # takes a second to import

        if self.k > len(images):
            raise UsageError(f"input pca {self.k}: the training part has only {len(images)} images")
        fit = decomposition.PCA(self.k, svd_solver="covariance_eigh").fit(images.reshape(len(images), -1) / 255)
        unit = np.full(images.shape[3], 1 / 255)
        return {"scale": unit, "components": np.asarray(fit.components_).T.copy(), "centre": fit.mean_}
