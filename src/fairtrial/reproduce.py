"""A run made again from its recipe, beside the one in the store: bit-identical, or how far off and what differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.further import check_data
from fairtrial.runner import Quiet, Watch, parent_weights, run
from fairtrial.spec.errors import UsageError
from fairtrial.store import BEST, RECIPE, MemoryStore, Record


@dataclass(frozen=True)
class Reproduction:
    """What making the run again gave; `identical` speaks of the best weights and of every recorded score."""

    run: str
    identical: bool
    largest_difference: float | None  # between weights; None where they have other names or shapes
    tensor: str  # where it is
    scores: dict[str, tuple[float, float]]  # at the best weights, where they differ: then and now
    differs: list[str]  # versions, machine and device: then and now


def reproduce(record: Record, watch: Watch | None = None) -> Reproduction:
    """Make the run again, in memory, and compare bit by bit.

    UsageError for a run that has not come to its end, or that trained a module of the user's own; DataError where the
    data are not those of the run.
    """
    if record.end is None or not record.made["arch"]:
        raise UsageError(f"run {record.name} cannot be made again: it has not ended, or its net is code of your own")
    store = MemoryStore()
    if record.recipe.parent:
        name, weights = parent_weights(record.store, record.recipe.parent)
        store.put(name, RECIPE, record.store.get(name, RECIPE) or b"")
        store.put(name, BEST, weights)
    check_data(record, record.recipe, watch or Quiet())
    again = run(record.recipe, store, watch=watch)
    tensor, largest = difference(record, again)
    scores = {key: (value, again.scores[key]) for key, value in record.scores.items() if again.scores[key] != value}
    then, here = record.made["environment"], again.made["environment"]
    differs = [f"{key}: {then.get(key)} then, {value} now" for key, value in here.items() if then.get(key) != value]
    identical = largest == 0 and curves(record) == curves(again)
    return Reproduction(record.name, identical, largest, tensor, scores, differs)


def difference(a: Record, b: Record) -> tuple[str, float | None]:
    """The tensor of the best weights that differs most, and by how much."""
    if not (a.best and b.best):
        return "", 0.0  # neither has weights: both diverged before the end of an epoch, or curves differ
    ours, theirs = a.weights(), b.weights()
    if {name: w.shape for name, w in ours.items()} != {name: w.shape for name, w in theirs.items()}:
        return "names or shapes", None
    gaps = {name: float(np.abs(w - theirs[name]).max(initial=0.0)) for name, w in ours.items()}
    worst = max(gaps, key=gaps.__getitem__)
    return worst, gaps[worst]


def curves(record: Record) -> list[tuple[int, dict[str, float]]]:
    """Every recorded score with its step."""
    return [(event.step, dict(event.scores)) for event in record.epochs]
