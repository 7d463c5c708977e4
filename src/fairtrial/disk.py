"""The one door through which files are written: a few operations, and whole files made of them.

What has to survive a crash goes through a `Disk`; campaigns put one in its place that is killed, fails, tears or
forgets at any of its operations, so that the code under test is the code that runs.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # what a file system without syncs says


class Disk:
    """The operations of the system. OSError where one fails."""

    warned = False  # that this file system cannot sync

    def make_folder(self, path: Path) -> None:
        """With those above it; one that is there is fine."""
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """A new file, on the disk when this returns."""
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            self.sync(file.fileno(), path)

    def read(self, path: Path) -> bytes:
        """What the disk itself has, where the system can be asked to forget what it remembers of it."""
        with path.open("rb") as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return file.read()

    def append(self, path: Path, data: bytes, durable: bool) -> None:
        """Add to the end in one call; `durable`: this and all before it is on the disk when this returns."""
        with path.open("ab") as file:
            file.write(data)
            if durable:
                file.flush()
                self.sync(file.fileno(), path)

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
                self.sync(handle, path)
            finally:
                os.close(handle)

    def sync(self, handle: int, path: Path) -> None:
        """Wait until the disk has what was written; a file system that knows no such thing is told of once."""
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in NO_SYNC:
                raise
            if not self.warned:
                logging.getLogger("fairtrial").warning(
                    f"{path}: this file system cannot sync ({error.strerror}), durability is reduced; "
                    "a loss of power may cost more than the last save"
                )
            self.warned = True


def partial(path: Path) -> Path:
    """Where this process writes a file before it takes its name."""
    return path.with_name(f".writing-{os.getpid()}-{path.name}")


def put(path: Path, data: bytes, disk: Disk, verify: bool = False) -> None:
    """Write a file whole or not at all, whenever the process or the machine stops; `verify` reads it back before."""
    disk.make_folder(path.parent)
    beside = partial(path)  # not of tempfile's making: those others may not read
    try:
        disk.write(beside, data)
        if verify and disk.read(beside) != data:
            raise OSError(errno.EIO, "it reads otherwise than it was written", str(path))
        disk.rename(beside, path)
    except BaseException:
        disk.remove(beside)
        raise
    disk.sync_folder(path.parent)
