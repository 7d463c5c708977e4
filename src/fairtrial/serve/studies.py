"""Studies: what was compared, and what came out or has so far."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.inventory import study_lines
from fairtrial.report.listing import studies_json
from fairtrial.serve.site import Page, Site

PAGES = (Page("/studies/{name:name}", "study"),)


def routes(site: Site) -> list[BaseRoute]:
    """The studies of the store, and one."""

    def every(request: Request) -> Response:
        return JSONResponse({"studies": studies_json(study_lines(site.store.root))})

    return [Route("/api/1/studies", every)]
