"""Draw and try: what finished runs say of a drawing, stroke by stroke, or of a picture."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.predict import Predictor
from fairtrial.serve.decoding import decoded
from fairtrial.serve.guard import UPLOAD
from fairtrial.serve.site import Page, Site
from fairtrial.serve.trying import SIDE, Nets, filters, layers, said, size, tried
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import UsageError

PICTURE = "/api/1/draw/picture"
PAGES = (Page("/draw", "draw", "Draw and try"),)
UPLOADS = (PICTURE,)
BESIDE = 6  # runs at the most
NEWEST = 200  # runs that are offered


def routes(site: Site) -> list[BaseRoute]:
    """The runs to choose from, what they say of drawings and pictures, and what goes on inside of one."""
    nets = Nets(site)

    def choice(request: Request) -> Response:
        lines = [row.line for row in list(site.index.rows.values()) if is_done(row.line.ended, row.line.best_epoch)]
        lines.sort(key=lambda line: -line.written_seconds)
        told = [{"name": e.name, "model": e.model, "data": e.data, "valid": e.valid} for e in lines[:NEWEST]]
        return JSONResponse({"runs": told, "count": len(lines), "beside": BESIDE, "side": SIDE, "upload": UPLOAD})

    async def about(request: Request) -> Response:
        return JSONResponse({"nets": await nets.told(_names(request))})

    async def strokes(request: Request) -> Response:
        drawing = _drawing(await request.body())
        return JSONResponse({"nets": await nets.do(_names(request), lambda found: tried(found, drawing))})

    async def picture(request: Request) -> Response:
        names, body = _names(request), await request.body()
        sizes = await nets.do(names, lambda found: [size(net) for net in found])
        with TemporaryDirectory() as folder:
            path = Path(folder, "picture")
            path.write_bytes(body)
            pictures = await decoded(path, sizes)
        pixels = [_pixels(each, size) for (each, _), size in zip(pictures, sizes, strict=True)]
        told = await nets.do(names, lambda found: [said(net, each) for net, each in zip(found, pixels, strict=True)])
        return JSONResponse({"nets": [one | {"done": done} for one, (_, done) in zip(told, pictures, strict=True)]})

    async def inside(request: Request) -> Response:
        body = await request.body()
        return JSONResponse({"layers": await nets.do(_names(request)[:1], lambda found: _layers(found[0], body))})

    async def first(request: Request) -> Response:
        return JSONResponse({"filters": await nets.do(_names(request)[:1], lambda found: filters(found[0]))})

    return [
        Route("/api/1/draw/runs", choice),
        Route("/api/1/draw/nets", about),
        Route("/api/1/draw/strokes", strokes, methods=["POST"]),
        Route(PICTURE, picture, methods=["POST"]),
        Route("/api/1/draw/layers", inside, methods=["POST"]),
        Route("/api/1/draw/filters", first),
    ]


def is_done(ended: str, best_epoch: int | None) -> bool:
    """Whether a run has come to its end with weights that can be used."""
    return ended in ("finished", "early-stopped") and bool(best_epoch)


def _names(request: Request) -> list[str]:
    """The runs in the address; UsageError for none, and for too many."""
    names = list(dict.fromkeys(filter(None, request.query_params.get("runs", "").split(","))))
    if not 1 <= len(names) <= BESIDE:
        raise UsageError(f"from 1 to {BESIDE} runs are tried side by side")
    return names


def _drawing(body: bytes) -> NumpyArray:
    """The pad's pixels (side, side, 1 or 3)."""
    if len(body) not in (SIDE**2, 3 * SIDE**2):
        raise UsageError(f"a drawing has {SIDE} x {SIDE} pixels of 1 or 3 bytes")
    return np.frombuffer(body, np.uint8).reshape(SIDE, SIDE, -1)


def _pixels(body: bytes, size: tuple[int, ...]) -> NumpyArray:
    if len(body) != math.prod(size):
        raise UsageError(f"an image of {' x '.join(map(str, size))} bytes is needed")
    return np.frombuffer(body, np.uint8).reshape(size)


def _layers(net: Predictor, body: bytes) -> list[dict[str, object]]:
    return layers(net, _pixels(body, size(net)))
