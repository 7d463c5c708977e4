"""A download has its final name only when it is the published file; what mirrors do wrong is survived or told."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from data_helpers import Answer, Server, checksum, from_elsewhere, idx, ranged, serving, status, whole
from fairtrial.parts.datasets import DATASETS
from fairtrial.parts.datasets.download import download
from fairtrial.parts.datasets.loading import silent
from fairtrial.parts.datasets.source import Remote
from fairtrial.spec.errors import DataError, OutOfResources

PLAIN = idx(np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8))
FILE = gzip.compress(PLAIN, mtime=0)
REPACKED = gzip.compress(PLAIN, 1, mtime=0)
WRONG = gzip.compress(PLAIN[:-1] + b"x", mtime=0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def remote(*mirrors: str, of: str = "file") -> Remote:
    if of == "file":
        return Remote("images.gz", len(FILE), checksum(FILE, "md5"), "file", mirrors)
    return Remote("images.gz", len(PLAIN), checksum(PLAIN), "unpacked", mirrors)


def get(folder: Path, wanted: Remote, stall: float = 15.0) -> None:
    download("made", (wanted,), folder, silent, stall)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".download.lock")


def test_a_file_arrives(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    wanted = remote(server.give("/a", whole(FILE)))
    download("made", (wanted,), tmp_path / "made", lambda *step: seen.append(step))
    assert (tmp_path / "made" / "images.gz").read_bytes() == FILE
    assert seen[-1] == ("downloading images.gz", len(FILE), len(FILE))
    assert kept(tmp_path / "made") == ["images.gz"]


def test_other_packing_of_the_same_bytes_is_welcome_where_the_bytes_are_checked(server: Server, tmp_path: Path) -> None:
    get(tmp_path, remote(server.give("/a", whole(REPACKED)), of="unpacked"))
    assert (tmp_path / "images.gz").read_bytes() == REPACKED


def nothing(request: BaseHTTPRequestHandler) -> None:
    """Hang up without a word."""


HTML = b"<!DOCTYPE html><html><body>Please accept our terms</body></html>"
BROKEN: dict[str, tuple[Answer, str]] = {
    "not found": (status(404), "404"),
    "forbidden": (status(403), "403"),
    "server error": (status(500), "500"),
    "no answer": (nothing, "disconnected"),
    "a page": (whole(HTML), "HTML page"),
    "other bytes": (whole(WRONG), "not the published file"),
    "too short": (whole(FILE[:-20]), "not the published file"),
    "too long": (whole(FILE + bytes(200_000)), "not this file"),
    "nothing at all": (whole(b""), "not the published file"),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.row("D1", "D3", "D4")
def test_a_broken_mirror_is_passed_over(server: Server, tmp_path: Path, fault: str) -> None:
    bad = server.give("/bad", BROKEN[fault][0])
    get(tmp_path, remote(bad, server.give("/good", whole(FILE))))
    assert (tmp_path / "images.gz").read_bytes() == FILE
    assert kept(tmp_path) == ["images.gz"]


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.row("D1")
def test_when_every_mirror_fails_the_message_says_what_to_do(server: Server, tmp_path: Path, fault: str) -> None:
    answer, reason = BROKEN[fault]
    url = server.give("/bad", answer)
    with pytest.raises(DataError) as caught:
        get(tmp_path / "made", remote(url))
    text = str(caught.value)
    assert reason in text
    for needed in (url, "images.gz", checksum(FILE, "md5"), str(tmp_path / "made")):
        assert needed in text
    assert not (tmp_path / "made" / "images.gz").exists()


@pytest.mark.parametrize(
    ("content", "reason"), [(FILE[:-20], "gzip"), (WRONG, "expected sha256"), (FILE + b"garbage", "gzip")]
)
@pytest.mark.row("D4")
def test_unpacked_bytes_are_checked(server: Server, tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        get(tmp_path, remote(server.give("/bad", whole(content)), of="unpacked"))
    assert kept(tmp_path) == []


@pytest.mark.row("D6")
def test_a_bomb_is_not_unpacked_beyond_the_published_size(server: Server, tmp_path: Path) -> None:
    bomb = gzip.compress(idx(np.zeros((60_000, 28, 28), np.uint8)), mtime=0)
    with pytest.raises(DataError, match=r"not the published file: the header announces 47040000 values"):
        get(tmp_path, remote(server.give("/bad", whole(bomb)), of="unpacked"))


@pytest.mark.row("D1", "D9")
def test_all_attempts_that_bring_nothing_take_a_minute_at_most(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairtrial.parts.datasets.download.FAILING_SECONDS", 2.0)
    slow = tuple(server.give(f"/{place}", (silent_server, dripping)[place % 2]) for place in range(8))
    began = time.monotonic()
    get(tmp_path, remote(*slow, server.give("/good", whole(FILE))), stall=1.0)
    assert time.monotonic() - began < 2.0
    assert (tmp_path / "images.gz").read_bytes() == FILE


@pytest.mark.row("D2")
def test_a_broken_connection_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    third = len(FILE) // 3 + 1
    get(tmp_path, remote(server.give("/a", ranged(FILE, third))))
    assert (tmp_path / "images.gz").read_bytes() == FILE
    assert server.asked == [("/a", None), ("/a", f"bytes={third}-"), ("/a", f"bytes={2 * third}-")]


def test_an_interrupted_download_goes_on_with_the_next_start(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".images.gz.part").write_bytes(FILE[:1000])
    get(tmp_path, remote(server.give("/a", ranged(FILE, len(FILE)))))
    assert (tmp_path / "images.gz").read_bytes() == FILE
    assert server.asked == [("/a", "bytes=1000-")]


@pytest.mark.row("D2")
def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".images.gz.part").write_bytes(FILE[:1000])
    get(tmp_path, remote(server.give("/a", whole(FILE))))
    assert (tmp_path / "images.gz").read_bytes() == FILE


def test_another_range_than_asked_for_is_not_appended(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".images.gz.part").write_bytes(FILE[:1000])
    get(tmp_path, remote(server.give("/a", from_elsewhere(FILE))))
    assert len(server.asked) == 1
    assert (tmp_path / "images.gz").read_bytes() == FILE


def test_a_wrong_beginning_is_not_blamed_on_the_mirror(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".images.gz.part").write_bytes(bytes(1000))
    get(tmp_path, remote(server.give("/a", ranged(FILE, len(FILE)))))
    assert (tmp_path / "images.gz").read_bytes() == FILE
    assert server.asked == [("/a", "bytes=1000-"), ("/a", None)]


def test_a_part_that_is_the_whole_file_needs_no_more_bytes(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".images.gz.part").write_bytes(FILE)
    get(tmp_path, remote(server.give("/a", status(416))))
    assert (tmp_path / "images.gz").read_bytes() == FILE


def test_a_mirror_that_breaks_half_way_hands_over_to_the_next(server: Server, tmp_path: Path) -> None:
    half = len(FILE) // 2
    broken = server.give("/broken", ranged(FILE, 0))
    (tmp_path / ".images.gz.part").write_bytes(FILE[:half])
    get(tmp_path, remote(broken, server.give("/good", ranged(FILE, len(FILE)))))
    assert server.asked == [("/broken", f"bytes={half}-"), ("/good", f"bytes={half}-")]


def silent_server(request: BaseHTTPRequestHandler) -> None:
    time.sleep(1.0)


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(FILE)))
    request.end_headers()
    try:
        for place in range(30):
            request.wfile.write(FILE[place : place + 1])
            request.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass  # the client has had enough


def dripping_its_head(request: BaseHTTPRequestHandler) -> None:
    try:
        for place in range(30):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: " if place == 0 else b"x")
            request.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass  # the client has had enough


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(silent_server, "no answer in time"), (dripping, "too slow"), (dripping_its_head, "no answer in time")],
)
@pytest.mark.row("D9")
def test_a_stalling_mirror_is_given_up(server: Server, tmp_path: Path, answer: Answer, reason: str) -> None:
    slow = server.give("/slow", answer)
    began = time.monotonic()
    with pytest.raises(DataError, match=reason):
        get(tmp_path, remote(slow), stall=0.3)
    assert time.monotonic() - began < 1.0
    get(tmp_path, remote(slow, server.give("/good", whole(FILE))), stall=0.3)
    assert (tmp_path / "images.gz").read_bytes() == FILE


@pytest.mark.row("D1")
def test_an_address_where_nobody_listens_is_a_failed_mirror(server: Server, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/images.gz"
    get(tmp_path, remote(nobody, "not an address", server.give("/good", whole(FILE))))
    assert (tmp_path / "images.gz").read_bytes() == FILE


@pytest.mark.row("D10")
def test_two_processes_download_once(server: Server, tmp_path: Path) -> None:
    def slowly(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.5)
        whole(FILE)(request)

    url = server.give("/a", slowly)
    program = (
        "from pathlib import Path\n"
        "from fairtrial.parts.datasets.download import download\n"
        "from fairtrial.parts.datasets.loading import silent\n"
        "from fairtrial.parts.datasets.source import Remote\n"
        f"wanted = Remote('images.gz', {len(FILE)}, {checksum(FILE, 'md5')!r}, 'file', ({url!r},))\n"
        f"download('made', (wanted,), Path({str(tmp_path)!r}), silent)"
    )
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert server.asked == [("/a", None)]


def test_a_folder_that_cannot_be_written_is_told_with_its_path(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutOfResources, match=r"file.*errno") as caught:
        get(tmp_path / "file" / "mnist", remote(server.give("/a", whole(FILE))))
    assert caught.value.exit_code == 6


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_full_disk_is_told_with_its_path(server: Server, tmp_path: Path) -> None:
    url = server.give("/a", whole(FILE))
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\n"
        "from fairtrial.parts.datasets.download import download\n"
        "from fairtrial.parts.datasets.loading import silent\n"
        "from fairtrial.parts.datasets.source import Remote\n"
        "from fairtrial.spec.errors import OutOfResources\n"
        f"wanted = Remote('images.gz', {len(FILE)}, 'md5:0', 'file', ({url!r},))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        f"    download('made', (wanted,), Path({str(tmp_path)!r}), silent)\n"
        "except OutOfResources as error:\n"
        "    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "errno 27" in done.stdout
    assert str(tmp_path) in done.stdout
    assert not (tmp_path / "images.gz").exists()


def test_every_registered_file_has_two_mirrors_and_a_checksum() -> None:
    files = [remote for name in DATASETS for remote in DATASETS[name].files]
    assert len(files) == 9
    for wanted in files:
        assert len(wanted.mirrors) >= 2
        assert all(url.endswith(wanted.name) for url in wanted.mirrors)
        algorithm, _, digest = wanted.checksum.partition(":")
        assert len(digest) == {"md5": 32, "sha256": 64}[algorithm]
