"""The one door through which files are written: a few operations, and whole files made of them.

What has to survive a crash goes through a `Disk`; campaigns put one in its place that is killed, fails, tears or
forgets at any of its operations, so that the code under test is the code that runs.
"""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """The operations of the system. OSError where one fails."""

    def make_folder(self, path: Path) -> None:
        """With those above it; one that is there is fine."""
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """A new file, on the disk when this returns."""
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def append(self, path: Path, data: bytes, durable: bool) -> None:
        """Add to the end in one call; `durable`: this and all before it is on the disk when this returns."""
        with path.open("ab") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """Put one file in the place of another, at once; durable after `sync_folder`."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """A file that is not there is fine."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Make what was created, renamed or removed in it durable; Windows has no such call and needs none."""
        if os.name == "posix":
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def partial(path: Path) -> Path:
    """Where this process writes a file before it takes its name."""
    return path.with_name(f".writing-{os.getpid()}-{path.name}")


def put(path: Path, data: bytes, disk: Disk) -> None:
    """Write a file whole or not at all, whenever the process or the machine stops."""
    disk.make_folder(path.parent)
    beside = partial(path)  # not of tempfile's making: those others may not read
    try:
        disk.write(beside, data)
        disk.rename(beside, path)
    except BaseException:
        disk.remove(beside)
        raise
    disk.sync_folder(path.parent)
