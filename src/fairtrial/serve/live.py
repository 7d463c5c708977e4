"""Server-sent events: what training appends to a run's file is read from where reading stopped, and sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from fairtrial.serve.index import SELDOM
from fairtrial.serve.site import Site

EVERY = 0.15  # seconds between two looks
BEAT = 10.0  # seconds of silence after which a comment shows that the server is there


def stream(site: Site, look: Callable[[], Any]) -> StreamingResponse:
    """What `look` returns, each time that it returns something, until the browser or the server goes."""
    return StreamingResponse(_events(site, look), media_type="text/event-stream")


async def _events(site: Site, look: Callable[[], Any]) -> AsyncGenerator[bytes]:
    silent = BEAT
    with site.watched():
        while not site.closing.is_set():
            news = await run_in_threadpool(look)
            silent += EVERY
            if news is not None:
                yield b"data: " + json.dumps(news, allow_nan=False, separators=(",", ":")).encode() + b"\n\n"
            elif silent >= BEAT:
                yield b": here\n\n"
                silent = 0.0
            await pause(site, EVERY)


async def pause(site: Site, seconds: float) -> None:
    """Wait, but not when the server ends."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await site.closing.wait()


async def keep_up(site: Site) -> None:
    """Keep the index as the store is: often while somebody looks on, seldom else."""
    idle = 0.0
    while not site.closing.is_set():
        if site.watchers or idle >= SELDOM or not site.index.whole:
            idle = 0.0
            await run_in_threadpool(site.index.look)
        idle += EVERY
        await pause(site, EVERY)
