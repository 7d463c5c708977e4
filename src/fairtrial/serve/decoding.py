"""A picture that somebody brings is decoded here, in a process of its own, by the rules of every picture."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

from fairtrial.parts.datasets.dataset import Bad
from fairtrial.parts.datasets.pictures import Form, quiet, read_picture
from fairtrial.serve.aside import answer, answered
from fairtrial.spec.errors import DataError

PATIENCE = 20.0  # seconds for the largest picture that is decoded, on a slow machine

Size = tuple[int, ...]  # (height, width, channels)


async def decoded(path: Path, sizes: list[Size]) -> list[tuple[bytes, list[str]]]:
    """The pixels of a picture in each of the sizes, and what was done to get them; DataError if it is none."""
    words = ["x".join(map(str, size)) for size in sizes]
    told = await answered(__name__, str(path), *words, patience=PATIENCE)
    return [(base64.b64decode(each["pixels"]), each["done"]) for each in told["pictures"]]


def _decode(path: Path, sizes: list[Size]) -> dict[str, Any]:
    with quiet():
        return {"pictures": [_picture(path, size) for size in sizes]}


def _picture(path: Path, size: Size) -> dict[str, Any]:
    height, width, channels = size
    found = read_picture(path, Form(width, height, channels == 1))
    if isinstance(found, Bad):
        raise DataError(found.reason)
    return {"pixels": base64.b64encode(found.pixels.tobytes()).decode(), "done": found.conversions}


def main() -> None:
    """The path and the sizes are the words of the call."""
    path, *sizes = sys.argv[1:]
    answer(lambda: _decode(Path(path), [tuple(map(int, size.split("x"))) for size in sizes]))


if __name__ == "__main__":
    main()
