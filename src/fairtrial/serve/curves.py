"""Curves of many runs at once: of each the ends of its epochs, read once; means and bands where runs are grouped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from fairtrial.report.views import Curve, Mean, Point, means
from fairtrial.serve.index import Index
from fairtrial.serve.reading import is_name
from fairtrial.spec.errors import UsageError
from fairtrial.spec.files import EVENTS

MOST = 100  # curves that are drawn over each other
REMEMBERED = 2000  # runs whose curves are kept


class Curves:
    """What the runs of an index scored at the ends of their epochs."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._known: dict[str, tuple[object, dict[str, Curve]]] = {}

    def of(self, name: str) -> Mapping[str, Curve]:
        """The curves of a run by their keys; UnknownName if there is no such run."""
        row = self.index.row(name)
        known = self._known.pop(name, None)
        if known is None or known[0] != row.stamp:
            events = self.index.store.get(name, EVENTS) or b""
            known = (row.stamp, _ends(events, f"seed {row.recipe.get('seed')}"))
        self._known[name] = known
        while len(self._known) > REMEMBERED:
            self._known.pop(next(iter(self._known)))
        return known[1]

    def together(self, names: Sequence[str], key: str, by: str) -> dict[str, Any]:
        """Curves of the first runs of these; of a field's equal values the mean and its interval, n is of runs."""
        drawn = [name for name in names if name in self.index.rows and is_name(name)][:MOST]
        if by and not any(by in self.index.rows[name].recipe for name in drawn):
            raise UsageError("no run has such a field")
        groups: dict[str, list[str]] = {}
        for name in drawn:
            value = self.index.rows[name].recipe.get(by)
            groups.setdefault(f"{by}={_shown(value)}" if by else name, []).append(name)
        lines = [_line(group, [(name, self.of(name).get(key)) for name in runs]) for group, runs in groups.items()]
        keys = {each for name in drawn for each in self.of(name)}
        return {
            "key": key,
            "keys": sorted(keys),
            "lines": lines,
            "mixed": self._mixed(groups) if by else [],
            "left_out": len(names) - len(drawn),
        }

    def _mixed(self, groups: Mapping[str, list[str]]) -> list[str]:
        """Fields besides the seed in which runs of one group differ, so that its band is not of seeds alone."""
        recipes = [[self.index.rows[name].recipe for name in runs] for runs in groups.values()]
        return [
            field
            for field in self.index.fields()
            if field != "seed" and any(len({json.dumps(r.get(field)) for r in group}) > 1 for group in recipes)
        ]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _ends(events: bytes, name: str) -> dict[str, Curve]:
    """The scores at the ends of epochs, by key; lines that are no such thing are passed over."""
    found: dict[str, list[Point]] = {}
    for line in events.split(b"\n")[:-1]:
        if b'"at_end": true' in line:
            try:
                event = json.loads(line)
                for key, value in event["scores"].items():
                    if value is not None:
                        found.setdefault(key, []).append(Point(event["epoch"], value))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
    return {key: Curve(name, tuple(points)) for key, points in found.items()}


def _line(group: str, runs: Sequence[tuple[str, Curve | None]]) -> dict[str, Any]:
    """A group as a chart draws it."""
    curves = [(name, curve) for name, curve in runs if curve and curve.points]
    return line_json(group, means([curve for _, curve in curves]), curves)


def line_json(name: str, mean: Sequence[Mean], curves: Sequence[tuple[str, Curve]]) -> dict[str, Any]:
    """A mean with its band, and the curves that it is of, as a chart draws them: [epoch, mean, low, high]."""
    return {
        "name": name,
        "n": len(curves),
        "points": [[each.epoch, finite(each.mean), *map(finite, each.interval or (None, None))] for each in mean],
        "runs": [{"name": run, "points": [[p.epoch, finite(p.value)] for p in curve.points]} for run, curve in curves],
    }


def finite(value: float | None) -> float | None:
    """The number, or nothing where JSON has no word for it."""
    return value if value is not None and isfinite(value) else None
