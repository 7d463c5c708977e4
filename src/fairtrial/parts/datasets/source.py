"""A registered data set says what it is, which files it is made of, where they are published and how they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from fairtrial.parts.datasets.dataset import Facts
from fairtrial.parts.datasets.reading import Reading, blame
from fairtrial.spec.errors import DataError

# How far a long work has come: what is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Remote:
    """One published file: its name, its checksum, and what of it the checksum is taken over.

    `size` is the number of bytes of what is checked, `checksum` is written `sha256:...` or `md5:...`.
    """

    name: str
    size: int
    checksum: str
    of: Literal["unpacked", "file"]
    mirrors: tuple[str, ...]


class Source(Protocol):
    """A data set that has a name of its own."""

    @property
    def name(self) -> str: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def files(self) -> tuple[Remote, ...]: ...

    def missing(self, folder: Path) -> tuple[Remote, ...]:
        """The published files that the folder still needs."""
        ...

    def reading(self, folder: Path) -> Reading:
        """How to read it, once nothing is missing."""
        ...


def checksum_of(content: bytes, like: str) -> str:
    """The checksum of the content, by the algorithm that `like` was made with."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"


def file_checksum(path: Path, like: str) -> str:
    """The checksum of a file, by the algorithm that `like` was made with."""
    algorithm = like.partition(":")[0]
    with blame(path), path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{digest.hexdigest()}"


def require_checksum(found: str, expected: str, what: str) -> None:
    """Refuse content that is sound but not the published one."""
    if found != expected:
        raise DataError(f"{what}: not the published file: expected {expected}, found {found}; it must be fetched again")
