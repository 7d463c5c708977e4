"""What a page of the server is made of, and what all of them are given.

A page is a module with `PAGES` and `routes(site)`, named in `app.ROOMS`, and an ES module in `static/` that fills it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request

from fairtrial.serve.index import Index
from fairtrial.serve.jobs import Jobs
from fairtrial.serve.reading import ReadStore, is_name
from fairtrial.spec.errors import UsageError


@dataclass(frozen=True)
class Page:
    """A place that a browser can go to: `/runs/{name:name}`, filled by `static/<script>.js`."""

    path: str
    script: str
    menu: str = ""  # what it is called in the menu; not in it without


@dataclass
class Site:
    """What the routes read: the store, the index of its runs, what the page started, and the end of the server."""

    store: ReadStore
    index: Index
    jobs: Jobs = field(default_factory=Jobs)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: int = 0  # browsers that wait for what changes

    @contextmanager
    def watched(self) -> Generator[None]:
        """While somebody looks on."""
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1


class NameConvertor(Convertor[str]):
    """A name of a run, a study, a fault: never a path."""

    regex = r"[^./\\:;%\x00-\x1f\x7f][^/\\:;%\x00-\x1f\x7f]*"

    def convert(self, value: str) -> str:
        return value if is_name(value) else ""

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("name", NameConvertor())


def shell(page: Page, menu: Mapping[str, str]) -> str:
    """The HTML around a page: no data, so that it can be given to whoever asks; `menu` has addresses by name."""
    entries = "".join(f'<a href="{escape(path)}">{escape(name)}</a>' for name, path in menu.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>fairtrial</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/page.css">
<script type="module" src="/static/{escape(page.script)}.js"></script>
</head>
<body>
<a class="skip" href="#page">To the content</a>
<header><a class="home" href="/">fairtrial</a><nav aria-label="pages">{entries}</nav></header>
<main id="page" tabindex="-1"><noscript>This page needs JavaScript; fairtrial list runs needs none.</noscript></main>
</body>
</html>
"""


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that a request brings; UsageError if it is none."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise UsageError("the request is not JSON") from None
    if not isinstance(body, dict):
        raise UsageError("the request is not a JSON object")
    return body
