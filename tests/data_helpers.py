"""Small made-up data for the tests of the data sets: IDX files, CIFAR batches, picture folders, a local server."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from fairtrial.spec.errors import DataError

REPOSITORY = Path(__file__).parents[1]


def real_data(name: str) -> Path:
    """A real data set beside the repository or in $FAIRTRIAL_DATA, or a skip that says why."""
    places = [os.environ.get("FAIRTRIAL_DATA"), REPOSITORY.parent / "shared" / "data", REPOSITORY.parent / "data"]
    for place in places:
        if place and (Path(place) / name).is_dir():
            return Path(place) / name
    pytest.skip(f"needs {name} in the folder that FAIRTRIAL_DATA names")


def idx(values: np.ndarray, kind: int = 0x08) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape) + values.tobytes()


def idx_files(folder: Path, packed: bool = True) -> dict[str, bytes]:
    """Four files of 40 training and 20 test images of 5x4 pixels; unpacked bytes by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    files: dict[str, bytes] = {}
    for part, count in (("train", 40), ("t10k", 20)):
        images = generator.integers(0, 256, (count, 5, 4), dtype=np.uint8)
        labels = (np.arange(count) % 2).astype(np.uint8)
        files |= {f"{part}-images-idx3-ubyte": idx(images), f"{part}-labels-idx1-ubyte": idx(labels)}
    for name, content in files.items():
        path = folder / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return files


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def cifar_records(count: int, seed: int = 0) -> bytes:
    generator = np.random.default_rng(seed)
    records = generator.integers(0, 256, (count, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(count) % 10
    return records.tobytes()


def tar_gz(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def save_picture(
    path: Path, size: tuple[int, int] = (6, 5), mode: str = "RGB", seed: int = 0, **options: object
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = generator.integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
    Image.fromarray(pixels, mode if mode == "RGBA" else None).save(path, **options)
    return path


def picture_folder(root: Path, parts: tuple[str, ...] = ("train", "test"), each: int = 4, mode: str = "RGB") -> Path:
    """Two classes, `each` pictures a class and part, all different."""
    seed = 0
    for part in parts:
        for name in ("cat", "dog"):
            for number in range(each):
                seed += 1
                save_picture(root / part / name / f"{number}.png", mode=mode, seed=seed)
    return root


Result = TypeVar("Result")


def outcome(read: Callable[[], Result]) -> Result | DataError:
    """What the reader gives, or how it refuses; any other error is a failure of the test."""
    try:
        return read()
    except DataError as error:
        return error


Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A real HTTP server on this machine; what each path answers is a function, and every request is written down."""

    def __init__(self, port: int, asked: list[tuple[str, str | None]], answers: dict[str, Answer]) -> None:
        self.port = port
        self.asked = asked
        self.answers = answers

    def give(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving() -> Iterator[Server]:
    asked: list[tuple[str, str | None]] = []
    answers: dict[str, Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Range")))
            self.close_connection = True
            answers[self.path](self)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Server(server.server_address[1], asked, answers)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(content: bytes, announce: int | None = None) -> Answer:
    """The content; with `announce`, under a length that it does not have: a connection that breaks."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content) if announce is None else announce))
        request.end_headers()
        request.wfile.write(content)

    return answer


def ranged(content: bytes, stop_after: int) -> Answer:
    """A server that knows ranges, and breaks the connection after so many bytes each time."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        request.wfile.write(content[start : start + stop_after])

    return answer


def from_elsewhere(content: bytes) -> Answer:
    """A server that answers a request for a range with another range."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(206)
        request.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def status(code: int) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer
