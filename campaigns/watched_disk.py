"""A disk that tells of each operation before it is done; who is told may raise, tear or kill in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairtrial.disk import Disk


@dataclass(frozen=True)
class Operation:
    """One call of a disk; paths are relative to the store."""

    kind: str  # make_folder, write, read, append, rename, remove or sync_folder
    path: Path
    data: bytes = b""
    durable: bool = False  # of an append
    new: Path | None = None  # of a rename

    def on(self, disk: Disk, root: Path) -> None:
        """Do it in another folder."""
        path = root / self.path
        if self.kind == "write":
            disk.write(path, self.data)
        elif self.kind == "append":
            disk.append(path, self.data, self.durable)
        elif self.new:
            disk.rename(path, root / self.new)
        else:
            getattr(disk, self.kind)(path)


class Watched(Disk):
    """Tells of each operation before it is done; what is told of may raise in its place."""

    def __init__(self, root: Path, tell: Callable[[Operation, Path], None]) -> None:
        self.root, self.tell = root, tell

    def _say(self, kind: str, path: Path, data: bytes = b"", durable: bool = False, new: Path | None = None) -> None:
        told = Operation(kind, path.relative_to(self.root), data, durable, new and new.relative_to(self.root))
        self.tell(told, path)

    def make_folder(self, path: Path) -> None:
        self._say("make_folder", path)
        super().make_folder(path)

    def write(self, path: Path, data: bytes) -> None:
        self._say("write", path, data)
        super().write(path, data)

    def read(self, path: Path) -> bytes:
        self._say("read", path)
        return super().read(path)

    def append(self, path: Path, data: bytes, durable: bool) -> None:
        self._say("append", path, data, durable)
        super().append(path, data, durable)

    def rename(self, old: Path, new: Path) -> None:
        self._say("rename", old, new=new)
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._say("remove", path)
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._say("sync_folder", path)
        super().sync_folder(path)
