"""Sample pictures of every class, drawn as one PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fairtrial.disk import Disk, put
from fairtrial.parts.datasets.dataset import Dataset, Images
from fairtrial.spec.errors import OutOfResources, UsageError

SAMPLES = 10
# Sides of a tile in pixels: small pictures are enlarged by a whole factor, large ones reduced.
SMALLEST, LARGEST = 32, 128
GAP = 4
FONT_SIZE = 14
WHITE, BLACK = 255, 0


def draw_samples(data: Dataset, path: Path) -> None:
    """One row a class, its name before it, training pictures taken at even distances."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path}: the pictures are written as PNG; give a name that ends in .png")
    _, height, width = data.shape
    tile = _tile(width, height)
    font = ImageFont.load_default(FONT_SIZE)
    margin = 2 * GAP + int(max(font.getlength(name) for name in data.classes))
    pitch = max(tile[1], FONT_SIZE) + GAP
    sheet = Image.new("RGB", (margin + SAMPLES * (tile[0] + GAP), GAP + pitch * len(data.classes)), (WHITE,) * 3)
    pen = ImageDraw.Draw(sheet)
    for label, name in enumerate(data.classes):
        top = GAP + label * pitch
        pen.text((GAP, top + tile[1] // 2), name, fill=(BLACK,) * 3, font=font, anchor="lm")
        for place, row in enumerate(sample_rows(data, label)):
            sheet.paste(_drawn(data.images[row], tile), (margin + place * (tile[0] + GAP), top))
    _write(sheet, path)


def sample_rows(data: Dataset, label: int, count: int = SAMPLES) -> list[int]:
    """Training rows of a class, at even distances."""
    rows = np.flatnonzero(data.labels[: data.test_from] == label)
    places = np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))
    return [int(row) for row in rows[places]]


def reduced(image: Images) -> Images:
    """The image (height, width, channels), smaller where it is larger than a tile."""
    height, width = image.shape[:2]
    if max(height, width) <= LARGEST:
        return image
    return np.asarray(_drawn(image, _tile(width, height)))


def _tile(width: int, height: int) -> tuple[int, int]:
    longest = max(width, height)
    factor = -(-SMALLEST // longest) if longest < SMALLEST else min(1.0, LARGEST / longest)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _drawn(image: Images, tile: tuple[int, int]) -> Image.Image:
    whole = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else np.ascontiguousarray(image))
    return whole.convert("RGB").resize(tile, Image.Resampling.NEAREST if tile[0] >= whole.width else None)


def _write(sheet: Image.Image, path: Path) -> None:
    """The whole file or none."""
    content = io.BytesIO()
    sheet.save(content, format="PNG")
    try:
        put(path, content.getvalue(), Disk())
    except OSError as error:
        raise OutOfResources(
            f"cannot write {path}: {error.strerror or error} (errno {error.errno}); give another path"
        ) from error
