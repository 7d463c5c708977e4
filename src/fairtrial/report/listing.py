"""Runs and studies of a store as lists: a line each, so that they can be searched, and quick for ten thousand."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from fairtrial.inventory import RunLine, StudyLine
from fairtrial.report.wording import clean, counted, percent

MODEL_WIDTH = 24  # characters of a model's line of text; --json has the whole
RIGHT = frozenset({"lr", "seed", "epochs", "valid", "test", "arms", "seeds"})  # headings of numbers
LEAST = ("model", "data", "seed", "written", "valid", "optimizer", "lr")  # what a narrow terminal does without, first


def runs_json(lines: Iterable[RunLine]) -> dict[str, Any]:
    """What `list runs --json` prints for each run, by its name."""
    told = {"valid": "valid/accuracy", "test": "test/accuracy"}
    return {
        line.name: {told.get(key, key): value for key, value in vars(line).items() if key != "name"} for line in lines
    }


def studies_json(lines: Iterable[StudyLine]) -> dict[str, Any]:
    """What `list studies --json` prints for each study of the store, by its folder."""
    return {line.folder: {key: value for key, value in asdict(line).items() if key != "folder"} for line in lines}


def runs_text(lines: Sequence[RunLine], width: int | None) -> list[str]:
    """Runs in columns under headings; of those, a terminal of `width` shows as many as it has room for."""
    heads = ("name", "model", "data", "optimizer", "lr", "seed", "epochs", "ended", "valid", "test", "written")
    return _columns(heads, [_run_cells(line) for line in lines], width)


def _run_cells(line: RunLine) -> tuple[str, ...]:
    model = clean(line.model or "-")
    return (
        clean(line.name),
        model if len(model) <= MODEL_WIDTH else f"{model[: MODEL_WIDTH - 3]}...",
        clean(line.data or "-"),
        clean(line.optimizer or "-"),
        "-" if line.lr is None else f"{line.lr:g}",
        "-" if line.seed is None else str(line.seed),
        "-" if line.epochs is None else f"{line.epochs}/{line.planned}",
        clean(line.ended) + f", {counted(line.damaged_lines, 'damaged line')}" * bool(line.damaged_lines),
        percent(line.valid),
        percent(line.test),
        _moment(line.written_seconds),
    )


def studies_text(lines: Sequence[StudyLine], width: int | None) -> list[str]:
    """Studies with their arms, seeds and when they were made, and below each what came out."""
    heads = ("study", "folder", "ended", "arms", "seeds", "metric", "written")
    head, *rows = _columns(heads, [_study_cells(line) for line in lines], width)
    said = [
        [row, f"  {clean(line.summary)}"] if line.summary else [row] for row, line in zip(rows, lines, strict=False)
    ]
    return [head, *(text for each in said for text in each), *rows[len(lines) :]]


def _study_cells(line: StudyLine) -> tuple[str, ...]:
    seeds = "-" if line.seeds is None else str(line.seeds)
    arms = str(len(line.arms)) if line.arms else "-"
    when = _moment(line.written_seconds)
    return clean(line.study), clean(line.folder), line.ended, arms, seeds, clean(line.metric or "-"), when


def _moment(seconds: float) -> str:
    """A time of day in this place."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The headings and the rows, columns two spaces apart; at the end, which of them there was no room for."""
    cells = dict(zip(heads, zip(heads, *rows, strict=True), strict=True))
    widths = {head: max(map(len, column)) for head, column in cells.items()}
    left_out: list[str] = []
    for head in LEAST:
        if width is not None and head in widths and sum(widths.values()) + 2 * len(widths) - 2 > width:
            left_out.append(head)
            del widths[head]
    pads = [f"{{:{'>' if head in RIGHT else '<'}{wide}}}" for head, wide in widths.items()]
    lines = [
        "  ".join(map(str.format, pads, row)).rstrip() for row in zip(*(cells[head] for head in widths), strict=True)
    ]
    return lines + [f"no room for {', '.join(left_out)}: a wider terminal or --json has them"] * bool(left_out)
