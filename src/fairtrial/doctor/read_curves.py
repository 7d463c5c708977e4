"""Files of scores become curves: tables (CSV, TSV), JSON as Keras and others write it, and TensorBoard's event files.

Each kind of file becomes columns of numbers first; the names of columns are understood the same way for all.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fairtrial.doctor.fingerprints import Curve, Curves
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import UsageError
from fairtrial.spec.files import RECIPE

EVENT_FILE = "tfevents"
ENDINGS = (".csv", ".tsv", ".json", ".jsonl")
NO_NUMBERS = ("nan", "NaN", "inf", "-inf")  # as JSON without a word for them is given them
GAPS = frozenset({"", "-", "na", "n/a", "none", "null"})  # cells of a score that was not taken there
PARTS = {"train": "train", "training": "train", "running": "train"} | {
    "val": "valid", "valid": "valid", "validation": "valid", "dev": "valid", "eval": "valid", "evaluation": "valid",
    "test": "test", "testing": "test",
}  # fmt: skip
MEASURES = {"loss": "loss", "nll": "loss", "xent": "loss", "acc": "accuracy", "accuracy": "accuracy"}
FILLERS = frozenset({"cross", "entropy", "sparse", "categorical", "binary", "mean", "avg", "epoch", "step", "score"})
INDICES = {"epoch": "epoch", "epochs": "epoch"} | dict.fromkeys(
    ("step", "steps", "iteration", "iterations", "iter", "global step"), "step"
)
RUN = " - "  # stands between a run's name and that of a score in exports of Weights & Biases
FLOAT = 16  # digits that a float is written with
SEEN = 2000  # entries that are looked at for their number of digits
LARGEST = 50_000_000  # bytes of a file; a million steps take about 20 million, 4 s and 0.5 GB of memory
SAME_EPOCH = 4  # training losses an epoch, on average, that make them steps


@dataclass(frozen=True)
class Column:
    """A column's numbers, which of its cells hold any, and the decimals that they were written with."""

    values: NumpyArray
    given: NumpyArray
    digits: int = FLOAT


def is_curves(target: Path) -> bool:
    """Whether this is a file, there or not, or a folder of event files, and no run."""
    if target.is_dir():
        return not (target / RECIPE).is_file() and bool(event_files(target))
    return target.is_file() or target.suffix.lower() in ENDINGS


def read_curves(path: Path, classes: int | None = None, images: int | None = None) -> Curves:
    """The curves in a file, or in a folder of event files; UsageError names file, line and column that cannot be read.

    `images` is the number of images in the part that is scored, `classes` the number of their classes.
    """
    if classes is not None and classes < 2:
        raise UsageError(f"--classes {classes}: there are at least 2")
    if images is not None and images < 1:
        raise UsageError(f"--images {images}: there is at least 1")
    try:
        columns = columns_of(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; paths begin in the folder that you are in") from None
    return replace(
        as_curves(columns, path), classes=classes, images={"valid": images, "test": images} if images else {}
    )


def columns_of(path: Path) -> dict[str, Column]:
    """The columns of a file by their names as written."""
    if path.is_dir() or EVENT_FILE in path.name:
        return event_columns(path)
    source = decoded(path)
    if not source.strip():
        raise UsageError(f"{path}:1:1: the file is empty; it needs a heading and a line for each epoch")
    if path.suffix.lower() == ".jsonl":
        lines = [(number, line) for number, line in enumerate(source.splitlines(), 1) if line.strip()]
        return from_rows({f"{path}:{number}:1": parsed(line, path, number) for number, line in lines}, path)
    if path.suffix.lower() == ".json":
        return from_json(parsed(source, path), path)
    return table_columns(source, path)


def decoded(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it says so; UsageError for other bytes, or far too many."""
    if (size := path.stat().st_size) > LARGEST:
        raise UsageError(
            f"{path}:1:1: {size / 1e6:.0f} MB; curves are read up to {LARGEST / 1e6:.0f} MB: thin them out"
        )
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise no_text(path, raw, error.start) from None
    if "\0" in text:
        raise no_text(path, raw, raw.index(b"\0"))
    return text


def no_text(path: Path, raw: bytes, at: int) -> UsageError:
    """The error for a byte that belongs to no text."""
    line, column = raw.count(b"\n", 0, at) + 1, at - raw.rfind(b"\n", 0, at)
    return UsageError(f"{path}:{line}:{column}: byte {raw[at]:#04x} is no text; save the file as UTF-8")


# Tables


def table_columns(source: str, path: Path) -> dict[str, Column]:
    """The columns of a table with a heading; cells are separated by whatever the heading has most of."""
    lines = source.splitlines()
    heading, *first = [line for line in lines if line.strip()][:2]
    separator = max(",;\t", key=heading.count)
    if separator not in heading and first and 1 < len(heading.split()) == len(first[0].split()):  # blanks, as printed
        lines, separator = ["\t".join(line.split()) for line in lines], "\t"
    rows = csv.reader(lines, delimiter=separator)
    try:
        names = [name.strip() for name in next((row for row in rows if "".join(row).strip()), [])]
        used = check_heading(names, f"{path}:{rows.line_num}")
        numbers: list[int] = []
        cells: dict[int, list[str]] = {place: [] for place in used}
        for row in rows:
            if not "".join(row).strip():
                continue
            if len(row) != len(names):
                where = f"{path}:{rows.line_num}:{min(len(row), len(names)) + 1}"
                raise UsageError(f"{where}: {len(row)} cells, where the heading has {len(names)}")
            numbers.append(rows.line_num)
            for place in used:
                cells[place].append(row[place])
    except csv.Error as error:
        raise UsageError(f"{path}:{rows.line_num}:1: {error}") from None
    if not numbers:
        raise UsageError(f"{path}:{rows.line_num}:1: there is a heading, but no line of numbers below it")
    return {names[place]: as_column(cells[place], path, numbers, place, separator == ";") for place in used}


def check_heading(names: list[str], where: str) -> list[int]:
    """The places of the names that are known; UsageError for a heading without any score, or with one twice."""
    used = [place for place, name in enumerate(names) if meaning(name)]
    scores = [names[place] for place in used if "/" in (meaning(names[place]) or "")]
    if not scores:
        shown = ", ".join(names)[:80]
        raise UsageError(f"{where}:1: no column is a loss or an accuracy, as train/loss or val_acc would be: {shown}")
    runs = list(dict.fromkeys(name.rpartition(RUN)[0] for name in scores if RUN in name))
    if len(runs) > 1:
        raise UsageError(f"{where}:1: the curves of {len(runs)} runs, {', '.join(runs)[:80]}: one training at a time")
    twice = next((place for place in used if names[place] in names[:place]), None)
    if twice is not None:
        raise UsageError(f"{where}:{twice + 1}: two columns are called {names[twice]!r}")
    return used


def as_column(cells: list[str], path: Path, lines: list[int], place: int, comma: bool) -> Column:
    """The numbers in these cells; UsageError names the first that is none."""
    texts = [cell.strip().replace(",", ".") if comma else cell.strip() for cell in cells]
    given = np.array([text.lower() not in GAPS for text in texts], bool)
    percent = np.array([text.endswith("%") for text in texts], bool)
    values = np.full(len(texts), np.nan)
    for row in np.flatnonzero(given):
        try:
            values[row] = float(texts[row].removesuffix("%"))
        except ValueError:
            raise UsageError(
                f"{path}:{lines[row]}:{place + 1}: {texts[row][:40]!r} is no number; leave gaps empty"
            ) from None
    digits = max(map(decimals, texts[:SEEN]))
    if percent.any():
        return Column(np.where(percent, values / 100, values), given, digits + 2)
    return Column(values, given, digits)


def decimals(text: str) -> int:
    """How many digits stand behind the point."""
    return FLOAT if "e" in text.lower() else len(text.removesuffix("%").partition(".")[2])


# JSON


def parsed(source: str, path: Path, line: int = 0) -> Any:
    """The value that is written there; UsageError names line and column."""
    try:
        return json.loads(source)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path}:{line or error.lineno}:{error.colno}: {error.msg}; the file is cut short, or no JSON"
        ) from None
    except (RecursionError, ValueError) as error:
        raise UsageError(f"{path}:{line or 1}:1: {error}") from None


def from_json(value: Any, path: Path) -> dict[str, Column]:
    """Keras's history (lists by name), rows of scores, or either of them under `history` or `log_history`."""
    if isinstance(value, list):
        return from_rows({f"{path}:1:1: row {number}": row for number, row in enumerate(value, 1)}, path)
    if not isinstance(value, dict):
        raise UsageError(f"{path}:1:1: neither lists by name, as Keras's history is, nor a list of rows")
    inner = value.get("history", value.get("log_history"))
    if isinstance(inner, dict | list):
        return from_json(inner, path) if isinstance(inner, list) else from_lists(inner, path)
    return from_lists(value, path)


def from_lists(value: Mapping[str, Any], path: Path) -> dict[str, Column]:
    """Columns that stand as lists under their names, or under those of a part of the data and of a score in it."""
    inner = [(part, each) for part, each in value.items() if isinstance(each, dict)]
    every = {**value, **{f"{part}/{name}": entries for part, each in inner for name, entries in each.items()}}
    lists = {name: entries for name, entries in every.items() if isinstance(entries, list)}
    names = list(lists)
    numbered = {
        names[place]: {f"{path}:1:1: entry {number}": entry for number, entry in enumerate(lists[names[place]], 1)}
        for place in check_heading(names, f"{path}:1")
    }
    return {name: json_column(entries, name) for name, entries in numbered.items()}


def from_rows(rows: Mapping[str, Any], path: Path) -> dict[str, Column]:
    """Columns of rows by where they stand, each a mapping from name to number; what a row lacks is a gap."""
    for where, row in rows.items():
        if not isinstance(row, dict):
            raise UsageError(f"{where}: no object of names and numbers")
    rows = {where: flat(row) for where, row in rows.items()}
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    used = [names[place] for place in check_heading(names, f"{path}:1")]
    return {name: json_column({where: row.get(name) for where, row in rows.items()}, name) for name in used}


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with what mappings in it hold, as our own events have their scores."""
    inner = [each for each in row.values() if isinstance(each, dict)]
    return {name: each for part in (row, *inner) for name, each in part.items() if not isinstance(each, dict)}


def json_column(entries: Mapping[str, Any], name: str) -> Column:
    """The numbers of a list, by where they stand; null is a gap."""
    for where, entry in entries.items():
        if isinstance(entry, bool) or not (isinstance(entry, int | float | None) or entry in NO_NUMBERS):
            raise UsageError(f"{where}: {str(entry)[:40]!r} of {name!r} is no number")
    listed = list(entries.values())
    values = np.array([np.nan if entry is None else as_float(entry) for entry in listed], float)
    digits = max((decimals(repr(entry)) for entry in listed[:SEEN] if isinstance(entry, float)), default=0)
    return Column(values, np.array([entry is not None for entry in listed], bool), digits)


def as_float(entry: float | str) -> float:
    """As a float; whole numbers beyond all floats are infinite."""
    try:
        return float(entry)
    except OverflowError:
        return float("inf")


# TensorBoard


def event_files(path: Path) -> list[Path]:
    """The event files below a folder, or the one that it is."""
    return [path] if path.is_file() else sorted(path.rglob(f"*{EVENT_FILE}*"))


def event_columns(path: Path) -> dict[str, Column]:
    """The scalars of event files by tag at their steps; Keras keeps a folder for each part, which then names it."""
    points: dict[str, dict[int, float]] = {}
    for file in event_files(path):
        folder = file.parent.name
        for tag, step, value in scalars(file):
            name = tag if part_of(tag) or not part_of(folder) else f"{folder}/{tag}"
            if meaning(name):
                points.setdefault(name, {})[step] = value
    check_heading(list(points), f"{path}:1")
    steps = sorted({step for values in points.values() for step in values})
    columns = {"step": Column(np.array(steps, float), np.ones(len(steps), bool))}
    for name, values in points.items():
        given = np.array([step in values for step in steps], bool)
        columns[name] = Column(np.array([values.get(step, np.nan) for step in steps], float), given)
    return columns


def scalars(file: Path) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of each scalar in an event file; a torn end is left out, as TensorBoard does."""
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
        from tensorboard.util import tensor_util
    except ImportError:
        raise UsageError(f"{file}: event files are read with: pip install 'fairtrial[tensorboard]'") from None
    from google.protobuf.message import DecodeError

    try:
        for event in EventFileLoader(str(file)).Load():
            for entry in event.summary.value:
                values = tensor_util.make_ndarray(entry.tensor) if entry.HasField("tensor") else None
                if values is not None and values.size == 1 and values.dtype.kind == "f":
                    yield entry.tag, event.step, float(values.item())
    except (ValueError, TypeError, DecodeError) as error:
        raise UsageError(f"{file}:1:1: no event file of TensorBoard ({error})") from None


# Names, and curves


def words_of(name: str) -> list[str]:
    """The words in a name: `valLoss`, `val_loss` and `val/loss` are the same two; `acc@1` is plain accuracy."""
    plain = re.sub(
        r"(?i)\btop[ _-]?1([ _-]?(acc|accuracy))?\b|\bacc(uracy)?[ _@-]?(top)?1\b", "acc", name.replace("_", " ")
    )
    return re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower())


def part_of(name: str) -> str:
    """The part of the data that a name tells, if it does."""
    return next((PARTS[word] for word in words_of(name) if word in PARTS), "")


def meaning(name: str) -> str | None:
    """`epoch`, `step`, `lr` or a score such as `valid/loss`; None for a column of something else."""
    words = words_of(name.rpartition(RUN)[2])
    if " ".join(words) in INDICES:
        return INDICES[" ".join(words)]
    if words[:1] == ["lr"] or words[:2] == ["learning", "rate"]:
        return "lr"
    measures = {MEASURES[word] for word in words if word in MEASURES}
    if not all(word in PARTS or word in MEASURES or word in FILLERS for word in words):
        return None
    if not measures and {"cross", "entropy"} <= set(words):
        measures = {"loss"}
    return f"{part_of(name) or 'train'}/{measures.pop()}" if len(measures) == 1 else None


def as_curves(columns: Mapping[str, Column], path: Path) -> Curves:
    """The columns as curves at their epochs or steps, or else at their row; percent becomes a share."""
    known: dict[str, Column] = {}
    for name in sorted(columns, key=second_best):
        kind = meaning(name)
        if kind is not None and columns[name].given.any():
            known.setdefault(kind, columns[name])
    length = max((len(column.values) for column in known.values()), default=0)
    places = places_of(known, length)
    scores = {
        kind: as_curve(as_share(column) if kind.endswith("/accuracy") else column, places)
        for kind, column in known.items()
        if "/" in kind or kind == "lr"
    }
    if not any("/" in kind for kind in scores):
        raise UsageError(f"{path}:1:1: the losses and accuracies in it are all empty")
    return Curves(scores, epochs=epochs_of(known))


def second_best(name: str) -> int:
    """How far behind another column of the same meaning: a step's is behind an epoch's, a running mean behind both."""
    words = words_of(name)
    return (words[-1:] == ["step"]) + 2 * ("running" in words)


def places_of(columns: Mapping[str, Column], length: int) -> NumpyArray:
    """Steps or epochs where each score's rise from line to line, or else the numbers of the lines."""
    scores = [column for kind, column in columns.items() if "/" in kind]
    for kind in ("step", "epoch"):
        places = columns[kind].values if kind in columns else np.empty(0)
        if len(places) == length and all(rising(places[column.given]) for column in scores):
            return places
    return np.arange(1.0, length + 1)


def rising(places: NumpyArray) -> bool:
    """Whether each is a number above the one before."""
    return bool(np.isfinite(places).all() and (np.diff(places) > 0).all())


def as_curve(column: Column, places: NumpyArray) -> Curve:
    """The column without its gaps."""
    return Curve(places[: len(column.values)][column.given], column.values[column.given], column.digits)


def as_share(column: Column) -> Column:
    """Accuracies in percent as shares: percent is what is mostly above one."""
    finite = column.values[np.isfinite(column.values)]
    if len(finite) and finite.max() > 1.5 and np.median(finite) > 1:
        return replace(column, values=column.values / 100, digits=column.digits + 2)
    return column


def epochs_of(columns: Mapping[str, Column]) -> NumpyArray | None:
    """The epoch of each training loss, where there are several of an epoch."""
    if "epoch" not in columns or "train/loss" not in columns:
        return None
    epochs, given = columns["epoch"].values, columns["train/loss"].given
    if len(epochs) != len(given) or not np.isfinite(epochs[given]).all():
        return None
    own = np.floor(epochs[given])
    return own if len(np.unique(own)) * SAME_EPOCH <= len(own) else None
