"""IDX files, MNIST's format: two zero bytes, the type, the number of axes, their lengths, then the values."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from fairtrial.parts.datasets.dataset import Facts
from fairtrial.parts.datasets.reading import Chunk, Reading, blame, check_labels, key_of
from fairtrial.parts.datasets.source import Remote, checksum_of, file_checksum, require_checksum
from fairtrial.spec.errors import DataError

UINT8 = 0x08
GZIP = b"\x1f\x8b"
# No deflate stream unpacks to more than 1032 times its size: what claims more is damaged, or a bomb.
DEFLATE_RATIO = 1032


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of a file, gzip or plain; a DataError names the file and what is wrong with it."""
    content, shape = _content(path)
    return np.frombuffer(content, np.uint8, offset=len(content) - math.prod(shape)).reshape(shape)


def unpack_idx(path: Path, size: int) -> bytes:
    """The plain bytes of a file, gzip or not, header and all; refused if its header announces more than `size`."""
    return _content(path, size)[0]


def _content(path: Path, published: float = math.inf) -> tuple[bytes, tuple[int, ...]]:
    """All bytes, and the shape they hold; nothing is read beyond what the header announces, or was published."""
    with blame(path), path.open("rb") as raw:
        start = raw.read(512)
        raw.seek(0)
        refuse_html(start, path)
        packed = start.startswith(GZIP)
        size = path.stat().st_size
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
        try:
            return _whole(stream, size * DEFLATE_RATIO if packed else size, published, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path}: damaged gzip: {error}") from error


def _whole(stream: BinaryIO, at_most: int, published: float, path: Path) -> tuple[bytes, tuple[int, ...]]:
    head, shape = _head(stream, path)
    count = math.prod(shape)
    if len(head) + count > at_most:
        raise DataError(f"{path}: truncated: the header announces {count} values of shape {shape}, the file is shorter")
    if len(head) + count > published:
        raise DataError(f"{path}: not the published file: the header announces {count} values of shape {shape}")
    body = stream.read(count)
    if len(body) < count:
        raise DataError(f"{path}: truncated: {len(body)} of {count} values")
    if stream.read(1):  # also has gzip check its sum, which it does at the end only
        raise DataError(f"{path}: more bytes than the header announces")
    return head + body, shape


def _head(stream: BinaryIO, path: Path) -> tuple[bytes, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise DataError(f"{path}: truncated: no whole header")
    zeros, kind, axes = struct.unpack(">HBB", magic)
    if zeros or not 1 <= axes <= 4:
        raise DataError(f"{path}: not an IDX file: it begins with {magic.hex(' ')}")
    if kind != UINT8:
        raise DataError(f"{path}: values of type 0x{kind:02x}; images and labels are of type 0x08, unsigned bytes")
    lengths = stream.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise DataError(f"{path}: truncated: no whole header")
    return magic + lengths, struct.unpack(f">{axes}I", lengths)


def refuse_html(start: bytes, path: Path) -> None:
    """A page saved in place of the file: what a portal or a moved address gives."""
    if is_html(start):
        raise DataError(f"{path}: an HTML page, not data; delete it and fetch the file again")


def is_html(start: bytes) -> bool:
    """Whether the first bytes of a file begin a web page."""
    return (
        start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--"))
    )


@dataclass(frozen=True)
class IdxSet:
    """Four IDX files, training images and labels, then test images and labels, each gzip or unpacked."""

    name: str
    facts: Facts
    classes: tuple[str, ...]
    counts: tuple[int, int]
    files: tuple[Remote, ...]

    def missing(self, folder: Path) -> tuple[Remote, ...]:
        return tuple(remote for remote in self.files if located(folder, remote.name) is None)

    def reading(self, folder: Path) -> Reading:
        paths = [_required(folder, remote.name) for remote in self.files]
        unproven = [path.name for path, remote in zip(paths, self.files, strict=True) if not _provable(path, remote)]
        note = f"{', '.join(unproven)}: checksums are published for the .gz files only; only the structure was checked"
        return Reading(
            self.name, folder, key_of(paths), self.classes, lambda: self._chunks(paths), (note,) if unproven else ()
        )

    def _chunks(self, paths: list[Path]) -> Iterator[Chunk]:
        for test, count in enumerate(self.counts):
            images = self._read(paths[2 * test], self.files[2 * test], (count, *self.facts.shape[1:]))
            labels = self._read(paths[2 * test + 1], self.files[2 * test + 1], (count,)).astype(np.int64)
            check_labels(labels, self.facts.classes, str(paths[2 * test + 1]))
            yield Chunk(images[..., None], labels, bool(test))

    def _read(self, path: Path, remote: Remote, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Soundness first, for that error says more; then whether it is the published file."""
        content, found = _content(path, 4 + 4 * len(shape) + math.prod(shape))
        if remote.of == "unpacked":
            require_checksum(checksum_of(content, remote.checksum), remote.checksum, f"{path} (unpacked bytes)")
        elif _provable(path, remote):
            require_checksum(file_checksum(path, remote.checksum), remote.checksum, str(path))
        if found != shape:
            raise DataError(f"{path}: shape {found}, but {self.name} has {shape}")
        return np.frombuffer(content, np.uint8, offset=len(content) - math.prod(shape)).reshape(shape)


def located(folder: Path, published: str) -> Path | None:
    """The file in the folder: as published, unpacked, or with a dot before `idx` as some archives have it."""
    plain = published.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    places = (folder / name for name in (published, plain, dotted))
    return next((place for place in places if place.is_file()), None)


def _required(folder: Path, published: str) -> Path:
    path = located(folder, published)
    if path is None:
        raise DataError(f"{folder / published}: missing")
    return path


def _provable(path: Path, remote: Remote) -> bool:
    """Whether the published checksum can be compared with this file."""
    return remote.of == "unpacked" or path.suffix == ".gz"
