"""What happens in a run, as frozen values that become one JSON line each; a run's record is the fold of its events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite, nan
from typing import Any, Literal, TypeAlias

from fairtrial.spec.errors import DamagedFile

Scores: TypeAlias = Mapping[str, float]
PAUSED = "paused"  # the detail of a run that was to come so far and no further
GROWN = 1.5  # times its start, and what guessing costs: a training loss that stays above that has grown
Reason = Literal["finished", "early-stopped", "diverged", "interrupted"]


@dataclass(frozen=True)
class Fitted:
    """Steps were made: `running/loss` and `running/accuracy` are means over this epoch so far, in training mode."""

    step: int  # steps made in all
    epoch: int  # the epoch they belong to, from 1
    lr: float  # learning rate of the last of them
    scores: Scores
    images: int  # images of this epoch so far
    fit_seconds: float  # spent in the steps of this epoch so far


@dataclass(frozen=True)
class Scored:
    """The net was scored on whole parts of the data, in eval mode: `valid/loss`, `test/accuracy` and so on."""

    step: int
    epoch: int  # epochs begun
    at_end: bool  # at the end of this epoch, and not `score_every` steps into it
    scores: Scores
    best: bool  # the best end of an epoch so far
    score_seconds: float


@dataclass(frozen=True)
class Saved:
    """The state after this step is on disk."""

    step: int
    epoch: int


@dataclass(frozen=True)
class Ended:
    """The run is over, or was interrupted and may go on."""

    step: int
    epoch: int  # epochs completed
    reason: Reason
    best_epoch: int  # 0: no epoch was completed
    scores: Scores  # of the best weights; the test part, touched here for the first time by default
    detail: str = ""  # what diverged: step, layer and rate; what interrupted it: a signal, or PAUSED


Event: TypeAlias = Fitted | Scored | Saved | Ended
_KINDS: dict[str, type[Event]] = {"fitted": Fitted, "scored": Scored, "saved": Saved, "ended": Ended}


def to_json(event: Event) -> str:
    """The event as one line; floats come back with the same bits, a score that is no finite number as NaN."""
    fields: dict[str, Any] = {"event": type(event).__name__.lower(), **asdict(event)}
    if "scores" in fields:
        fields["scores"] = {key: value if isfinite(value) else None for key, value in fields["scores"].items()}
    return json.dumps(fields, allow_nan=False)


def from_json(line: str) -> Event:
    """The event that `to_json` wrote; DamagedFile if it is none."""
    try:
        fields: dict[str, Any] = json.loads(line)
        if "scores" in fields:
            fields["scores"] = {key: nan if value is None else value for key, value in fields["scores"].items()}
        return _KINDS[fields.pop("event")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFile(f"not an event: {line[:80]!r}") from error
