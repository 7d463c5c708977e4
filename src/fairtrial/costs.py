"""What the runs of an arm cost: time and images a second as they were measured, parameters and memory from shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from fairtrial.parts.memory import of_a_step
from fairtrial.spec.arch import arch_params
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.errors import DataError
from fairtrial.spec.events import Fitted, Scored
from fairtrial.store import Record

REMEMBERED = ("running_mean", "running_var", "num_batches_tracked")  # by torch's batch norm: not learnt


@dataclass(frozen=True)
class Cost:
    """What is None is not known.

    `memory` is what a step of training keeps at the same time, in bytes: parameters, their gradients, the optimizer's
    slots, and the output of every layer for a batch. Work space and libraries come on top.
    """

    seconds: float  # of training and scoring, all runs together
    images_per_second: float | None  # in training steps, over all runs
    parameters: int | None
    memory: int | None


def cost(records: Sequence[Record]) -> Cost:
    """Of runs that differ in their seeds alone."""
    seconds = sum(score_seconds(record) + fit_seconds(record) for record in records)
    parameters, memory = sizes(records[0]) if records else (None, None)
    return Cost(seconds, images_per_second(records), parameters, memory)


def fit_seconds(record: Record) -> float:
    """Seconds in training steps: what each epoch's last count says, summed."""
    return sum(event.fit_seconds for event in _last_counts(record))


def score_seconds(record: Record) -> float:
    """Seconds of scoring, at the ends of epochs and between."""
    return sum(event.score_seconds for event in record.events if isinstance(event, Scored))


def images_per_second(records: Sequence[Record]) -> float | None:
    """Images a second in training steps; None before the first."""
    counts = [event for record in records for event in _last_counts(record)]
    seconds = sum(event.fit_seconds for event in counts)
    return sum(event.images for event in counts) / seconds if seconds > 0 else None


def _last_counts(record: Record) -> list[Fitted]:
    """The last event of each epoch's steps."""
    return list({event.epoch: event for event in record.events if isinstance(event, Fitted)}.values())


def sizes(record: Record) -> tuple[int | None, int | None]:
    """Parameters, and the bytes of a step; of a module of one's own only the parameters, as far as it has weights."""
    text, shape = record.made.get("arch"), tuple(record.made.get("input", ()))
    if not text:
        return _learnt(record), None
    arch, recipe = read_arch(text), record.recipe
    parameters = sum(map(prod, arch_params(arch, shape).values()))
    return parameters, of_a_step(recipe, arch, shape, recipe.batch)


def _learnt(record: Record) -> int | None:
    """Numbers in the best weights but for what batch norm remembers; None where there are no weights."""
    try:
        tensors = record.weights()
    except DataError:
        return None
    ours = {name: tensor for name, tensor in tensors.items() if not name.startswith("input/")}
    return sum(tensor.size for name, tensor in ours.items() if name.rpartition(".")[2] not in REMEMBERED)
