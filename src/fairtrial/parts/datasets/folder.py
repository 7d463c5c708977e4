"""An image folder becomes a data set: pictures of one size, one number of channels, labels by sorted class name."""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fairtrial.parts.datasets.dataset import Bad, Dataset, Facts, pick
from fairtrial.parts.datasets.listing import File, Listing, class_names, first_file, list_folder
from fairtrial.parts.datasets.pictures import Form, Picture, form_of, quiet, read_picture
from fairtrial.parts.datasets.places import cache_folder
from fairtrial.parts.datasets.reading import Chunk, Reading
from fairtrial.parts.datasets.source import Progress
from fairtrial.rng import rng
from fairtrial.spec.errors import DataError, OutOfResources

TEST_SHARE = 0.2
# The same pictures are the test part for every run: they hang on this seed, never on the run's.
TEST_SEED = 0
CHUNK_BYTES = 4_000_000
CHUNK_PICTURES = 256
# Smaller pictures decode faster in one thread: handing over the interpreter's lock takes longer than they do.
THREADED_PIXELS = 128 * 128
SHOWN = 3


def folder_facts(root: Path) -> Facts:
    """Class names from the folders; the shape from the header of each class's first picture, so an estimate."""
    classes = class_names(root)
    firsts = [path for label in classes if (path := first_file(root, label))]
    with quiet():
        form = _most_common(form_of(path) for path in firsts)
    if form is None:
        raise DataError(f"{root}: no readable picture; pictures belong into one folder a class")
    return Facts(_shape(form), len(classes))


def _shape(form: Form) -> tuple[int, int, int]:
    return (1 if form.grey else 3), form.height, form.width


def folder_reading(root: Path, name: str, progress: Progress) -> Reading:
    """How to read an image folder; one that cannot become a data set is refused before a picture is opened."""
    listing = list_folder(root)
    faults = listing.faults()
    if faults:
        raise DataError(f"{root}: {'; '.join(faults)}\nboth parts need pictures of the same classes, two or more")
    train, test, notes = split_files(listing)
    return Reading(
        name, listing.root, listing.key, listing.classes, lambda: _chunks(listing, train, test, progress), notes
    )


def split_files(listing: Listing) -> tuple[tuple[File, ...], tuple[File, ...], tuple[str, ...]]:
    """Training files, test files, notes; where there is no test part, a fifth of every class is taken for it."""
    files = listing.train.files
    if listing.test:
        return files, listing.test.files, listing.notes
    places = {name: place for place, name in enumerate(listing.classes)}
    labels = np.array([places[file.label] for file in files], dtype=np.int64)
    chosen = pick(labels, round(TEST_SHARE * len(files)), rng(TEST_SEED, "split", place=1))
    train = tuple(file for file, taken in zip(files, chosen, strict=True) if not taken)
    test = tuple(file for file, taken in zip(files, chosen, strict=True) if taken)
    note = f"no test folder: {len(test)} pictures, {TEST_SHARE:.0%} of every class, are the test part of every run"
    return train, test, (note, *listing.notes)


def judge(data: Dataset, skip_bad: bool) -> Dataset:
    """The data set, unless files of it are unusable and nobody said to go on without them."""
    if data.skipped and not skip_bad:
        shown = [f"{bad.path}: {bad.reason}" for bad in data.skipped[:SHOWN]]
        more = [f"and {len(data.skipped) - SHOWN} more"] if len(data.skipped) > SHOWN else []
        raise DataError(
            f"{data.name}: unusable files ({len(data.skipped)}): {'; '.join([*shown, *more])}\n"
            "remove or repair them, or leave them out with skip_bad=true; `fairtrial data FOLDER` lists them all"
        )
    for part, labels in (("train", data.labels[: data.test_from]), ("test", data.labels[data.test_from :])):
        counts = np.bincount(labels, minlength=len(data.classes))
        if not counts.all():
            raise DataError(
                f"{data.name}: {part} part: class {data.classes[int(counts.argmin())]} has no usable picture"
            )
    return data


def _chunks(listing: Listing, train: tuple[File, ...], test: tuple[File, ...], progress: Progress) -> Iterator[Chunk]:
    with quiet():
        form = _survey(listing)
        _require_room(form, len(listing.files))
        yield Chunk(np.empty((0, *_rows(form)), np.uint8), np.empty(0, np.int64), test=False, bad=listing.bad)
        done = 0
        for chunk in _in_order(_groups(listing, train, test, form), _workers(form)):
            done += len(chunk.labels) + len(chunk.bad)
            progress(f"decoding {listing.root.name}", done, len(listing.files))
            yield chunk


def _require_room(form: Form, count: int) -> None:
    """Refuse photographs at full size before they fill the disk."""
    needed = count * math.prod(_rows(form))
    place = next(folder for folder in (cache_folder(), *cache_folder().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        size = f"{count} pictures of {form.width}x{form.height} take {needed / 1e9:.1f} GB decoded"
        raise OutOfResources(f"{size}, {place} has {free / 1e9:.1f} GB free; make the pictures smaller first")


def _rows(form: Form) -> tuple[int, int, int]:
    return form.height, form.width, 1 if form.grey else 3


def _survey(listing: Listing) -> Form:
    """The most common size, and grey only where every picture is."""
    form = _most_common(form_of(listing.root / file.path) for file in listing.files)
    if form is None:
        raise DataError(f"{listing.root}: none of the {len(listing.files)} files is a readable picture")
    return form


def _most_common(forms: Iterable[Form | Bad]) -> Form | None:
    """Ties go to the larger picture, so that the order of the files does not matter."""
    sizes: Counter[tuple[int, int]] = Counter()
    grey = True
    for form in forms:
        if isinstance(form, Form):
            sizes[form.width, form.height] += 1
            grey = grey and form.grey
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: (sizes[size], size[0] * size[1], size))
    return Form(width, height, grey)


def _groups(
    listing: Listing, train: tuple[File, ...], test: tuple[File, ...], form: Form
) -> Iterator[Callable[[], Chunk]]:
    """The work, cut into pieces of a few megabytes."""
    places = {name: place for place, name in enumerate(listing.classes)}
    together = min(CHUNK_PICTURES, 1 + CHUNK_BYTES // math.prod(_rows(form)))
    for files, is_test in ((train, False), (test, True)):
        for start in range(0, len(files), together):
            group = files[start : start + together]
            yield lambda group=group, is_test=is_test: _decoded(listing.root, group, places, form, is_test)


def _decoded(root: Path, files: tuple[File, ...], places: dict[str, int], form: Form, test: bool) -> Chunk:
    found = [read_picture(root / file.path, form) for file in files]
    good = [(file, picture) for file, picture in zip(files, found, strict=True) if isinstance(picture, Picture)]
    images = np.empty((len(good), *_rows(form)), np.uint8)
    for row, (_, picture) in enumerate(good):
        images[row] = picture.pixels
    return Chunk(
        images,
        np.array([places[file.label] for file, _ in good], np.int64),
        test,
        tuple(Bad(file.path, bad.reason) for file, bad in zip(files, found, strict=True) if isinstance(bad, Bad)),
        Counter(what for _, picture in good for what in picture.conversions),
    )


def _workers(form: Form) -> int:
    return min(8, os.cpu_count() or 1) if form.width * form.height >= THREADED_PIXELS else 1


def _in_order(work: Iterator[Callable[[], Chunk]], workers: int) -> Iterator[Chunk]:
    """Results in the order of the work, only a few pieces ahead: memory stays bounded whatever the folder's size."""
    if workers == 1:
        yield from (piece() for piece in work)
        return
    waiting: deque[Future[Chunk]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for piece in work:
            waiting.append(pool.submit(piece))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
