"""Every source gives its images as a stream of chunks, and one function pours any stream into a data set."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fairtrial.parts.datasets.dataset import Bad, Dataset, Images, Rows
from fairtrial.spec.errors import DataError


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of one part, the files that gave none, and how many pictures were converted in which way."""

    images: Images
    labels: Rows
    test: bool
    bad: tuple[Bad, ...] = ()
    conversions: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, eq=False)
class Reading:
    """A data set about to be read; `chunks` may be called again, and gives all training chunks before the test ones.

    `key` changes whenever the files may have changed.
    """

    name: str
    source: Path
    key: str
    classes: tuple[str, ...]
    chunks: Callable[[], Iterator[Chunk]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Poured:
    """What a stream of chunks came to, apart from the pixels."""

    shape: tuple[int, ...]
    labels: Rows
    test_from: int
    fingerprint: str
    bad: tuple[Bad, ...]
    conversions: Mapping[str, int]


def pour(chunks: Iterable[Chunk], classes: tuple[str, ...], into: BinaryIO) -> Poured:
    """Write the pixels of all chunks one after the other, and hash them on the way."""
    digest = hashlib.sha256()
    labels: list[Rows] = []
    bad: list[Bad] = []
    conversions: Counter[str] = Counter()
    test_from = 0
    shape: tuple[int, ...] = (0, 0, 0)
    for chunk in chunks:
        pixels = np.ascontiguousarray(chunk.images).data
        into.write(pixels)
        digest.update(pixels)
        shape = chunk.images.shape[1:]
        labels.append(chunk.labels)
        bad += chunk.bad
        conversions.update(chunk.conversions)
        test_from += 0 if chunk.test else len(chunk.labels)
    every = np.concatenate(labels).astype(np.int64)
    whole = (len(every), *shape)
    fingerprint = _fingerprint(digest.hexdigest(), every, whole, classes, test_from)
    return Poured(whole, every, test_from, fingerprint, tuple(bad), conversions)


def fingerprint_of(data: Dataset) -> str:
    """The fingerprint of the images as they are now, whatever was written down when they were read."""
    pixels = hashlib.sha256(np.ascontiguousarray(data.images).data).hexdigest()
    read = _fingerprint(pixels, data.labels, data.images.shape, data.classes, data.test_from)
    return with_skipped(read, data.skipped)


def with_skipped(fingerprint: str, skipped: Sequence[Bad]) -> str:
    """The fingerprint of data of which files were left out."""
    if not skipped:
        return fingerprint
    lines = [fingerprint, *(bad.path for bad in skipped)]
    return hashlib.sha256("\0".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _fingerprint(pixels: str, labels: Rows, shape: tuple[int, ...], classes: tuple[str, ...], test_from: int) -> str:
    """SHA-256 (hex) over pixels, labels, shape, class names and where the test part begins."""
    targets = hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()
    return hashlib.sha256(json.dumps([pixels, targets, shape, classes, test_from]).encode()).hexdigest()


def key_of(files: Iterable[Path]) -> str:
    """Hash of paths, sizes and times of modification."""
    digest = hashlib.sha256()
    for path in files:
        with blame(path):
            seen = path.stat()
        digest.update(f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@contextmanager
def blame(path: Path) -> Generator[None]:
    """Say which file an operating system's error is about."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or path}: {error.strerror or error}; it must be there, and readable"
        ) from error


def check_labels(labels: Rows, classes: int, where: str) -> None:
    """Refuse labels outside the classes, naming the first one."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        first = int(wrong[0])
        raise DataError(f"{where}: record {first} has label {labels[first]}, but labels go from 0 to {classes - 1}")
