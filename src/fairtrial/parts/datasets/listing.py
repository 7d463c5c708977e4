"""What lies in an image folder: its parts, classes and files, found without opening one picture."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fairtrial.parts.datasets.dataset import Bad
from fairtrial.parts.datasets.reading import blame
from fairtrial.spec.errors import DataError

TRAIN = "train"
TESTS = ("test", "valid", "val", "validation")  # the first one there is the test part
HIDDEN, NO_PICTURE = "hidden or system files", "files that are no pictures"
JUNK = frozenset({"Thumbs.db", "desktop.ini", "__MACOSX", "__pycache__"})
# What a class folder may hold beside pictures without being asked about it; everything else is tried as a picture.
BESIDE = frozenset({".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".md", ".html", ".log", ".ini", ".db"})
DEEPEST = 16


class File(NamedTuple):
    """One candidate: its path inside the folder, its class, and its size and time as the cache's key.

    A tuple, because a folder has a million of them: it is made, compared and sorted faster than a class of ours.
    """

    path: str
    label: str
    size: int
    modified: int


@dataclass(frozen=True)
class Part:
    """The files of one part, sorted by class and path."""

    classes: tuple[str, ...]
    files: tuple[File, ...]

    def empty(self) -> list[str]:
        """Classes without a file."""
        filled = {file.label for file in self.files}
        return [name for name in self.classes if name not in filled]


@dataclass(frozen=True)
class Listing:
    """An image folder as found; without a test part, one is to be split off."""

    root: Path
    train: Part
    test: Part | None
    bad: tuple[Bad, ...]
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class name of either part, sorted: a label is its place here."""
        return tuple(sorted({*self.train.classes, *(self.test.classes if self.test else ())}))

    @property
    def files(self) -> tuple[File, ...]:
        return self.train.files + (self.test.files if self.test else ())

    @property
    def key(self) -> str:
        """Hash of all paths, sizes and times."""
        lines = [f"{file.path}\0{file.size}\0{file.modified}" for file in self.files]
        lines += [f"{bad.path}\0{bad.reason}" for bad in self.bad] + ["test" if self.test else "one part"]
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def faults(self) -> list[str]:
        """Everything that keeps the folder from being a data set."""
        parts = [(f"{TRAIN} part", self.train)] + ([("test part", self.test)] if self.test else [])
        faults = [f"{where}: class {name} is empty" for where, part in parts for name in part.empty()]
        if len(self.classes) < 2:
            faults.append(f"only one class ({', '.join(self.classes) or 'none'}); a classifier needs two")
        if self.test:
            faults += _differences(set(self.train.classes), set(self.test.classes))
        return faults


def _differences(train: set[str], test: set[str]) -> list[str]:
    faults: list[str] = []
    if train - test:
        faults.append(f"classes only in the train part: {', '.join(sorted(train - test))}")
    if test - train:
        faults.append(f"classes only in the test part: {', '.join(sorted(test - train))}")
    return faults


def list_folder(root: Path) -> Listing:
    """Walk an image folder. Links are followed to files inside the folder only; anything odd is listed as bad."""
    walk = _Walk(root.resolve())
    with blame(root):  # whatever vanishes or may not be read
        parts = walk.folders(walk.root)
        if TRAIN in parts:
            return _in_parts(walk, parts)
        if not parts:
            raise DataError(f"{root}: no class folders in it; pictures belong into one folder a class")
        if set(parts) & set(TESTS):
            raise DataError(
                f"{root}: {', '.join(sorted(set(parts) & set(TESTS)))} without {TRAIN}/; both hold one folder a class"
            )
        return walk.listing(walk.part(""), None)


def _in_parts(walk: _Walk, parts: list[str]) -> Listing:
    tests = [name for name in TESTS if name in parts]
    if tests and tests[0] != TESTS[0]:
        walk.notes.append(f"{tests[0]}/ taken as the test part: there is no test/")
    for unused in parts:
        if unused in tests[1:]:
            walk.notes.append(f"{unused}/ left out: the validation part is taken from {TRAIN}/")
        elif unused not in (TRAIN, *tests):
            walk.notes.append(f"{unused}/ left out: neither {TRAIN}/ nor test/")
    return walk.listing(walk.part(TRAIN), walk.part(tests[0]) if tests else None)


def class_names(root: Path) -> tuple[str, ...]:
    """The class folders of an image folder, without listing what is in them."""
    walk = _Walk(root.resolve())
    parts = walk.folders(walk.root)
    return tuple(walk.folders(walk.root / TRAIN)) if TRAIN in parts else tuple(parts)


def first_file(root: Path, label: str) -> Path | None:
    """The class's first file of the training part, by names alone where that will do."""
    walk = _Walk(root.resolve())
    prefix = f"{TRAIN}/{label}" if (walk.root / TRAIN).is_dir() else label
    with blame(root):
        entries = walk.entries(walk.root / prefix)
        plain = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        pictures = [f"{prefix}/{name}" for name in plain if not _passed_by(name)]
        first = min(pictures or [file.path for file in walk.files(prefix, label)], default=None)
    return None if first is None else walk.root / first


class _Walk:
    """One walk over a folder, which gathers on its way what is bad and what was passed by."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bad: dict[str, str] = {}
        self.passed: dict[str, str] = {}
        self.notes: list[str] = []

    def listing(self, train: Part, test: Part | None) -> Listing:
        names = Counter(name.casefold() for name in train.classes)
        alike = sorted(name for name in train.classes if names[name.casefold()] > 1)
        if alike:
            self.notes.append(f"class names that differ in case only: {', '.join(alike)}")
        self.notes += [f"{count} {what} ignored" for what, count in sorted(Counter(self.passed.values()).items())]
        bad = tuple(Bad(path, reason) for path, reason in sorted(self.bad.items()))
        return Listing(self.root, train, test, bad, tuple(self.notes))

    def folders(self, folder: Path) -> list[str]:
        """Names of the real folders inside, sorted; what else lies there belongs to no class."""
        names: list[str] = []
        for entry in self.entries(folder):
            path = Path(entry.path).relative_to(self.root).as_posix()
            if _passed_by(entry.name) == HIDDEN:
                self.passed[path] = HIDDEN
            elif entry.is_dir(follow_symlinks=False):
                names.append(entry.name)
            elif entry.is_symlink():
                self.bad[path] = "a link in place of a class folder"
            else:
                self.passed[path] = "files outside class folders"
        return sorted(names)

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        with blame(folder), os.scandir(folder) as entries:
            return list(entries)

    def part(self, name: str) -> Part:
        prefix = f"{name}/" if name else ""
        classes = self.folders(self.root / name)
        files = [file for label in classes for file in sorted(self.files(prefix + label, label))]
        return Part(tuple(classes), tuple(files))

    def files(self, prefix: str, label: str, depth: int = 0) -> list[File]:
        """Candidates under one class folder, in whatever order the file system gives them."""
        files: list[File] = []
        for entry in self.entries(self.root / prefix):
            path = f"{prefix}/{entry.name}"
            if why := _passed_by(entry.name):
                self.passed[path] = why
            elif entry.is_file(follow_symlinks=False):
                seen = entry.stat(follow_symlinks=False)
                files.append(File(path, label, seen.st_size, seen.st_mtime_ns))
            elif entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                files += self.files(path, label, depth + 1)
            else:
                self.odd(files, path, label)
        return files

    def odd(self, files: list[File], path: str, label: str) -> None:
        """A link to a file inside the folder is that file; other links, pipes and devices are never opened."""
        place = self.root / path
        target = Path(os.path.realpath(place))  # unlike resolve(), it bears links that lead in a circle
        if not place.is_symlink():
            self.bad[path] = "not a regular file"
        elif not target.is_relative_to(self.root):
            self.bad[path] = "a link that leads out of the folder"
        elif not target.is_file():
            self.bad[path] = "a link to something that is no file"
        else:
            seen = target.stat()
            files.append(File(path, label, seen.st_size, seen.st_mtime_ns))


def _passed_by(name: str) -> str:
    """Why a file is not even tried as a picture; empty for one that is."""
    if name[0] == "." or name in JUNK:
        return HIDDEN
    return NO_PICTURE if name[name.rfind(".") :].lower() in BESIDE else ""
