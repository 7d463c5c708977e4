"""What a run gets wrong: its confusions and its surest mistakes, worked out late, by a process of its own, and kept.

Training on this machine goes first.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fairtrial.serve.aside import answer, answered
from fairtrial.spec.errors import DataError

if TYPE_CHECKING:
    from fairtrial.serve.site import Site
    from fairtrial.spec.arrays import NumpyArray
    from fairtrial.store import Record

WORST = 24  # pictures
CLASSES = 40  # up to which the whole matrix is told
PAIRS = 20  # most frequent confusions
REMEMBERED = 200  # runs


class Mistakes:
    """Asks the process, one run after the other, and remembers what it said as long as the weights are the same."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._one_at_a_time = asyncio.Lock()
        self._known: dict[tuple[str, object], dict[str, Any]] = {}

    async def of(self, name: str) -> dict[str, Any]:
        """The mistakes of a run; DataError where they cannot be had."""
        run = (name, self._site.index.row(name).stamp)
        async with self._one_at_a_time:
            if run not in self._known:
                while len(self._known) >= REMEMBERED:
                    self._known.pop(next(iter(self._known)))
                self._known[run] = await answered(__name__, str(self._site.store.root), name)
        return self._known[run]


def mistakes(record: Record) -> dict[str, Any]:
    """Confusions [truth][said] and the surest mistakes, on the test part where the run was scored on it."""
    from fairtrial.parts.datasets import load
    from fairtrial.parts.datasets.inspection import row_names

    data = load(record.recipe.data, skip_bad=True)  # the fingerprint tells whether they are the same
    if data.fingerprint != record.made["data"]["fingerprint"]:
        raise DataError(f"data={record.recipe.data} are others now than those that the run was trained on")
    part = "test" if "test/accuracy" in record.scores else "valid"
    rows = vars(data.split(record.recipe.seed, record.recipe.valid, record.recipe.images))[part]
    if not len(rows):
        raise DataError("the run has neither a test score nor a validation part")
    every = row_names(record.recipe.data, data)
    names = [every[row] for row in rows.tolist()]
    return told(part, data.classes, names, data.images[rows], data.labels[rows], record.predict(data.images[rows]))


def told(
    part: str, classes: Sequence[str], names: Sequence[str], images: Any, labels: NumpyArray, shares: NumpyArray
) -> dict[str, Any]:
    """The same from images (n, h, w, c), their names, labels (n,) and class probabilities (n, classes)."""
    import numpy as np

    said = shares.argmax(1)
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, said), 1)
    wrong = np.flatnonzero(said != labels)
    worst = wrong[np.argsort(-shares[wrong, said[wrong]], kind="stable")][:WORST]
    off = np.where(np.eye(len(classes), dtype=bool), 0, counts)
    pairs = [divmod(int(place), len(classes)) for place in np.argsort(-off, axis=None, kind="stable")[:PAIRS]]
    return {
        "part": part,
        "images": len(labels),
        "wrong": len(wrong),
        "classes": list(classes),
        "matrix": counts.tolist() if len(classes) <= CLASSES else None,
        "pairs": [[truth, guess, int(off[truth, guess])] for truth, guess in pairs if off[truth, guess]],
        "size": images.shape[1:],
        "worst": [
            {
                "name": names[i],
                "truth": int(labels[i]),
                "said": int(said[i]),
                "sure": round(float(shares[i, said[i]]), 4),
                "truth_share": round(float(shares[i, labels[i]]), 4),
                "pixels": base64.b64encode(np.ascontiguousarray(images[i]).tobytes()).decode(),
            }
            for i in worst.tolist()
        ],
    }


def main() -> None:
    """Print the mistakes of the run that is named, in the store whose folder is."""
    from fairtrial.serve.reading import ReadStore

    root, name = sys.argv[1:]
    answer(lambda: mistakes(ReadStore(root).read(name)))


if __name__ == "__main__":
    main()
