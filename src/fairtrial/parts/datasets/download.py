"""A file gets its final name only after its checksum is right; mirrors are tried in turn, and broken ones resumed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock

from fairtrial.parts.datasets.idx import is_html, unpack_idx
from fairtrial.parts.datasets.source import Progress, Remote, checksum_of, file_checksum, require_checksum
from fairtrial.spec.errors import DataError, OutOfResources

STALL_SECONDS = 15.0
CONNECT_SECONDS = 8.0
# A mirror that sends less than this over the stall time is not going to finish.
SLOWEST_BYTES_PER_SECOND = 1024
# Time that may be lost on what brings less than that; a download that goes forward may take as long as it needs.
FAILING_SECONDS = 60.0
# An attempt may stall before its answer begins, and for twice the stall time in it; what was resumed is tried twice.
STALLS_AN_ATTEMPT = 4
RESUMES = 8
THE_REST, NOTHING_MORE = 206, 416  # what a server answers when asked for the bytes from some place on
# gzip adds little to what cannot be packed; a mirror that sends more than this sends something else.
PACKING_BYTES = 65_536


class _MirrorError(Exception):
    """This mirror does not give the file; the text says why."""


def download(
    name: str, missing: tuple[Remote, ...], folder: Path, progress: Progress, stall: float = STALL_SECONDS
) -> None:
    """Fetch the missing files into the folder, one process at a time; a DataError says what to do without a network."""
    with _out_of_resources(missing, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".download.lock"):
            for remote in missing:
                if (folder / remote.name).is_file():  # brought by the process that had the lock before
                    continue
                failures = _fetched(remote, folder, progress, stall)
                if failures:
                    raise DataError(_by_hand(name, missing, folder, remote, failures))


@contextmanager
def _out_of_resources(missing: tuple[Remote, ...], folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        cause = f"cannot write {where}: {error.strerror or error} (errno {error.errno})"
        raise OutOfResources(f"{cause}\n{_wanted(missing, folder)}") from error


def _by_hand(name: str, missing: tuple[Remote, ...], folder: Path, failed: Remote, failures: Mapping[str, str]) -> str:
    tried = [f"  {url}: {why}" for url, why in failures.items()]
    return "\n".join([f"{name}: {failed.name} could not be downloaded:", *tried, _wanted(missing, folder)])


def _wanted(missing: tuple[Remote, ...], folder: Path) -> str:
    """What to do by hand."""
    lines = [
        f"  {remote.name}  {remote.checksum} (of the {'unpacked bytes' if remote.of == 'unpacked' else 'file'})"
        for remote in missing
        if not (folder / remote.name).is_file()
    ]
    return "\n".join([f"Put these files into {folder}:", *lines])


def _fetched(remote: Remote, folder: Path, progress: Progress, stall: float) -> dict[str, str]:
    """Why each mirror failed; empty once the file is there under its name."""
    partial = folder / f".{remote.name}.part"
    failures: dict[str, str] = {}
    left = FAILING_SECONDS
    with httpx.Client(headers={"Accept-Encoding": "identity"}, follow_redirects=True) as client:
        for url in remote.mirrors:
            before, began = _size(partial), time.monotonic()
            try:
                _from_mirror(client, url, partial, remote, progress, min(stall, left / STALLS_AN_ATTEMPT))
                partial.replace(folder / remote.name)
            except (httpx.HTTPError, httpx.InvalidURL, _MirrorError) as error:
                failures[url] = _why(error)
            else:
                return {}
            left -= _lost(began, partial, before)
            if left <= 0:
                break
    return failures


def _lost(began: float, partial: Path, before: int) -> float:
    """Seconds since then beyond those that the bytes gained are worth."""
    gained = max(0, _size(partial) - before)
    return max(0.0, time.monotonic() - began - gained / SLOWEST_BYTES_PER_SECOND)


def _why(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.reason_phrase}"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _from_mirror(
    client: httpx.Client, url: str, partial: Path, remote: Remote, progress: Progress, stall: float
) -> None:
    """A whole and verified partial file, or an error and, where its bytes were wrong, none."""
    resumed = _size(partial) > 0
    try:
        _transfer(client, url, partial, remote, progress, stall)
        _verify(partial, remote)
    except _MirrorError:
        if not resumed or partial.exists():
            raise
        # What was there from before may be the part that is wrong: once more from the beginning.
        _transfer(client, url, partial, remote, progress, stall)
        _verify(partial, remote)


def _transfer(client: httpx.Client, url: str, partial: Path, remote: Remote, progress: Progress, stall: float) -> None:
    """Read to the end, taking up again a connection that broke after bringing something."""
    for _ in range(RESUMES):
        before, began = _size(partial), time.monotonic()
        try:
            return _stream(client, url, partial, remote, progress, stall)
        except httpx.TimeoutException:
            raise
        except httpx.TransportError:
            if _size(partial) <= before or _lost(began, partial, before):
                raise
    raise _MirrorError(f"the connection broke {RESUMES} times")


def _stream(client: httpx.Client, url: str, partial: Path, remote: Remote, progress: Progress, stall: float) -> None:
    have = _size(partial)
    with _answer(client, url, have, stall) as response:
        if response.status_code == NOTHING_MORE:
            return  # nothing is left to send; the checksum tells whether what is here is the file
        response.raise_for_status()
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        written = have if response.status_code == THE_REST and resumes else 0
        total = written + int(response.headers.get("Content-Length", 0)) or remote.size
        with partial.open("ab" if written else "wb") as out:
            for block in _watched(response.iter_raw(), stall):
                if not written and is_html(block):
                    raise _MirrorError("an HTML page in place of the file")
                out.write(block)
                written += len(block)
                if written > remote.size + PACKING_BYTES:
                    partial.unlink()
                    raise _MirrorError(f"over {written} bytes: not this file")
                progress(f"downloading {remote.name}", written, max(total, written))
            out.flush()
            os.fsync(out.fileno())


@contextmanager
def _answer(client: httpx.Client, url: str, have: int, stall: float) -> Generator[httpx.Response]:
    """The answer to a request for the rest, if it begins in time, whatever drips or redirects come first."""
    late, connections = threading.Event(), list[socket.socket]()

    def trace(event: str, about: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started" and late.is_set():  # redirected once more
            raise httpx.ConnectTimeout("redirected too slowly")
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            connections.append(about["return_value"].get_extra_info("socket"))

    def hang_up() -> None:
        late.set()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(stall, hang_up)
    timer.start()
    try:
        with client.stream(
            "GET",
            url,
            headers={"Range": f"bytes={have}-"} if have else {},
            timeout=httpx.Timeout(stall, connect=min(stall, CONNECT_SECONDS)),
            extensions={"trace": trace},
        ) as response:
            timer.cancel()
            yield response
    except httpx.TransportError as error:
        if late.is_set():
            raise httpx.ReadTimeout("the answer begins too slowly") from error
        raise
    finally:
        timer.cancel()


def _watched(blocks: Iterable[bytes], stall: float) -> Iterator[bytes]:
    """The blocks, until they come too slowly: a read time-out alone is happy with a byte every ten seconds."""
    began, got = time.monotonic(), 0
    for block in blocks:
        got += len(block)
        if time.monotonic() - began >= stall:
            if got < SLOWEST_BYTES_PER_SECOND * stall:
                raise _MirrorError(f"too slow: {got} bytes in {stall:g} seconds")
            began, got = time.monotonic(), 0
        yield block


def _verify(partial: Path, remote: Remote) -> None:
    """Refuse and remove a file that is not the published one."""
    try:
        found = (
            checksum_of(unpack_idx(partial, remote.size), remote.checksum)
            if remote.of == "unpacked"
            else file_checksum(partial, remote.checksum)
        )
        require_checksum(found, remote.checksum, "the download")
    except DataError as error:
        partial.unlink(missing_ok=True)
        raise _MirrorError(str(error).replace(f"{partial}: ", "")) from error


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
