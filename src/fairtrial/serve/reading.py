"""A store that is only read, and only inside its folder: no name and no link leads out of it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import NoReturn

from fairtrial.spec.errors import DamagedFile, UnknownName
from fairtrial.spec.events import Event
from fairtrial.spec.files import STUDIES
from fairtrial.store import FolderStore

LONGEST = 200  # characters; file systems take 255 bytes
_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_STEPWISE = os.open in os.supports_dir_fd  # where a folder can be opened from another that is open


class ReadStore(FolderStore):
    """Runs and studies as they lie in a folder; whoever makes them is not disturbed."""

    def get(self, name: str, file: str) -> bytes | None:
        try:
            with self.opened(name, file) as handle, os.fdopen(os.dup(handle), "rb") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    @contextmanager
    def opened(self, name: str, file: str) -> Generator[int]:
        """A file of a run or a study, open to be read; links are not followed, wherever they are.

        UnknownName for what is no name, DamagedFile for what is a link or no file.
        """
        parts = [*_parts(name), *_parts(file)]
        try:
            with ExitStack() as open_folders:
                yield self._descend(parts, open_folders)
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise DamagedFile(f"{name}/{file}: {error.strerror or error}, or a link") from None

    def _descend(self, parts: list[str], open_folders: ExitStack) -> int:
        flags = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0)  # a pipe is opened, not waited for
        if not _STEPWISE:
            path = self.root.resolve().joinpath(*parts)
            if path.resolve() != path:
                raise OSError("a link")
            handle = os.open(path, flags)
            open_folders.callback(os.close, handle)
            return handle
        folder = os.open(self.root, os.O_RDONLY)
        open_folders.callback(os.close, folder)
        for part in parts:
            folder = os.open(part, flags | _NO_LINK, dir_fd=folder)
            open_folders.callback(os.close, folder)
        return folder

    def append(self, name: str, event: Event) -> NoReturn:
        raise PermissionError("the page reads runs and writes none")

    def put(self, name: str, file: str, data: bytes) -> NoReturn:
        raise PermissionError("the page reads runs and writes none")

    def drop(self, name: str, file: str) -> NoReturn:
        raise PermissionError("the page reads runs and writes none")


def _parts(name: str) -> list[str]:
    """A name, or one of a study's with its folder; UnknownName for anything else."""
    parts = name.split("/")
    if len(parts) > 2 or (len(parts) == 2 and parts[0] != STUDIES) or not all(map(is_name, parts)):
        raise UnknownName("run", name, ["those in the list"])
    return parts


def is_name(word: str) -> bool:
    """Whether the word names something in a folder, on every system: no path, no drive, nothing hidden."""
    return len(word) < LONGEST and word.isprintable() and word[:1] not in ("", ".") and not set(word) & set("/\\:;%")
