"""What is in a data set, with pictures: worked out by a process of its own, and kept while the files are the same."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool

from fairtrial.parts.datasets import Dataset, Images, Repeats, inspect, load
from fairtrial.parts.datasets.inspection import key, row_names
from fairtrial.parts.datasets.sheet import SAMPLES, reduced, sample_rows
from fairtrial.report.data import inspection_json
from fairtrial.serve.aside import answer, answered
from fairtrial.serve.curves import finite

CLASSES = 100  # of which samples are shown
PICTURES = 300  # samples of all classes together
BAD = 200  # files that are named
REPEATS = ("train_repeats", "test_in_train", "contradictions")


class Inspections:
    """Asks the process, for one data set after the other."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._known: dict[str, tuple[str, dict[str, Any]]] = {}

    async def of(self, word: str) -> dict[str, Any]:
        """What `data` says of a data set, and some of its pictures; DataError where it cannot be read."""
        now = await run_in_threadpool(key, word)
        async with self._one_at_a_time:
            known = self._known.get(word)
            if known is None or known[0] != now:
                known = self._known[word] = (now, await answered(__name__, word))
        return known[1]


def inspected(word: str) -> dict[str, Any]:
    """The same, worked out."""
    found = inspect(word)
    told = inspection_json(found)
    told |= {"balance": finite(found.balance), "bad": told["bad"][:BAD], "bad_count": len(found.bad)}
    if found.faults:
        return told | {"samples": []}
    data = load(word, skip_bad=True)
    names = row_names(word, data)
    return (
        told
        | {each: _pairs(getattr(found, each), data, names) for each in REPEATS}
        | {"samples": _samples(data, names)}
    )


def _samples(data: Dataset, names: Sequence[str]) -> list[dict[str, Any]]:
    """Some training pictures of every class."""
    classes = data.classes[:CLASSES]
    count = min(SAMPLES, max(1, PICTURES // len(classes)))
    return [
        {"class": name, "pictures": [_picture(data.images[row], names[row]) for row in sample_rows(data, label, count)]}
        for label, name in enumerate(classes)
    ]


def _pairs(found: Repeats, data: Dataset, names: Sequence[str]) -> dict[str, Any]:
    """Rows that have the same picture, as far as they were named, with that picture and what each is said to be."""
    rows = {name: row for row, name in enumerate(names)}
    examples = [
        _picture(data.images[rows[first]], first)
        | {"again": later, "classes": [data.classes[data.labels[rows[name]]] for name in (first, later)]}
        for first, later in found.examples
    ]
    return {"count": found.count, "examples": examples}


def _picture(image: Images, name: str) -> dict[str, Any]:
    shown = np.ascontiguousarray(reduced(image))
    return {"name": name, "size": shown.shape, "pixels": base64.b64encode(shown.tobytes()).decode()}


def main() -> None:
    """The data set is the word of the call."""
    answer(lambda: inspected(sys.argv[1]))


if __name__ == "__main__":
    main()
