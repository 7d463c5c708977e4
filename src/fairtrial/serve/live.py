"""Server-sent events: what training appends to a run's file is read from where reading stopped, and sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from fairtrial.serve.site import Site

EVERY = 0.25  # seconds between two looks
BEAT = 10.0  # seconds of silence after which a comment shows that the server is there


def stream(site: Site, look: Callable[[], Any]) -> StreamingResponse:
    """What `look` returns, each time that it returns something, until the browser or the server goes."""
    return StreamingResponse(_events(site, look), media_type="text/event-stream")


async def _events(site: Site, look: Callable[[], Any]) -> AsyncIterator[bytes]:
    silent = 0.0
    yield b": here\n\n"
    while not site.closing.is_set():
        news = await run_in_threadpool(look)
        silent = 0.0 if news is not None else silent + EVERY
        if news is not None:
            yield b"data: " + json.dumps(news, allow_nan=False, separators=(",", ":")).encode() + b"\n\n"
        elif silent >= BEAT:
            silent = 0.0
            yield b": here\n\n"
        try:
            async with asyncio.timeout(EVERY):
                await site.closing.wait()
        except TimeoutError:
            continue
