"""One picture file becomes uint8 pixels by fixed rules; what is not a picture of a known format is refused."""

from __future__ import annotations

import io
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from fairtrial.parts.datasets.dataset import Bad, Images
from fairtrial.spec.errors import DataError

# Formats by content, whatever the file is called. Left out are those whose decoders run programs (EPS) or hold
# layers and pages (PSD, TIFF).
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
# What announces that it takes more memory is refused before it is decoded: see `_memory`.
MOST_MEMORY = 256_000_000
# A file larger than the pixels that so much memory has room for holds something else.
MOST_BYTES = 80_000_000
# Conversions take several times the memory of their pixels, so they are made of one square after the other.
SQUARE = 512
ORIENTATION, UPRIGHT, TURNS = 0x0112, 1, range(2, 9)
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
WIDE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


@dataclass(frozen=True)
class Form:
    """What a picture's header promises, once it is turned upright."""

    width: int
    height: int
    grey: bool


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels (height, width, channels) as asked for, and what was done to get them."""

    pixels: Images
    conversions: tuple[str, ...]


def form_of(path: Path) -> Form | Bad:
    """The form of a picture, from its header."""
    try:
        with _opened(path) as image:
            # For EXIF behind the pixels of a PNG Pillow would decode it: more than a header is worth.
            known = image.format != "PNG" or "exif" in image.info
            return _form(image, _turned(image) if known else UPRIGHT)
    except Exception as error:
        return Bad(str(path), _reason(path, error))


def read_picture(path: Path, wanted: Form) -> Picture | Bad:
    """Decode a picture into the wanted form.

    A decoder meeting damaged bytes may raise nearly anything: whatever it is, the file is bad, and the reason says so.
    """
    try:
        with _opened(path) as image:
            return _converted(image, wanted)
    except MemoryError:
        raise
    except Exception as error:
        return Bad(str(path), _reason(path, error))


def single(path: Path, shape: tuple[int, int, int]) -> Images:
    """One picture, made to fit (channels, height, width), as uint8 (1, height, width, channels)."""
    channels, height, width = shape
    with quiet():
        found = read_picture(path, Form(width, height, channels == 1))
    if isinstance(found, Bad):
        raise DataError(f"{found.path}: {found.reason}; give the path of a picture")
    return found.pixels[None]


@contextmanager
def quiet() -> Generator[None]:
    """Keep Pillow's remarks on odd metadata off the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _opened(path: Path) -> Generator[ImageFile.ImageFile]:
    with path.open("rb") as stream:
        if stream.seek(0, io.SEEK_END) > MOST_BYTES:
            raise DataError(f"larger than {MOST_BYTES:,} bytes")
        stream.seek(0)
        with Image.open(stream, formats=FORMATS) as image:
            _require_memory(image, halved=isinstance(image, JpegImageFile))
            yield image


def _require_memory(image: ImageFile.ImageFile, halved: bool) -> None:
    if (needed := _memory(image, halved)) > MOST_MEMORY:
        pixels = f"{image.width} x {image.height} pixels"
        raise DataError(
            f"{pixels} take {needed / 1e6:.0f} MB to decode; at most {MOST_MEMORY / 1e6:.0f} MB may be taken"
        )


def _memory(image: ImageFile.ImageFile, halved: bool = False) -> int:
    """Bytes held at most until a picture's pixels are handed over, at its own size or, of a JPEG, at half of it.

    Pillow holds 4 bytes a pixel and some a row, and needs 6 to hand a pixel over; libwebp holds two frames besides.
    A JPEG may come scan by scan, which its header need not tell: then all of its coefficients are held, 2 bytes each.
    """
    pixels = image.width * image.height
    decoded = pixels // 4 if halved else pixels
    coefficients = 0
    if isinstance(image, JpegImageFile):
        _, down, across, _ = zip(*image.layer, strict=True)
        shares = sum(high * wide for high, wide in zip(down, across, strict=True))
        coefficients = pixels * shares // (max(down) * max(across))
    read = image.fp.tell() if image.fp else 0  # and kept: the metadata, or all of a WebP file
    most = max((18 if image.format == "WEBP" else 10) * decoded, 4 * decoded + 2 * coefficients)
    return most + 16 * (image.width + image.height) + 2 * read


def _turned(image: Image.Image) -> int:
    """EXIF's orientation; a value that means nothing is upright."""
    value = image.getexif().get(ORIENTATION, UPRIGHT)
    return value if value in TURNS else UPRIGHT


def _form(image: Image.Image, turned: int) -> Form:
    width, height = image.size
    if turned >= 5:  # the four orientations that lie on their side
        width, height = height, width
    return Form(width, height, image.mode in GREY_MODES)


def _converted(image: ImageFile.ImageFile, wanted: Form) -> Picture:
    turned = _turned(image)
    form = _form(image, turned)
    if _memory(image) > MOST_MEMORY:
        _halve(image, wanted, form)
    done: list[str] = []
    if getattr(image, "is_animated", False):  # an attribute that only formats with frames have
        done.append("first of several frames taken")
    if turned != UPRIGHT:
        ImageOps.exif_transpose(image, in_place=True)
        done.append("turned upright by EXIF")
    image.load()  # before there is room made for others: what the decoder itself holds is free again then
    flat, how = _flattened(image, "L" if wanted.grey else "RGB")
    if how:
        done.append(how)
        image.close()  # its memory is needed
    if (form.width, form.height) != (wanted.width, wanted.height):
        size = (wanted.width, wanted.height)
        flat = ImageOps.fit(flat, size, method=Image.Resampling.BILINEAR)
        done.append(f"resized and centre-cropped to {wanted.width}x{wanted.height}")
    pixels = np.asarray(flat, dtype=np.uint8)
    return Picture(pixels.reshape(wanted.height, wanted.width, -1), tuple(done))


def _halve(image: ImageFile.ImageFile, wanted: Form, form: Form) -> None:
    """Have a JPEG decoded at half its size, unless that is smaller than what is wanted of it."""
    _require_memory(image, halved=wanted.width <= form.width // 2 and wanted.height <= form.height // 2)
    image.draft(None, (image.width // 2, image.height // 2))


def _flattened(image: Image.Image, mode: str) -> tuple[Image.Image, str]:
    """The picture in mode L or RGB, and what that took."""
    if image.mode == mode and not image.has_transparency_data:
        return image, ""
    flat, how = Image.new(mode, image.size), ""
    for top in range(0, image.height, SQUARE):
        for left in range(0, image.width, SQUARE):
            box = (left, top, min(left + SQUARE, image.width), min(top + SQUARE, image.height))
            square, how = _flattened_square(image.crop(box), mode)
            flat.paste(square, box)
    return flat, how


def _flattened_square(image: Image.Image, mode: str) -> tuple[Image.Image, str]:
    if image.mode in WIDE_MODES:
        wide = np.asarray(image).astype(np.float64)
        scaled = np.clip(np.round(wide / 257), 0, 255).astype(np.uint8)
        return Image.fromarray(scaled).convert(mode), "16-bit scaled to 8"
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert(mode), "transparency laid on white"
    return image.convert(mode), f"{image.mode} converted to {mode}"


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        empty = path.stat().st_size == 0
        return "empty file" if empty else f"not a picture in one of the formats {', '.join(FORMATS)}"
    if isinstance(error, Image.DecompressionBombError):
        return "announces too many pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
