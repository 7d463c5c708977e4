"""Data sets: those that have a name, folders of pictures beside them, and those that runs of the store were made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.parts.datasets import DATASETS, data_folder, folders_found
from fairtrial.serve.draw import is_done
from fairtrial.serve.inspecting import Inspections
from fairtrial.serve.reading import is_name
from fairtrial.serve.site import Page, Site
from fairtrial.spec.errors import DataError, UnknownName

PAGES = (Page("/data", "data", "Data"), Page("/data/{name:name}", "data"))
RUNS = 50  # of a data set that are offered, the best first


@dataclass(frozen=True)
class Known:
    """A data set that a browser may ask for by name."""

    name: str
    word: str  # what a recipe says
    kind: str
    missing: str = ""  # why it cannot be looked at


def routes(site: Site) -> list[BaseRoute]:
    """All data sets, and one by name."""
    inspections = Inspections()

    def every(request: Request) -> Response:
        made = [row.recipe.get("data") for row in list(site.index.rows.values())]
        told = [vars(each) | {"runs": made.count(each.word)} for each in known(site).values()]
        return JSONResponse({"data": told})

    async def one(request: Request) -> Response:
        name, sets = request.path_params["name"], known(site)
        if name not in sets:
            raise UnknownName("data set", name, sets)
        if sets[name].missing:
            raise DataError(sets[name].missing)
        return JSONResponse(await inspections.of(sets[name].word) | told_of(site, sets[name]))

    return [Route("/api/1/data", every), Route("/api/1/data/{name:name}", one)]


def known(site: Site) -> dict[str, Known]:
    """The data sets by name: nothing else can be asked for."""
    named = [Known(name, name, "built in", _lacking(name)) for name in DATASETS]
    beside = [Known(name, name, "pictures in the data folder") for name in folders_found() if is_name(name)]
    words = {row.recipe.get("data") for row in list(site.index.rows.values())}
    others = sorted(word for word in words if isinstance(word, str))
    trained = [_folder(word) for word in others if word not in DATASETS and word not in folders_found()]
    return {each.name: each for each in (*named, *beside, *trained)}


def _lacking(name: str) -> str:
    source = DATASETS[name]
    if not source.missing(data_folder() / source.name):
        return ""
    return f"{name} is not in the data folder; fairtrial data {name} --fetch downloads it"


def _folder(word: str) -> Known:
    """A folder that runs were made of, under a name that tells it from others with the same last part."""
    path = Path(word).expanduser()
    last = path.resolve().name
    digest = hashlib.sha256(word.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = f"{last}-{digest}" if is_name(last) else f"folder-{digest}"
    return Known(
        name, word, "pictures that runs were made of", "" if path.is_dir() else f"{word}: the folder is not there"
    )


def told_of(site: Site, data: Known) -> dict[str, Any]:
    """What the store knows of a data set: its name, and runs that can be asked about its labels, the best first."""
    made = [row for row in list(site.index.rows.values()) if row.recipe.get("data") == data.word]
    done = [row.line for row in made if is_done(row.line.ended, row.line.best_epoch)]
    done.sort(key=lambda line: -(line.valid or 0))
    runs = [{"name": line.name, "model": line.model, "valid": line.valid} for line in done[:RUNS]]
    return {"word": data.word, "runs": runs}
