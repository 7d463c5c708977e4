"""CIFAR-10 in its binary layout: one label byte, then 1,024 red, green and blue bytes each, row by row."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from fairtrial.parts.datasets.dataset import Facts, Rows
from fairtrial.parts.datasets.idx import refuse_html
from fairtrial.parts.datasets.pickled import read_batch
from fairtrial.parts.datasets.reading import Chunk, Reading, blame, check_labels, key_of
from fairtrial.parts.datasets.source import Remote, file_checksum, require_checksum
from fairtrial.spec.errors import DataError

PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
BATCH = re.compile(r"(data_batch_[1-5]|test_batch)(\.bin)?")
# The archives have 9 members and unpack to under 190 MB: what gives more is not one of them.
MOST_MEMBERS = 100
LARGEST_ARCHIVE = 200_000_000
# What the python archive is published as; it is read where it is found, and never downloaded.
PYTHON_ARCHIVE = "cifar-10-python.tar.gz"
PYTHON_CHECKSUM = "md5:c58f30108f718f92721af3b95e74349a"

Batch = tuple[NDArray[np.uint8], Rows]


@dataclass(frozen=True)
class CifarSet:
    """The binary archive, its unpacked .bin files, or the python archive or its unpacked batches."""

    name: str
    facts: Facts
    classes: tuple[str, ...]
    archive: Remote

    @property
    def files(self) -> tuple[Remote, ...]:
        return (self.archive,)

    def missing(self, folder: Path) -> tuple[Remote, ...]:
        return () if _found(folder, self.archive.name) else self.files

    def reading(self, folder: Path) -> Reading:
        paths = _found(folder, self.archive.name)
        if paths is None:
            raise DataError(f"{folder / self.archive.name}: missing")
        first, *others = paths
        loose = f"{first.parent.name}/: loose files, for which no checksum is published; only the structure was checked"
        chunks = self._loose_chunks if others else self._archive_chunks
        return Reading(
            self.name, folder, key_of(paths), self.classes, lambda: chunks(paths), (loose,) if others else ()
        )

    def _loose_chunks(self, paths: tuple[Path, ...]) -> Iterator[Chunk]:
        return self._chunks(read_loose(paths), paths[0].parent)

    def _archive_chunks(self, paths: tuple[Path, ...]) -> Iterator[Chunk]:
        """Soundness first, for that error says more; then whether it is the published archive."""
        (path,) = paths
        batches = read_archive(path)
        expected = PYTHON_CHECKSUM if path.name == PYTHON_ARCHIVE else self.archive.checksum
        require_checksum(file_checksum(path, expected), expected, str(path))
        return self._chunks(batches, path)

    def _chunks(self, batches: Mapping[str, Batch], where: Path) -> Iterator[Chunk]:
        for name in (*TRAIN, TEST):
            pixels, labels = batches[name]
            check_labels(labels, self.facts.classes, f"{where / name}")
            images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            yield Chunk(images, labels, test=name == TEST)


def _found(folder: Path, archive: str) -> tuple[Path, ...] | None:
    """The first complete form of the data in the folder: one archive, or six files."""
    for name in (archive, PYTHON_ARCHIVE):
        if (folder / name).is_file():
            return (folder / name,)
    for place, suffix in ((folder, ".bin"), (folder / "cifar-10-batches-bin", ".bin"),
                          (folder / "cifar-10-batches-py", ""), (folder, "")):  # fmt: skip
        paths = tuple(place / (name + suffix) for name in (*TRAIN, TEST))
        if all(path.is_file() for path in paths):
            return paths
    return None


def read_loose(paths: tuple[Path, ...]) -> Mapping[str, Batch]:
    """The six unpacked files, binary or python by their names."""
    return {path.stem: _batch(path.name, _content(path), str(path)) for path in paths}


def read_archive(path: Path) -> Mapping[str, Batch]:
    """The six batches inside an archive; members are read as streams, and nothing is written anywhere."""
    batches: dict[str, Batch] = {}
    with blame(path), path.open("rb") as raw:
        refuse_html(raw.read(512), path)
        raw.seek(0)
        try:
            stream = cast(BinaryIO, _Limited(gzip.GzipFile(fileobj=raw), path))
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for name, content in _members(archive, path):
                    batches[name.removesuffix(".bin")] = _batch(name, content, f"{path}:{name}")
            while stream.read(1 << 20):  # to the end: only there does gzip check its sum
                pass
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path}: damaged archive: {error}") from error
    lacking = [name for name in (*TRAIN, TEST) if name not in batches]
    if lacking:
        raise DataError(f"{path}: {', '.join(lacking)} not in the archive")
    return batches


class _Limited:
    """A stream that ends in an error once it has given more than a CIFAR archive can."""

    def __init__(self, stream: gzip.GzipFile, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._left = LARGEST_ARCHIVE

    def read(self, count: int) -> bytes:
        content = self._stream.read(count)
        self._left -= len(content)
        if self._left < 0:
            raise DataError(f"{self._path}: unpacks to over {LARGEST_ARCHIVE} bytes: not a CIFAR-10 archive")
        return content


def _members(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, bytes]]:
    for count, member in enumerate(archive, 1):
        if count > MOST_MEMBERS:
            raise DataError(f"{path}: more than {MOST_MEMBERS} members: not a CIFAR-10 archive")
        name = member.name.rpartition("/")[2]
        if not BATCH.fullmatch(name):
            continue
        stream = archive.extractfile(member) if member.isreg() else None
        if stream is None:
            raise DataError(f"{path}: unsafe content: {member.name} is not a plain file")
        yield name, stream.read()


def _content(path: Path) -> bytes:
    with blame(path):
        if path.stat().st_size > LARGEST_ARCHIVE:
            raise DataError(f"{path}: {path.stat().st_size} bytes: not a CIFAR-10 batch")
        return path.read_bytes()


def _batch(name: str, content: bytes, where: str) -> Batch:
    refuse_html(content[:512], Path(where))
    return read_bin(content, where) if name.endswith(".bin") else read_batch(content, where)


def read_bin(content: bytes, where: str) -> Batch:
    """(n, 3072) pixels and (n,) labels of one binary batch."""
    if not content or len(content) % RECORD:
        raise DataError(f"{where}: {len(content)} bytes are not whole records of {RECORD}: truncated, or not CIFAR-10")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    return records[:, 1:], records[:, 0].astype(np.int64)
