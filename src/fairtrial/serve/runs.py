"""Runs: the list of them all, one with its curves, and what is computed of it when somebody asks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.serve.live import stream
from fairtrial.serve.site import Page, Site

PAGES = (Page("/", "list", "Runs"), Page("/runs/{name:name}", "run"))


def routes(site: Site) -> list[BaseRoute]:
    """The list and its changes; a run and what is appended to it."""

    def every(request: Request) -> Response:
        return JSONResponse(site.index.since(0))

    def changes(request: Request) -> Response:
        return stream(site, Changes(site, request.query_params.get("after", "0")).look)

    return [Route("/api/1/runs", every), Route("/api/1/changes", changes)]


class Changes:
    """What happens in the list after a version."""

    def __init__(self, site: Site, after: str) -> None:
        self.index, self.version, self.whole = site.index, int(after) if after.isdecimal() else 0, True

    def look(self) -> dict[str, Any] | None:
        """The rows that are new or changed; None if there are none."""
        if self.index.version == self.version:
            return None
        news = self.index.since(self.version)
        self.version = news["version"]
        return news
