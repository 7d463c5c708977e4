"""Nothing reaches a route that does not come from the page itself: who asks is checked before what is asked.

A page of another site can make a browser send requests here, and can have its own name resolve to this machine. It
cannot set the Host that a browser sends, hide the Origin, or know the key; so each request is asked for all three.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/"
SESSION = "/api/1/session"  # where the token of the address is exchanged for the key
KEY, TOKEN = "x-fairtrial-key", "x-fairtrial-token"  # headers: a page of another site cannot set them
SAFE = ("GET", "HEAD")
HEAD = 16_384  # bytes of a request's headers
BODY, UPLOAD = 1_000_000, 5_000_000  # bytes that a request, and one that brings a picture, may have
PATIENCE = 10.0  # seconds that a part of a request may take to come
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Secrets:
    """What lets a browser in: the token is in the address, key and cookie are what it gets for it."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class Refused(Exception):
    """The request goes no further: a status and a sentence that repeats nothing of it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Guard:
    """Stands before an app; `hosts` are the names with port by which it may be called."""

    app: ASGIApp
    hosts: Sequence[str]
    secrets: Secrets
    cookie_name: str
    uploads: frozenset[str] = frozenset()  # paths to which pictures may be sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a web socket: there are none here
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _Answer(send)
        try:
            headers = Headers(scope=scope)
            self._check(scope, headers)
            await self.app(scope, _measured(receive, self._most(scope, headers)), answer)
        except Refused as refused:
            await answer.refuse(refused)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if sum(len(name) + len(value) for name, value in headers.raw) > HEAD:
            raise Refused(431, f"at most {HEAD} bytes of headers")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            raise Refused(403, "this name is none of the server's")
        origins = headers.getlist("origin")
        if any(origin != f"http://{hosts[0]}" for origin in origins):
            raise Refused(403, "a page of another site asked")
        if not origins and scope["method"] not in SAFE:
            raise Refused(403, "what changes something says which page asks")
        if not scope["path"].startswith(API):
            return
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "a page of another site asked")
        if not self._known(scope, headers):
            raise Refused(403, "the key is missing or of another server: open the address that fairtrial serve printed")

    def _known(self, scope: Scope, headers: Headers) -> bool:
        """The token where it is exchanged; elsewhere key and cookie, neither alone."""
        if scope["path"] == SESSION:
            return _same(headers.get(TOKEN, ""), self.secrets.token)
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie_name, "")
        return _same(headers.get(KEY, ""), self.secrets.key) & _same(cookie, self.secrets.cookie)

    def _most(self, scope: Scope, headers: Headers) -> int:
        most = UPLOAD if scope["path"] in self.uploads else BODY
        told = headers.get("content-length", "0")
        if not told.isdecimal() or len(told) > 12 or int(told) > most:
            raise Refused(413, f"at most {most} bytes")
        return most


def _same(said: str, wanted: str) -> bool:
    return hmac.compare_digest(said.encode(), wanted.encode())


def _measured(receive: Receive, most: int) -> Receive:
    """The body as it comes, until it is too long or too slow."""
    left, whole = most, False

    async def measured() -> Message:
        nonlocal left, whole
        if whole:  # what comes now is the end of the connection, for which a stream waits
            return await receive()
        try:
            async with asyncio.timeout(PATIENCE):
                message = await receive()
        except TimeoutError:
            raise Refused(408, f"nothing came for {PATIENCE:g} seconds") from None
        left -= len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if left < 0:
            raise Refused(413, f"at most {most} bytes")
        return message

    return measured


class _Answer:
    """Sends with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send, self._begun = send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            headers = MutableHeaders(raw=message["headers"])
            headers.update(HEADERS)
            headers.setdefault("cache-control", "no-store")
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        if self._begun:
            return  # too late for words
        body = json.dumps({"error": str(refused)}).encode()
        head: list[Any] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self({"type": "http.response.start", "status": refused.status, "headers": head})
        await self({"type": "http.response.body", "body": body})
