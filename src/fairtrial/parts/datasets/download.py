"""A file gets its final name only after its checksum is right; mirrors are tried in turn, and broken ones resumed."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from filelock import FileLock

from fairtrial.parts.datasets.idx import is_html, unpack_idx
from fairtrial.parts.datasets.source import Progress, Remote, checksum_of, file_checksum, require_checksum
from fairtrial.spec.errors import DataError, OutOfResources

STALL_SECONDS = 15.0
CONNECT_SECONDS = 8.0
# A mirror that sends less than this over the stall time is not going to finish.
SLOWEST_BYTES_PER_SECOND = 1024
# Time that may be lost on attempts that bring nothing; one that goes forward may take as long as it needs.
FAILING_SECONDS = 60.0
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
    lost = 0.0
    timeout = httpx.Timeout(stall, connect=CONNECT_SECONDS)
    headers = {"Accept-Encoding": "identity"}
    with httpx.Client(timeout=timeout, headers=headers, follow_redirects=True) as client:
        for url in remote.mirrors:
            before, began = _size(partial), time.monotonic()
            try:
                _from_mirror(client, url, partial, remote, progress, stall)
                partial.replace(folder / remote.name)
            except (httpx.HTTPError, httpx.InvalidURL, _MirrorError) as error:
                failures[url] = _why(error)
            else:
                return {}
            lost += time.monotonic() - began if _size(partial) <= before else 0.0
            if lost > FAILING_SECONDS:
                break
    return failures


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
        if not resumed:
            raise
        # What was there from before may be the part that is wrong: once more from the beginning.
        _transfer(client, url, partial, remote, progress, stall)
        _verify(partial, remote)


def _transfer(client: httpx.Client, url: str, partial: Path, remote: Remote, progress: Progress, stall: float) -> None:
    """Read to the end, taking up again a connection that broke after bringing something."""
    for _ in range(RESUMES):
        before = _size(partial)
        try:
            return _stream(client, url, partial, remote, progress, stall)
        except httpx.TimeoutException:
            raise
        except httpx.TransportError:
            if _size(partial) <= before:
                raise
    raise _MirrorError(f"the connection broke {RESUMES} times")


def _stream(client: httpx.Client, url: str, partial: Path, remote: Remote, progress: Progress, stall: float) -> None:
    have = _size(partial)
    with client.stream("GET", url, headers={"Range": f"bytes={have}-"} if have else {}) as response:
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
                    raise _MirrorError(f"over {written} bytes: not this file")
                progress(f"downloading {remote.name}", written, max(total, written))
            out.flush()
            os.fsync(out.fileno())


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
            checksum_of(unpack_idx(partial), remote.checksum)
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
