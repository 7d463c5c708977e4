"""Runs: the list of them all, one with its curves, and what is computed of it when somebody asks."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.doctor.records import diagnose
from fairtrial.doctor.told import diagnosis_json
from fairtrial.report import views
from fairtrial.report.contract import arch_json
from fairtrial.report.wording import run_words
from fairtrial.serve.curves import Curves, finite
from fairtrial.serve.live import stream
from fairtrial.serve.mistakes import Mistakes
from fairtrial.serve.site import Page, Site, read_json
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.arrays import as_dtype
from fairtrial.spec.errors import DamagedFile, FairtrialError, UsageError
from fairtrial.spec.events import PAUSED
from fairtrial.spec.files import EVENTS
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record, read_rest

PAGES = (Page("/", "list", "Runs"), Page("/runs/{name:name}", "run"))


def routes(site: Site) -> list[BaseRoute]:
    """The list and its changes, curves over each other; of a run its record, what is appended, findings, mistakes."""
    curves, mistakes = Curves(site.index), Mistakes(site)

    def every(request: Request) -> Response:
        if site.index.whole:  # else what is read while the server starts comes with the changes
            site.index.look()
        return JSONResponse(site.index.since(0))

    def changes(request: Request) -> Response:
        return stream(site, Changes(site, _count(request, "after")).look)

    async def together(request: Request) -> Response:
        names, key, by = curves_asked(await read_json(request))
        return JSONResponse(curves.together(names, key, by))

    def one(request: Request) -> Response:
        return JSONResponse(run_json(site, request.path_params["name"]))

    def growth(request: Request) -> Response:
        return stream(site, Growth(site, request.path_params["name"], _count(request, "after")).look)

    def findings(request: Request) -> Response:
        record = _read(site, request.path_params["name"])
        return JSONResponse(diagnosis_json(diagnose(record)))

    async def wrong(request: Request) -> Response:
        name = request.path_params["name"]
        site.index.row(name)
        return JSONResponse(await mistakes.of(name))

    return [
        Route("/api/1/runs", every),
        Route("/api/1/changes", changes),
        Route("/api/1/curves", together, methods=["POST"]),
        Route("/api/1/runs/{name:name}", one),
        Route("/api/1/runs/{name:name}/changes", growth),
        Route("/api/1/runs/{name:name}/findings", findings),
        Route("/api/1/runs/{name:name}/mistakes", wrong),
    ]


def _count(request: Request, word: str) -> int:
    """A whole number in the address; 0 for anything else."""
    said = request.query_params.get(word, "0")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else 0


def curves_asked(body: Mapping[str, Any]) -> tuple[list[str], str, str]:
    """Runs, key and field of a request for curves."""
    names, key, by = body.get("runs"), body.get("key"), body.get("by", "")
    if not isinstance(names, list) or not all(isinstance(each, str) for each in [*names, key, by]):
        raise UsageError("curves are asked for by runs, key and by")
    return names, str(key), str(by)


class Changes:
    """What happens in the list after a version."""

    def __init__(self, site: Site, after: int) -> None:
        self.index, self.version = site.index, after

    def look(self) -> dict[str, Any] | None:
        """The rows that are new or changed; None if there are none."""
        if self.index.version == self.version:
            return None
        news = self.index.since(self.version)
        self.version = news["version"]
        return news


def _read(site: Site, name: str) -> Record:
    site.index.row(name)  # UnknownName for a name that is none of the list's
    return read_rest(site.store, name)


def run_json(site: Site, name: str) -> dict[str, Any]:
    """A run as its page shows it; of a damaged one, why."""
    row = site.index.row(name)
    size = _size(site, name)  # before the events are read: what comes meanwhile is sent again
    try:
        record = read_rest(site.store, name)
        made = views.outcome(record)
    except (FairtrialError, KeyError, TypeError, ValueError, AttributeError) as error:
        return {"name": name, "damaged": row.reason or str(error).removeprefix(f"{name}/"), "recipe": row.recipe}
    return {
        "name": name,
        "title": views.title(record.recipe),
        "ended": "paused" if made.detail == PAUSED else made.ended,  # as it is now: the list follows in a moment
        "ending": views.ending(made),
        "unread": views.unread(record),
        "epochs": made.epochs,
        "planned": made.planned,
        "best_epoch": made.best_epoch,
        "scores": {key: finite(value) for key, value in made.scores.items()},
        "images": made.images,
        "classes": record.made.get("data", {}).get("classes", []),
        "seconds": made.seconds,
        "images_per_second": made.images_per_second,
        "recipe": record.recipe.model_dump(mode="json"),
        "changed": [field for field, value in vars(record.recipe).items() if value != _defaults[field]],
        "command": command(record.recipe),
        "python": python(record.recipe),
        "made": record.made,
        "net": _net(record),
        "curves": {measure: _curves(record, measure) for measure in ("loss", "accuracy")},
        "caption": views.run_caption(record),
        "profile": _profile(site, name),
        "size": size,
    }


_defaults = vars(Recipe())


def command(recipe: Recipe) -> str:
    """What makes the run from a shell."""
    return shlex.join(["fairtrial", "run", *run_words(recipe)])


def python(recipe: Recipe) -> str:
    """What makes the run from Python."""
    words = ", ".join(f"{field}={value!r}" for field, value in _changed(recipe).items())
    return f"import fairtrial as ft\nrecord = ft.run(ft.Recipe({words}))"


def _changed(recipe: Recipe) -> dict[str, Any]:
    return {field: value for field, value in vars(recipe).items() if value != _defaults[field] or field == "model"}


def _net(record: Record) -> dict[str, Any] | None:
    """The layers with shapes; None for a module of one's own, whose code is not in the record."""
    if not record.made.get("arch"):
        return None
    itemsize = as_dtype(record.recipe.precision).itemsize
    return arch_json(record.recipe.model, read_arch(record.made["arch"]), tuple(record.made["input"]), itemsize)


def _curves(record: Record, measure: str) -> list[dict[str, Any]]:
    return [
        {"part": curve.part, "points": [[point.epoch, point.value] for point in curve.points]}
        for curve in views.curves(record, measure)
    ]


def _profile(site: Site, name: str) -> dict[str, Any] | None:
    """Where the time went, if the run was made with --profile."""
    try:
        return json.loads(site.store.get(name, "profile.json") or b"null")
    except (ValueError, RecursionError, DamagedFile):
        return None


def _size(site: Site, name: str) -> int:
    """Bytes of a run's events; 0 before there are any."""
    try:
        with site.store.opened(name, EVENTS) as handle:
            return os.fstat(handle).st_size
    except (FileNotFoundError, DamagedFile):
        return 0


class Growth:
    """What is appended to a run's events after a number of bytes."""

    def __init__(self, site: Site, name: str, after: int) -> None:
        record = _read(site, name)
        self.store, self.name, self.place = site.store, name, after
        self.per_epoch = views.steps_per_epoch(record)

    def look(self) -> dict[str, Any] | None:
        """Points by key since the last look; `again` where the file was cut, as by a run that is resumed."""
        try:
            with self.store.opened(self.name, EVENTS) as handle:
                size = os.fstat(handle).st_size
                if size < self.place:
                    self.place = size
                    return {"again": True}
                if size == self.place:
                    return None
                os.lseek(handle, self.place, os.SEEK_SET)
                new = os.read(handle, size - self.place)
        except FileNotFoundError:
            return None
        whole = new[: new.rfind(b"\n") + 1]  # a line that is being written comes with the next look
        self.place += len(whole)
        return self._told(whole.splitlines()) if whole else None

    def _told(self, lines: list[bytes]) -> dict[str, Any]:
        points: dict[str, list[list[float]]] = {}
        told: dict[str, Any] = {"size": self.place, "points": points, "ended": None}
        for line in lines:
            try:
                event = json.loads(line)
                for key, value in event.get("scores", {}).items() if event["event"] != "ended" else ():
                    if value is not None:
                        points.setdefault(key, []).append([event["step"] / self.per_epoch, value])
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                return {"again": True}
            if event["event"] == "ended":
                told["ended"] = event.get("reason")
            elif event["event"] == "fitted":
                told |= {"epoch": event["epoch"], "images_per_second": _rate(event)}
            elif event["event"] == "scored" and event.get("at_end"):
                told["epochs"] = event["epoch"]
                if event.get("best"):
                    told |= {"best_epoch": event["epoch"], "scores": event["scores"]}
        return told


def _rate(fitted: Mapping[str, Any]) -> float | None:
    return fitted["images"] / fitted["fit_seconds"] if fitted["fit_seconds"] > 0 else None
