"""The server: one port of this machine, few connections, and an end at once when it is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from fairtrial.serve.app import make_app
from fairtrial.serve.guard import HEAD, PATIENCE, Secrets
from fairtrial.serve.index import Index
from fairtrial.serve.reading import ReadStore
from fairtrial.serve.site import Site
from fairtrial.spec.errors import UsageError

CONNECTIONS = 64  # open at the same time
LOCAL = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Opened:
    """A server that has its port, and has not begun to answer."""

    listening: socket.socket
    host: str
    port: int
    secrets: Secrets

    @property
    def address(self) -> str:
        """What to open in a browser; what follows the # is not sent to anybody."""
        return f"http://{self.host}:{self.port}/#token={self.secrets.token}"


def open_port(host: str, port: int) -> Opened:
    """Take the port, 0: any that is free; UsageError if somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sends at once only if told TCP
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2 * CONNECTIONS)
    except (OSError, OverflowError) as error:
        listening.close()
        said = error.strerror if isinstance(error, OSError) else "a port is a number up to 65535"
        raise UsageError(f"--port {port}: {said}; --port 0 takes one that is free") from None
    called = f"[{host}]" if ":" in host else host
    return Opened(listening, called, listening.getsockname()[1], Secrets())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def serve(opened: Opened, root: Path) -> None:
    """Answer until SIGINT or SIGTERM."""
    store = ReadStore(root)
    site = Site(store, Index(store))
    hosts = [f"{name}:{opened.port}" for name in dict.fromkeys((opened.host, *LOCAL))]
    if opened.host in ("0.0.0.0", "[::]"):
        hosts += [f"{name}:{opened.port}" for name in _own_names()]
    app = make_app(site, hosts, opened.secrets)
    config = uvicorn.Config(
        app, http=_Patient, ws="none", log_config=None, access_log=False, server_header=False, proxy_headers=False,
        h11_max_incomplete_event_size=HEAD, timeout_keep_alive=30, timeout_graceful_shutdown=1,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_went_wrong)
    try:
        with contextlib.closing(opened.listening):
            _Server(config, site).run(sockets=[opened.listening])
    finally:
        for name in site.jobs.close():
            print(f"fairtrial: {name} was stopped and saved; start it again to go on", file=sys.stderr)


def _went_wrong(record: logging.LogRecord) -> bool:
    """Whether a log line tells more than that the server, when it ends, lets go what still goes on a second later."""
    let_go = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not let_go and "graceful shutdown" not in record.getMessage()


def _own_names() -> list[str]:
    """What this machine is called from others, as far as it knows."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        return [name, *{str(each[4][0]) for each in socket.getaddrinfo(name, None, socket.AF_INET)}]
    return [name]


class _Server(uvicorn.Server):
    """Ends open streams as soon as it is asked to stop, and leaves the signal at that."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, self.handle_exit) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True
        asyncio.get_running_loop().call_soon_threadsafe(self._site.closing.set)


class _Patient(H11Protocol):
    """A connection that has to say what it wants within some seconds, and is one of few."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        self._wait()
        super().data_received(data)
        if self._answering() and self._waiting:
            self._waiting.cancel()  # a whole head has come; the guard times the body

    def _answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        """Begin to count, unless it is counted already."""
        if self._waiting is None or self._waiting.cancelled():
            self._waiting = self.loop.call_later(PATIENCE, self._give_up)

    def _give_up(self) -> None:
        self._waiting = None
        if not self._answering():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._waiting.cancel()
        super().connection_lost(exc)
