"""What is in a data set, and what speaks against it: imbalance, repeated images, test images in the training part."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairtrial.parts.datasets.cache import obtain_checked
from fairtrial.parts.datasets.dataset import Bad, Dataset
from fairtrial.parts.datasets.known import DATASETS
from fairtrial.parts.datasets.listing import File
from fairtrial.parts.datasets.loading import fetch, image_folder, silent
from fairtrial.parts.datasets.places import data_folder
from fairtrial.parts.datasets.source import Progress
from fairtrial.spec.errors import DataError, UnknownName

EXAMPLES = 10


@dataclass(frozen=True)
class Repeats:
    """How many images repeat another one pixel by pixel, and some pairs of file names or rows."""

    count: int
    examples: tuple[tuple[str, str], ...]


NONE = Repeats(0, ())


@dataclass(frozen=True)
class Inspection:
    """The findings on one data set; `faults` are what keeps it from being used, `balance` is largest to smallest class.

    Of a data set with faults only files are counted: shape, fingerprint and repeats are not there.
    """

    name: str
    shape: tuple[int, int, int] | None
    counts: Mapping[str, Mapping[str, int]]
    balance: float
    train_repeats: Repeats
    test_in_train: Repeats
    contradictions: Repeats
    bad: tuple[Bad, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str | None


def inspect(word: str, *, progress: Progress = silent) -> Inspection:
    """Look at everything; bad files and faults are reported here, where `load` would refuse them."""
    if word not in DATASETS:
        return _inspect_folder(image_folder(word), progress)
    data = obtain_checked(DATASETS[word].reading(fetch(word, progress=progress)))
    return _inspected(data, row_names(word, data))


def row_names(word: str, data: Dataset) -> list[str]:
    """What each row of the data is called: the path of its file, or its number in its part.

    Its number, too, where the files may have changed since the data were loaded.
    """
    if word not in DATASETS:
        from fairtrial.parts.datasets.folder import split_files  # Pillow is loaded for pictures only
        from fairtrial.parts.datasets.listing import list_folder

        with suppress(DataError, UnknownName):  # the folder may have gone
            listing = list_folder(image_folder(word))
            if listing.key == data.key:
                train, test, _ = split_files(listing)
                return _paths((*train, *test), data)
    rows = range(len(data.labels))
    return [f"train {row}" if row < data.test_from else f"test {row - data.test_from}" for row in rows]


def _paths(files: Iterable[File], data: Dataset) -> list[str]:
    skipped = {bad.path for bad in data.skipped}
    return [file.path for file in files if file.path not in skipped]


def key(word: str) -> str:
    """A hash that changes whenever the files may have changed; DataError where some are missing. Nothing is fetched."""
    if word not in DATASETS:
        from fairtrial.parts.datasets.listing import list_folder

        return list_folder(image_folder(word)).key
    return DATASETS[word].reading(data_folder() / DATASETS[word].name).key


def _inspect_folder(root: Path, progress: Progress) -> Inspection:
    from fairtrial.parts.datasets.folder import folder_reading, split_files  # Pillow is loaded for pictures only
    from fairtrial.parts.datasets.listing import list_folder

    listing = list_folder(root)
    train, test, _ = split_files(listing)
    faults = tuple(listing.faults())
    if faults:
        counts = {
            part: {name: found[name] for name in listing.classes}
            for part, found in (
                ("train", Counter(file.label for file in train)),
                ("test", Counter(file.label for file in test)),
            )
        }
        return Inspection(
            listing.root.name,
            None,
            counts,
            _balance(counts),
            NONE,
            NONE,
            NONE,
            listing.bad,
            faults,
            listing.notes,
            None,
        )
    data = obtain_checked(folder_reading(root, listing.root.name, progress))
    return _inspected(data, _paths((*train, *test), data))


def _inspected(data: Dataset, names: Sequence[str]) -> Inspection:
    counts = {
        "train": _by_class(data, slice(0, data.test_from)),
        "test": _by_class(data, slice(data.test_from, None)),
    }
    pairs = list(_repeats(data))
    in_train = [pair for pair in pairs if pair[1] < data.test_from]
    across = [pair for pair in pairs if pair[0] < data.test_from <= pair[1]]
    contradicting = [pair for pair in pairs if data.labels[pair[0]] != data.labels[pair[1]]]
    empty = [
        f"{part} part: class {name} has no usable picture"
        for part, found in counts.items()
        for name, count in found.items()
        if not count
    ]
    return Inspection(
        name=data.name,
        shape=data.shape,
        counts=counts,
        balance=_balance(counts),
        train_repeats=_named(in_train, names),
        test_in_train=_named(across, names),
        contradictions=_named(contradicting, names),
        bad=data.skipped,
        faults=tuple(empty),
        notes=data.notes,
        fingerprint=data.fingerprint,
    )


def _by_class(data: Dataset, rows: slice) -> dict[str, int]:
    counts = np.bincount(data.labels[rows], minlength=len(data.classes))
    return {name: int(count) for name, count in zip(data.classes, counts, strict=True)}


def _balance(counts: Mapping[str, Mapping[str, int]]) -> float:
    """Largest class of the training part to its smallest; infinite where one is empty."""
    sizes = counts["train"].values()
    return max(sizes) / min(sizes) if min(sizes) else float("inf")


def _repeats(data: Dataset) -> Iterable[tuple[int, int]]:
    """Rows (first, later) with the same pixels; each later row once, with the first that had them."""
    seen: dict[bytes, int] = {}
    for row, image in enumerate(data.images):
        first = seen.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), row)
        if first != row:
            yield first, row


def test_in_train(data: Dataset) -> int:
    """How many test images are in the training part too, pixel by pixel."""
    return sum(first < data.test_from <= later for first, later in _repeats(data))


def _named(pairs: Sequence[tuple[int, int]], names: Sequence[str]) -> Repeats:
    return Repeats(len(pairs), tuple((names[first], names[later]) for first, later in pairs[:EXAMPLES]))
