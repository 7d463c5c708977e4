"""The app: the pages' routes side by side, behind the guard. A page is added by naming its module in `ROOMS`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from fairtrial.serve import data, draw, faults, playground, runs, studies
from fairtrial.serve.guard import SESSION, Guard, Refused, Secrets
from fairtrial.serve.live import keep_up
from fairtrial.serve.site import Site, shell
from fairtrial.spec.errors import Busy, FairtrialError, UnknownName, UsageError

ROOMS = (runs, studies, data, draw, playground, faults)
STATIC = Path(__file__).parent / "static"
STATUS: tuple[tuple[type[FairtrialError], int], ...] = ((UnknownName, 404), (UsageError, 400), (Busy, 409))


def make_app(site: Site, hosts: Sequence[str], secrets: Secrets) -> ASGIApp:
    """The guarded app of a site, to be called by these names, each with its port."""
    cookie = f"fairtrial-{hosts[0].rpartition(':')[2]}"  # cookies are shared by all ports of a host

    def session(request: Request) -> Response:
        """The key for the token, which the guard has looked at."""
        answer = JSONResponse({"key": secrets.key})
        answer.set_cookie(cookie, secrets.cookie, path="/", httponly=True, samesite="strict")
        return answer

    routes: list[BaseRoute] = [Route(SESSION, session, methods=["POST"])]
    routes += [route for room in ROOMS for route in room.routes(site)]
    pages = [page for room in ROOMS for page in room.PAGES]
    menu = {page.menu: page.path for page in pages if page.menu}
    routes += [Route(page.path, _given(shell(page, menu))) for page in pages]
    routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    handlers = {FairtrialError: _failed, HTTPException: _refused, Refused: _too_much}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lambda app: _looking(site))
    uploads = frozenset(path for room in ROOMS for path in getattr(room, "UPLOADS", ()))
    return Guard(app, hosts, secrets, cookie, uploads)


def _given(html: str) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        return HTMLResponse(html)

    return page


async def _failed(request: Request, error: Exception) -> Response:
    """An error that a user can cause, as the command line says it."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 422)
    said = str(error).partition("; there are:")[0]
    return JSONResponse({"error": said}, status)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "there is nothing here", 405: "not in this way"}.get(status, "the request cannot be answered")
    return JSONResponse({"error": said}, status)


async def _too_much(request: Request, error: Exception) -> Response:
    """What the guard says of a body while a route reads it."""
    return JSONResponse({"error": str(error)}, error.status if isinstance(error, Refused) else 500)


@contextlib.asynccontextmanager
async def _looking(site: Site) -> AsyncGenerator[None]:
    """Keep the index up to date while the app runs."""
    task = asyncio.create_task(keep_up(site))
    yield
    site.closing.set()
    await task
