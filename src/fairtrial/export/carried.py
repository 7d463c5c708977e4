"""Functions whose source the exported scripts carry: they use nothing but what the scripts import."""

from __future__ import annotations

import gzip
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def source(carried: Callable[..., Any]) -> str:
    """The text of a function or class."""
    return inspect.getsource(carried).rstrip()


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file, gzip or not."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = np.frombuffer(data, ">u4", data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def read_images(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Images (n, height, width, channels) uint8: of a picture, an IDX file (also .gz), or an .npz with `images`."""
    height, width, channels = shape
    if path.suffix == ".npz":
        images = np.load(path)["images"]
    elif "idx" in path.name:
        images = read_idx(path)
    else:
        from PIL import Image, ImageOps

        picture = ImageOps.exif_transpose(Image.open(path))
        if picture.has_transparency_data:
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
        picture = picture.convert("L" if channels == 1 else "RGB")
        images = np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR))
    return images.reshape(-1, height, width, channels)
