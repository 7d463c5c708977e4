"""What all exported scripts have in common: how they begin, what they know of their images, how they are called."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable

import numpy as np

from fairtrial.export.carried import read_idx, read_images, source
from fairtrial.export.trained import Trained
from fairtrial.spec.arrays import NumpyArray, Tensors

LINE = 120

MAIN = """\
if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(f"usage: python {Path(__file__).name} FILE ...   pictures, IDX files or .npz files with `images`")
    for path in map(Path, sys.argv[1:]):
        for p in predict(read_images(path, SHAPE)):
            print(f"{path}: {CLASSES[p.argmax()]}  ({p.max():.1%})")"""


def plain(text: str) -> str:
    """The text without what could end a docstring or begin an escape."""
    return re.sub(r"[^\w .,:()+-]", "_", text)


def quoted(text: str) -> str:
    """The text as Python writes it, in double quotes; what no encoding has, as an escape."""
    return json.dumps(text, ensure_ascii=False).encode("utf8", "backslashreplace").decode()


def constants(net: Trained) -> str:
    """Where the weights are, the classes, and the shape of the images."""
    return "\n".join([
        'FILE = Path(__file__).with_suffix(".weights.npz")',
        f"CLASSES = {listed(map(quoted, net.classes))}",
        f"SHAPE = {net.pixels}  # height, width, channels",
    ])  # fmt: skip


def listed(items: Iterable[str], indent: int = 0) -> str:
    """A list on one line where that is not too long, else an item a line."""
    items = list(items)
    line = f"[{', '.join(items)}]"
    if len(line) + indent <= LINE - 20:
        return line
    margin = " " * indent
    return "[\n" + "".join(f"{margin}    {item},\n" for item in items) + margin + "]"


def numbers(values: NumpyArray) -> str:
    """An array of few numbers, each in as few digits as bring it back."""
    return f"[{', '.join(str(value) for value in values)}]"


def joined(*parts: str) -> bytes:
    """A script of these parts, two empty lines between them."""
    return ("\n\n\n".join(part for part in parts if part) + "\n").encode()


def reader() -> str:
    """The functions that read images."""
    return f"{source(read_idx)}\n\n\n{source(read_images)}"


def header(net: Trained, stem: str, needs: str) -> str:
    """What the script is, and how it is used."""
    file, out = plain(stem), f"probabilities (n, {len(net.classes)})"
    return f'''"""{plain(net.about)}, trained by fairtrial (run {net.name}).

    python {file}.py picture.png ...       names the class; also of IDX files, and of .npz files with `images`
    from {file} import predict             predict(images {shown(net)} uint8) -> {out}

Needs {needs}, Pillow for pictures, and its weights beside it: {file}.weights.npz.
"""

from __future__ import annotations

'''


def shown(net: Trained) -> str:
    """The shape of a batch of images, in words."""
    return f"(n, {', '.join(map(str, net.pixels))})"


def npz(tensors: Tensors) -> bytes:
    """Arrays by name as NumPy's own file; nothing in it is pickled."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **tensors)
    return file.getvalue()
