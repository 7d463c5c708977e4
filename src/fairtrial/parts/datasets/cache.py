"""Decoded images are kept as plain .npy files, written whole or not at all, and opened as memory maps."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fairtrial.parts.datasets.dataset import Bad, Dataset
from fairtrial.parts.datasets.places import cache_folder
from fairtrial.parts.datasets.reading import Chunk, Poured, Reading, fingerprint_of, pour, with_skipped
from fairtrial.spec.errors import OutOfResources

# Part of every key: raise it when a rule of decoding changes, so that old entries are not taken for new ones.
RULES = "1"
ABANDONED_SECONDS = 24 * 3600
LARGEST_IN_MEMORY = 4_000_000_000


def obtain(reading: Reading) -> Dataset:
    """The data set, from the cache where it is there; read and put there where not.

    Where the cache cannot be written (read-only, full) the images stay in memory instead.
    """
    entry = _entry(reading)
    found = _opened(entry)
    if found is not None:
        return found
    try:
        with _only_me(entry):
            return _opened(entry) or _kept(reading, entry)
    except OSError as error:
        return _in_memory(reading, error)


def obtain_checked(reading: Reading) -> Dataset:
    """The data set after hashing all its pixels again; an entry that changed on the disk is read anew."""
    data = obtain(reading)
    if fingerprint_of(data) == data.fingerprint:
        return data
    shutil.rmtree(_entry(reading))
    return obtain(reading)


def _entry(reading: Reading) -> Path:
    """The entry's folder: its name says where the data came from, and in which state the files were."""
    source = hashlib.sha256(os.fsencode(reading.source)).hexdigest()[:12]
    state = hashlib.sha256(f"{RULES} {reading.key}".encode()).hexdigest()[:24]
    return cache_folder() / f"{reading.name}-{source}-{state}"


@contextmanager
def _only_me(entry: Path) -> Generator[None]:
    """One process decodes, the others wait and then find the entry."""
    from filelock import FileLock  # only where something is to be decoded: most starts never need it

    entry.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(entry.parent / f".{entry.name.rpartition('-')[0]}.lock"):
        yield


def _opened(entry: Path) -> Dataset | None:
    """The entry as a data set, or None where there is none or it is not whole."""
    try:
        about = json.loads((entry / "dataset.json").read_text("utf-8"))
        images = np.load(entry / "images.npy", mmap_mode="c", allow_pickle=False)
        labels = np.load(entry / "labels.npy", mmap_mode="r", allow_pickle=False)  # takes no memory that it announces
        whole = images.shape == tuple(about["shape"]) and images.dtype == np.uint8 and len(labels) == len(images)
        return _dataset(about, images, np.array(labels)) if whole else None
    except (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError):
        return None


def _kept(reading: Reading, entry: Path) -> Dataset:
    """Read into a temporary folder beside the entry, then give it the entry's name in one step."""
    _sweep(entry)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=entry.parent))
    try:
        with _durable(partial / "images.npy") as stream:
            _header(stream, (0, 0, 0, 0))
            poured = pour(reading.chunks(), reading.classes, stream)
            stream.seek(0)
            _header(stream, poured.shape)
        with _durable(partial / "labels.npy") as stream:
            np.save(stream, poured.labels, allow_pickle=False)
        with _durable(partial / "dataset.json") as stream:
            stream.write(json.dumps(_about(reading, poured), indent=1).encode())
        shutil.rmtree(entry, ignore_errors=True)  # an entry that is there but not whole
        partial.rename(entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    found = _opened(entry)
    if found is None:
        raise OSError(f"{entry} cannot be read back")
    return found


def _in_memory(reading: Reading, cause: OSError) -> Dataset:
    pixels = io.BytesIO()
    poured = pour(_bounded(reading.chunks(), cause), reading.classes, pixels)
    images = np.frombuffer(pixels.getbuffer(), np.uint8).reshape(poured.shape)
    return _dataset(_about(reading, poured), images, poured.labels)


def _bounded(chunks: Iterable[Chunk], cause: OSError) -> Iterator[Chunk]:
    """The chunks, as long as a computer can be trusted to have the memory for them."""
    total = 0
    for chunk in chunks:
        total += chunk.images.nbytes
        if total > LARGEST_IN_MEMORY:
            size = f"the images take over {LARGEST_IN_MEMORY / 1e9:.0f} GB"
            raise OutOfResources(f"{size}, and {cache_folder()} cannot take them: {cause}")
        yield chunk


def _header(stream: BinaryIO, shape: tuple[int, ...]) -> None:
    """NumPy pads this header for a first axis of any length, and then to 128 bytes, which leaves room for the sides
    of any picture: it can be written again once the shape is known."""
    np.lib.format.write_array_header_1_0(
        stream,
        {"descr": "|u1", "fortran_order": False, "shape": shape},
    )


@contextmanager
def _durable(path: Path) -> Generator[BinaryIO]:
    with path.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _about(reading: Reading, poured: Poured) -> dict[str, Any]:
    counted = [f"{count} {what}" for what, count in sorted(poured.conversions.items())]
    skipped = [f"{len(poured.bad)} unusable files skipped"] if poured.bad else []
    return {
        "name": reading.name,
        "shape": list(poured.shape),
        "classes": list(reading.classes),
        "test_from": poured.test_from,
        "fingerprint": poured.fingerprint,
        "notes": [*reading.notes, *counted, *skipped],
        "skipped": [[bad.path, bad.reason] for bad in poured.bad],
    }


def _dataset(about: dict[str, Any], images: Any, labels: Any) -> Dataset:
    skipped = tuple(Bad(path, reason) for path, reason in about["skipped"])
    return Dataset(
        name=about["name"],
        images=images.view(np.ndarray),
        labels=labels,
        classes=tuple(about["classes"]),
        test_from=about["test_from"],
        fingerprint=with_skipped(about["fingerprint"], skipped),
        notes=tuple(about["notes"]),
        skipped=skipped,
    )


def _sweep(entry: Path) -> None:
    """Remove what the same source left under older keys, and what a killed process left half-written."""
    source = entry.name.rpartition("-")[0]
    for older in entry.parent.glob(f"{source}-*"):
        shutil.rmtree(older, ignore_errors=True)
    for partial in entry.parent.glob(".partial-*"):
        with suppress(OSError):
            if time.time() - partial.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(partial, ignore_errors=True)
