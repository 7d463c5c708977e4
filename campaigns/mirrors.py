"""Download from mirrors that misbehave: each alone, each before a good one, and many of them in random orders.

    python campaigns/mirrors.py [--orders 200] [--stall 15] [--seed 0]

A server of sockets on this machine answers in all the ways of MIRRORS. The file has to arrive as published where a good
mirror is among them; else there has to be a DataError (exit code 3) that names every mirror. Either within a minute, in
no more than 256 MB, and never with other bytes under the file's name. Twice: for a checksum of the file, and for one of
what is in it. `--stall` is what the product waits for a mirror that brings nothing; downloads wait side by side.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import random
import resource
import socket
import socketserver
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

import numpy as np

from fairtrial.parts.datasets.download import FAILING_SECONDS, STALL_SECONDS, download
from fairtrial.parts.datasets.loading import silent
from fairtrial.parts.datasets.source import Remote
from fairtrial.spec.errors import DataError

MOST_BYTES = 256 << 20
AT_ONCE = 16  # downloads side by side
PIXELS = np.random.default_rng(0).integers(0, 256, (600, 28, 28), dtype=np.uint8)
PLAIN = struct.pack(">HBB3I", 0, 8, 3, *PIXELS.shape) + PIXELS.tobytes()
FILE = gzip.compress(PLAIN, mtime=0)
HTML = b"<!DOCTYPE html><html><body>Please accept our terms</body></html>"

Bytes = Iterator[bytes | None]  # None: wait until the client has hung up
Answer = Callable[[int], Bytes]  # to a request for the bytes from some place on


def head(status: str, *lines: str) -> bytes:
    """The beginning of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "Connection: close", "", ""]).encode()


def whole(content: bytes, status: str = "200 OK", more: int = 0) -> Answer:
    """All of it, whatever is asked for; under a length with `more` bytes than there are."""
    return lambda start: iter([head(status, f"Content-Length: {len(content) + more}"), content])


def ranged(content: bytes, most: int, shift: int = 0) -> Answer:
    """The range that is asked for, up to so many bytes; with `shift`, the bytes of another place."""

    def answer(start: int) -> Bytes:
        if start >= len(content):
            yield head("416 Range Not Satisfiable", "Content-Length: 0")
            return
        told = f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}"
        yield head("206 Partial Content" if start else "200 OK", told, f"Content-Length: {len(content) - start}")
        yield content[start + shift * bool(start) :][:most]

    return answer


def moved(where: str) -> Answer:
    """A redirection."""
    return lambda start: iter([head("302 Found", f"Location: {where}", "Content-Length: 0")])


def raw(*content: bytes | None) -> Answer:
    """These bytes and no others."""
    return lambda start: iter(content)


def dripping(first: bytes, drop: bytes) -> Answer:
    """Twenty drops a second without end."""

    def answer(start: int) -> Bytes:
        yield first
        while True:
            time.sleep(0.05)
            yield drop

    return answer


def endless(start: int) -> Bytes:
    """As many bytes as anybody takes."""
    yield head("200 OK")
    while True:
        yield bytes(65_536)


def reset(start: int) -> Bytes:
    """A third of the file, then a connection reset."""
    yield head("200 OK", f"Content-Length: {len(FILE)}") + FILE[: len(FILE) // 3]
    raise ConnectionResetError


def bomb(megabytes: int = 512) -> bytes:
    """IDX of so many zeros, a thousandth as large."""
    pack, zeros = zlib.compressobj(wbits=31), bytes(1 << 20)
    first = pack.compress(struct.pack(">HBB3I", 0, 8, 3, megabytes, 1024, 1024)) + pack.flush(zlib.Z_FULL_FLUSH)
    return first + megabytes * (pack.compress(zeros) + pack.flush(zlib.Z_FULL_FLUSH))


OTHER = bytes([*FILE[: len(FILE) // 2], FILE[len(FILE) // 2] ^ 1, *FILE[len(FILE) // 2 + 1 :]])
OK = head("200 OK", f"Content-Length: {len(FILE)}")
MIRRORS: dict[str, Answer] = {
    "forbidden": whole(b"", "403 Forbidden"),
    "not found": whole(HTML, "404 Not Found"),
    "server error": whole(b"", "500 Internal Server Error"),
    "nothing changed": raw(head("304 Not Modified")),
    "no content": raw(head("204 No Content")),
    "a page": whole(HTML),
    "empty": whole(b""),
    "wrong bytes of the right size": whole(OTHER),
    "too short": whole(FILE[:-20]),
    "trailing garbage": whole(FILE + b"garbage"),
    "bad gzip checksum": whole(FILE[:-8] + bytes([FILE[-8] ^ 1]) + FILE[-7:]),
    "gzip bomb": whole(bomb()),
    "without end": endless,
    "length too large": whole(FILE[:-20], more=20),
    "length too small": whole(FILE, more=-20),
    "length of words": raw(head("200 OK", "Content-Length: many"), FILE),
    "broken chunks": raw(head("200 OK", "Transfer-Encoding: chunked"), b"ffff\r\n" + FILE[:1000] + b"\r\nzz\r\n"),
    "no HTTP": raw(b"220 FTP server ready\r\n"),
    "redirect loop": moved("/redirect%20loop"),
    "redirect to a file": moved("file:///etc/passwd"),
    "hangs up": raw(),
    "reset": reset,
    "breaks again and again": ranged(FILE, 1000),
    "breaks and knows no ranges": whole(FILE[:1000], more=len(FILE) - 1000),
    "another range": ranged(FILE, len(FILE) // 2, shift=-1000),
    "no more ranges": lambda start: whole(b"", "416 Range Not Satisfiable")(0) if start else reset(0),
    "silent": raw(None),
    "stalls": raw(OK, FILE[:1000], None),
    "drips": dripping(OK, b"\x1f"),
    "drips its head": dripping(b"HTTP/1.1 200 OK\r\n", b"X"),
    "continues for ever": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}  # fmt: skip
BEYOND = {
    "nobody listens": "http://127.0.0.1:9/images.gz",
    "wrong host name": "http://mirror.invalid/images.gz",
    "no TLS": "https://{here}/good",
    "no address": "mirror",
}
GOOD = ranged(FILE, len(FILE))


class Handler(socketserver.StreamRequestHandler):
    """Answers one request as its path says."""

    def handle(self) -> None:
        asked = self.rfile.readline().split()
        if asked[2:] != [b"HTTP/1.1"]:
            return  # what TLS begins with
        lines = dict(line.decode().lower().strip().partition(": ")[::2] for line in iter(self.rfile.readline, b"\r\n"))
        start = int(lines.get("range", "bytes=0-")[6:-1])
        try:
            for content in (MIRRORS | {"good": GOOD})[unquote(asked[1].decode())[1:]](start):
                if content is None:
                    self.rfile.read(1)
                else:
                    self.wfile.write(content)
        except ConnectionResetError:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except BrokenPipeError:
            pass  # the client has had enough


class Server(socketserver.ThreadingTCPServer):
    """A thread a connection."""

    daemon_threads, request_queue_size = True, 4 * AT_ONCE


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """The address of each mirror, and of a good one."""
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        here = f"127.0.0.1:{server.server_address[1]}"
        addresses = {name: f"http://{here}/{quote(name)}" for name in (*MIRRORS, "good")}
        yield addresses | {name: address.format(here=here) for name, address in BEYOND.items()}
        server.shutdown()


@dataclass(frozen=True)
class Case:
    """Mirrors in their order, and what the checksum is taken over."""

    mirrors: tuple[str, ...]
    of: Literal["file", "unpacked"]


def cases(orders: int, chance: random.Random) -> Iterator[Case]:
    """Each alone, each before the good one, and about so many random orders, every other one with the good one."""
    names = [*MIRRORS, *BEYOND]
    for of in ("file", "unpacked"):
        for name in names:
            yield from (Case((name,), of), Case((name, "good"), of))
        for number in range(orders // 2):
            some = chance.sample(names, chance.randint(2, len(names))) + ["good"] * (number % 2)
            yield Case(tuple(chance.sample(some, len(some))), of)


def look(case: Case, addresses: dict[str, str], folder: Path, stall: float) -> tuple[str, float, str]:
    """How it ended, after how many seconds, and what was not as it should be."""
    mirrors, content = tuple(addresses[name] for name in case.mirrors), FILE if case.of == "file" else PLAIN
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    began = time.monotonic()
    try:
        download("made", (Remote("images.gz", len(content), checksum, case.of, mirrors),), folder, silent, stall)
        ended, wrong = "arrived", ""
    except DataError as error:
        ended, wrong = "refused", ", ".join(f"{url} is not named" for url in mirrors if url not in str(error))
        wrong = "refused although there is a good one" if "good" in case.mirrors else wrong
    except Exception as error:
        ended, wrong = "failed", f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - began
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    if left.get("images.gz", FILE) != FILE or ("images.gz" in left) != (ended == "arrived"):
        wrong = "other bytes under the file's name"
    if ended == "arrived" and left.keys() > {"images.gz", ".download.lock"}:
        wrong = wrong or f"left {', '.join(left)}"
    return ended, seconds, wrong or f"{seconds:.0f} s" * (seconds > FAILING_SECONDS)


def campaign(chosen: list[Case], folder: Path, stall: float) -> tuple[Counter[str], float, list[str]]:
    """How the downloads ended, how long the longest took, and what was wrong."""
    with serving() as addresses, ThreadPoolExecutor(AT_ONCE) as pool:
        places = [folder / str(number) for number in range(len(chosen))]
        told = list(pool.map(lambda case, place: look(case, addresses, place, stall), chosen, places))
    wrong = [
        f"{', '.join(case.mirrors)}; {case.of}: {said}" for case, (*_, said) in zip(chosen, told, strict=True) if said
    ]
    return Counter(ended for ended, _, _ in told), max(seconds for _, seconds, _ in told), wrong


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def main() -> None:
    """Print what came of them; exit with 1 if anything was wrong."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--orders", type=int, default=200)
    words.add_argument("--stall", type=float, default=STALL_SECONDS)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    chosen, memory = list(cases(given.orders, random.Random(given.seed))), peak()
    with tempfile.TemporaryDirectory() as folder:
        ends, longest, wrong = campaign(chosen, Path(folder), given.stall)
    grown = peak() - memory
    print(*wrong, sep="\n")
    told = ", ".join(f"{count} {end}" for end, count in ends.items())
    print(f"{len(MIRRORS) + len(BEYOND)} bad mirrors, {len(chosen)} downloads: {told}; {len(wrong)} wrong")
    print(f"the longest took {longest:.1f} s; memory grew by {grown >> 20} MB")
    sys.exit(bool(wrong) or grown > MOST_BYTES)


if __name__ == "__main__":
    main()
