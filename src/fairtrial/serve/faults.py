"""The doctor's catalogue as pages: what a fault is, why it hurts, what to change."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.serve.site import Page, Site
from fairtrial.spec.errors import UnknownName

PAGES = (Page("/faults", "fault", "Faults"), Page("/faults/{name:name}", "fault"))


def routes(site: Site) -> list[BaseRoute]:
    """All faults, and one by name."""
    return [Route("/api/1/faults", every), Route("/api/1/faults/{name:name}", one)]


def every(request: Request) -> Response:
    """The catalogue in its order."""
    return JSONResponse({"faults": [asdict(fault) for fault in FAULTS.values()]})


def one(request: Request) -> Response:
    """A fault by name."""
    name = request.path_params["name"]
    if name not in FAULTS:
        raise UnknownName("fault", name, FAULTS)
    return JSONResponse(asdict(FAULTS[name]))
