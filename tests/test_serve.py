"""The page's server: what it tells, what it refuses on every route that there is, and how it begins and ends."""

from __future__ import annotations

import json
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from conftest import MAIN, tiny
from fairtrial.made import reread
from fairtrial.report.views import arm_views
from fairtrial.runner import run
from fairtrial.serve.app import make_app
from fairtrial.serve.guard import BODY, HEADERS, KEY, SESSION, TOKEN, Guard, Secrets
from fairtrial.serve.index import Index
from fairtrial.serve.reading import ReadStore
from fairtrial.serve.server import CONNECTIONS, is_loopback
from fairtrial.serve.site import Site
from fairtrial.spec.errors import DamagedFile, FairtrialError
from fairtrial.spec.recipe import make_recipe
from fairtrial.store import FolderStore

pytestmark = [
    pytest.mark.xdist_group("serve"),  # what the module sets up is set up once
    # A client whose server hung up leaves its socket to the garbage collector, in whichever test that runs.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """Three runs, one of them damaged, and a study."""
    made = FolderStore(tmp_path_factory.mktemp("served") / "runs")
    for seed in range(2):
        run(tiny(seed=seed), made)
    broken = made.root / "broken-000000000000"
    broken.mkdir()
    (broken / "recipe.json").write_text('{"model": "mlp')
    words = ["optimizer=adam,sgd", "--seeds", "2", "--quiet", "--executor", "serial", "--store", str(made.root)]
    model = "flatten, linear 8, act, linear classes"
    subprocess.run([*MAIN, "compare", model, "engine=numpy", "epochs=2", *words], check=True, capture_output=True)
    return made


@dataclass
class Served:
    """A server as the command starts it, and a browser that it has let in."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    def __post_init__(self) -> None:
        self.base, _, self.token = self.told["address"].partition("/#token=")
        self.origin = {"origin": self.base}
        self.client = httpx.Client(base_url=self.base, timeout=30)
        self.stranger = httpx.Client(base_url=self.base, timeout=30)
        said = self.client.post(SESSION, headers={TOKEN: self.token, **self.origin})
        self.client.headers[KEY] = said.json()["key"]

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/1{path}")
        answer.raise_for_status()
        return answer.json()

    def end(self) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        self.client.close()
        self.stranger.close()
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


def started(root: Path, *words: str, main: list[str] = MAIN) -> Served:
    """A server that answers."""
    command = [*main, "serve", "--port", "0", "--json", "--store", str(root), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    told = "".join(iter(process.stdout.readline, "}\n")) + "}"
    return Served(process, json.loads(told))


@pytest.fixture(scope="module")
def served(store: FolderStore) -> Iterator[Served]:
    server = started(store.root)
    yield server
    server.end()


def routes() -> list[Route]:
    """All routes of the app, those of every page that there is."""
    root = ReadStore("runs")
    guard = make_app(Site(root, Index(root)), ["127.0.0.1:80"], Secrets())
    assert isinstance(guard, Guard)
    assert isinstance(guard.app, Starlette)
    return [route for route in guard.app.routes if isinstance(route, Route)]


ROUTES = [route.path for route in routes()]
API_ROUTES = [path for path in ROUTES if path.startswith("/api/")]
NAMED = [path for path in ROUTES if "{" in path]


def filled(path: str, name: str = "linear") -> str:
    """The path with a name in every place that takes one."""
    return re.sub(r"\{[^}]+\}", name, path)


def test_there_are_routes() -> None:
    assert {"/", "/runs/{name:name}", "/api/1/runs", "/api/1/runs/{name:name}/changes"} <= set(ROUTES)


# What it tells


def test_the_list_has_every_run_and_what_tells_them_apart(served: Served, store: FolderStore) -> None:
    told = served.get("/runs")
    rows = {row[0]: dict(zip([*told["told"], *told["fields"]], row, strict=True)) for row in told["rows"]}
    assert set(rows) == set(store.list())
    assert told["whole"]
    assert {"seed", "optimizer"} <= set(told["fields"])
    assert "activation" not in told["fields"]  # it is the same everywhere
    record = store.read(next(name for name in rows if name.startswith("flatten")))
    assert rows[record.name]["valid"] == record.scores["valid/accuracy"]
    assert rows[record.name]["ended"] == "finished"
    assert not set(told["told"]) & set(told["fields"])  # epochs made, and not those asked for


def test_a_folder_that_no_address_can_name_says_what_to_do(tmp_path: Path) -> None:
    made = FolderStore(tmp_path)
    record = run(tiny(), made)
    (tmp_path / record.name).rename(tmp_path / "100%")
    index = Index(ReadStore(tmp_path))
    index.look()
    assert "rename it" in index.row("100%").reason


def test_a_run_that_has_just_begun_can_be_asked_for(tmp_path: Path) -> None:
    index = Index(ReadStore(tmp_path))
    index.look()
    name = run(tiny(), FolderStore(tmp_path)).name
    assert index.row(name).line.ended == "finished"


def test_a_run_is_told_whole(served: Served, store: FolderStore) -> None:
    name = next(name for name in store.list() if name.startswith("flatten"))
    told, record = served.get(f"/runs/{name}"), store.read(name)
    assert told["recipe"] == record.recipe.model_dump(mode="json")
    points = next(curve["points"] for curve in told["curves"]["loss"] if curve["part"] == "valid")
    assert [value for _, value in points] == record.curve("valid/loss")[1]
    assert [layer["output"] for layer in told["net"]["layers"]][-1] == [10]
    assert told["size"] == (store.root / name / "events.jsonl").stat().st_size


def test_the_command_that_is_shown_makes_the_same_run(served: Served, store: FolderStore, tmp_path: Path) -> None:
    name = next(name for name in store.list() if name.startswith("flatten"))
    _, *words = shlex.split(served.get(f"/runs/{name}")["command"])
    done = subprocess.run(
        [*MAIN, *words, "--json", "--quiet", "--store", str(tmp_path)], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["run"].rpartition("-")[2] == name.rpartition("-")[2]


def test_a_group_is_drawn_as_the_report_draws_it(served: Served, store: FolderStore) -> None:
    (line,) = served.get("/studies")["studies"]
    comparison = reread(store, line)
    runs = [run for arm in comparison.arms for run in arm.runs]
    asked = {"runs": runs, "key": "valid/accuracy", "by": "optimizer"}
    told = served.client.post("/api/1/curves", json=asked, headers=served.origin).json()
    drawn = {each["name"].partition("=")[2]: each["points"] for each in told["lines"]}
    wanted = {
        arm.name.partition("=")[2] or arm.name: [[m.epoch, m.mean, *(m.interval or (None, None))] for m in arm.means]
        for arm in arm_views(comparison)
    }
    assert drawn == wanted
    assert told["mixed"] == []


def test_a_study_is_told_as_its_report_tells_it(served: Served, store: FolderStore) -> None:
    (name,) = served.get("/studies")["studies"]
    told = served.get(f"/studies/{name}")
    report = (store.root / "studies" / name / "report.html").read_text("utf8")
    for row in told["tables"][0]["rows"]:
        assert all(cell in report for cell in row)
    assert told["done"]
    assert len(told["curves"]) == 2
    assert served.get(f"/studies/{name}/findings")["table"]["columns"]


def test_a_study_that_is_half_done_says_what_came_out_so_far(store: FolderStore, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(store.root, root)
    study = next((root / "studies").iterdir())
    (study / "study.json").unlink()
    plan = json.loads((study / "plan.json").read_text())
    lost = next(name for name in root.iterdir() if name.name.endswith(last_run(plan)))
    shutil.rmtree(lost)
    server = started(root)
    told = server.get(f"/studies/{study.name}")
    assert not told["done"]
    assert [each["ended"] for each in told["progress"]] == ["finished"] * 3 + ["waiting"]
    assert sorted(arm["n"] for arm in told["dots"]) == [1, 2]
    server.end()


def last_run(plan: dict[str, Any]) -> str:
    """The id of the last arm's last seed."""
    fields = list(plan["arms"].values())[-1]
    return make_recipe({**fields, "seed": plan["seeds"][-1]}).id(fields["data"])


def test_mistakes_add_up(served: Served, store: FolderStore) -> None:
    name = next(name for name in store.list() if name.startswith("flatten"))
    told, record = served.get(f"/runs/{name}/mistakes"), store.read(name)
    right = sum(row[place] for place, row in enumerate(told["matrix"]))
    assert told["part"] == "test"
    assert right / told["images"] == pytest.approx(record.scores["test/accuracy"])
    assert told["wrong"] == told["images"] - right
    assert len(told["worst"]) == min(24, told["wrong"])


def test_findings_lead_to_pages_that_are_there(served: Served, store: FolderStore) -> None:
    name = next(name for name in store.list() if name.startswith("flatten"))
    told = served.get(f"/runs/{name}/findings")
    assert told["checked"]
    known = {fault["name"] for fault in served.get("/faults")["faults"]}
    assert {found["fault"] for found in told["findings"]} <= known


# What happens while one looks on


def events(served: Served, path: str) -> Iterator[Any]:
    """What a stream tells."""
    with served.client.stream("GET", f"/api/1{path}", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def test_what_is_appended_is_told_within_a_second(store: FolderStore, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(store.root, root)
    name = next(name for name in FolderStore(root).list() if name.startswith("flatten"))
    file = root / name / "events.jsonl"
    *most, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(most))
    server = started(root)
    size = server.get(f"/runs/{name}")["size"]
    assert size == sum(map(len, most))
    stream, index = events(server, f"/runs/{name}/changes?after=0"), events(server, "/changes?after=0")
    first = next(stream)
    assert first["size"] == size
    assert first["epochs"] == 2
    assert next(index)["rows"]
    began = time.monotonic()
    with file.open("ab") as out:
        out.write(last[:20])  # as a reader may find it
        out.flush()
        time.sleep(0.3)
        out.write(last[20:])
    assert next(stream)["ended"] == "finished"
    assert [name, "finished"] in (each["rows"][0][:2] for each in index)
    assert time.monotonic() - began < 1.3
    with file.open("rb+") as cut:
        cut.truncate(size)
    assert next(stream) == {"again": True}
    shutil.rmtree(root / name)
    assert name in next(gone for gone in (each["gone"] for each in index) if gone)
    server.end()


def test_ctrl_c_ends_it_at_once_with_streams_open(store: FolderStore) -> None:
    server = started(store.root)
    streams = [events(server, "/changes?after=0") for _ in range(3)]
    assert all(next(stream) for stream in streams)
    began = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    _, said = server.process.communicate(timeout=20)
    assert time.monotonic() - began < 3
    assert (server.process.returncode, said) == (0, "")


def test_ctrl_c_does_not_wait_for_a_net_that_looks_at_images(store: FolderStore) -> None:
    server = started(store.root)
    name = next(name for name in store.list() if name.startswith("flatten"))
    answers = list[str]()
    asking = threading.Thread(target=lambda: answers.append(server.client.get(f"/api/1/runs/{name}/mistakes").text))
    asking.start()
    time.sleep(0.3)
    server.process.send_signal(signal.SIGINT)
    _, said = server.process.communicate(timeout=20)
    asking.join()
    assert (server.process.returncode, said) == (0, "")
    assert answers  # that the server ends, or the mistakes where they were quicker


@pytest.mark.row("C3")
def test_a_run_that_is_looked_at_is_neither_locked_nor_written(store: FolderStore, served: Served) -> None:
    name = next(name for name in store.list() if name.startswith("flatten"))
    before = {path: path.stat().st_mtime_ns for path in (store.root / name).iterdir()}
    with store.hold(name):  # as training does
        served.get(f"/runs/{name}")
        served.get(f"/runs/{name}/findings")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with store.hold(name):
        pass


# How it begins


def test_a_port_in_use_is_one_line_and_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run([*MAIN, *words], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words[2] in done.stderr


def test_an_empty_store_is_no_error(tmp_path: Path) -> None:
    server = started(tmp_path / "nothing")
    assert server.get("/runs")["rows"] == []
    assert server.end()[0] == 0


# W1 to W14 of the table of what may go wrong, over all routes


@pytest.mark.row("W1")
def test_w1_only_this_machine_unless_asked(served: Served, store: FolderStore) -> None:
    assert served.told["host"] == "127.0.0.1"
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    open_one = started(store.root, "--host", "0.0.0.0")
    assert open_one.client.get("/api/1/runs", headers={KEY: ""}).status_code == 403
    code, said = open_one.end()
    assert code == 0
    assert said.count("\n") == 1
    assert "0.0.0.0" in said


@pytest.mark.parametrize("path", [*ROUTES, "/static/list.js", "/nowhere"])
@pytest.mark.row("W2")
def test_w2_another_host_is_refused_before_routing(served: Served, path: str) -> None:
    for host in (
        "evil.example",
        "127.0.0.1",
        f"evil.example:{served.told['port']}",
        f"127.0.0.1.evil:{served.told['port']}",
    ):
        for method in METHODS:
            assert served.client.request(method, filled(path), headers={"host": host}).status_code == 403


@pytest.mark.parametrize("path", [*API_ROUTES, "/api/1/nothing", "/api/2/runs"])
@pytest.mark.row("W3")
def test_w3_neither_cookie_nor_key_alone_nor_another_origin(served: Served, path: str) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in served.client.cookies.items())
    key = served.client.headers[KEY]
    refused: list[dict[str, str]] = [
        {}, {"cookie": cookie}, {KEY: key}, {"cookie": cookie, KEY: "x" * len(key)}, {TOKEN: "x"},
        {"cookie": cookie, KEY: key, TOKEN: served.token, "origin": "http://evil.example"},
        {"cookie": cookie, KEY: key, TOKEN: served.token, "sec-fetch-site": "cross-site"},
    ]  # fmt: skip
    for about in refused:
        for method in METHODS:
            answer = served.stranger.request(method, filled(path), headers={**served.origin, **about})
            assert answer.status_code == 403, (method, about)


@pytest.mark.row("W3")
def test_w3_the_cookie_is_kept_from_scripts_and_other_sites(served: Served) -> None:
    said = served.client.post(SESSION, headers={TOKEN: served.token, **served.origin}).headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said


@pytest.mark.row("W3")
def test_w3_there_are_no_web_sockets(served: Served) -> None:
    about = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "x", "sec-websocket-version": "13"}
    for path in API_ROUTES:
        assert served.stranger.get(filled(path), headers=about).status_code == 403


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.row("W4")
def test_w4_a_change_says_which_page_asks(served: Served, path: str) -> None:
    for about in ({}, {"origin": "null"}):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = served.client.request(method, filled(path), headers={TOKEN: served.token, **about})
            assert answer.status_code == 403


PLAIN = ("linear", "studies", "~", "x" * 300)  # no names of ours: their pages say so with the API's words
OUTSIDE = (
    "..", ".", "%2e%2e", "%252e%252e", "..%2f..%2fetc%2fpasswd", "..%5c..", "%2fetc%2fpasswd", "a%00b", "a;b", "C:",
    "%5c%5chost%5cshare", "linear%2f..", ".hidden", "a%0d%0ab", "a%7fb",
)  # fmt: skip


@pytest.mark.parametrize("path", NAMED)
@pytest.mark.row("W5")
def test_w5_no_name_leads_out_of_the_store(served: Served, path: str) -> None:
    for name in (*OUTSIDE, *PLAIN) if path in API_ROUTES else OUTSIDE:
        assert raw(served, filled(path, name)) in (404, 405), name  # 405: a route that takes no GET


def raw(served: Served, path: str) -> int:
    """The status of a GET whose path no client has tidied."""
    cookie = "; ".join(f"{name}={value}" for name, value in served.client.cookies.items())
    lines = [
        f"GET {path} HTTP/1.1",
        f"host: {served.base[7:]}",
        f"{KEY}: {served.client.headers[KEY]}",
        f"cookie: {cookie}",
    ]
    return int(said_to(served, "\r\n".join([*lines, "connection: close", "", ""]).encode()).split()[1])


def said_to(served: Served, data: bytes) -> bytes:
    """The first that the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", served.told["port"]), timeout=20) as connection:
        connection.sendall(data)
        return connection.recv(65_536)


@pytest.mark.row("W5")
def test_w5_links_are_not_followed(store: FolderStore, tmp_path: Path) -> None:
    root, secret = tmp_path / "runs", tmp_path / "secret"
    shutil.copytree(store.root, root)
    name = next(name for name in FolderStore(root).list() if name.startswith("flatten"))
    shutil.copytree(root / name, secret)
    (root / "linked-aaaaaaaaaaaa").symlink_to(secret)
    (root / name / "events.jsonl").unlink()
    (root / name / "events.jsonl").symlink_to(secret / "events.jsonl")
    reading = ReadStore(root)
    for run_name in (name, "linked-aaaaaaaaaaaa"):
        with pytest.raises(DamagedFile):
            reading.get(run_name, "events.jsonl")
    index = Index(reading)
    index.look()
    for run_name in (name, "linked-aaaaaaaaaaaa"):
        assert index.row(run_name).line.ended == "damaged"
        assert index.row(run_name).line.valid is None
        assert "link" in index.row(run_name).reason
    with pytest.raises(FairtrialError):
        reading.get("../secret", "events.jsonl")


@pytest.mark.row("W6")
def test_w6_names_come_as_text_only(store: FolderStore, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(store.root, root)
    name = next(name for name in FolderStore(root).list() if name.startswith("flatten"))
    (root / name).rename(root / HOSTILE.replace("/", ""))
    server = started(root)
    told = server.client.get("/api/1/runs")
    assert told.headers["content-type"] == "application/json"
    assert HOSTILE.replace("/", "") in {row[0] for row in told.json()["rows"]}
    for path in ROUTES:
        if not path.startswith("/api/"):
            assert "onerror" not in server.client.get(filled(path, "%22%3E%3Cimg onerror=alert(1)")).text
    server.end()


@pytest.mark.row("W6")
def test_w6_files_of_a_report_are_kept_and_not_shown(served: Served) -> None:
    (name,) = served.get("/studies")["studies"]
    for file in served.get(f"/studies/{name}")["files"]:
        answer = served.client.get(f"/api/1/studies/{name}/files/{file}")
        assert answer.headers["content-disposition"].startswith("attachment")
    assert served.client.get(f"/api/1/studies/{name}/files/plan.json").status_code == 404


@pytest.mark.parametrize("path", API_ROUTES)
@pytest.mark.row("W7")
def test_w7_a_body_has_a_limit(served: Served, path: str) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in served.client.cookies.items())
    about = {"host": served.base[7:], KEY: served.client.headers[KEY], "cookie": cookie, TOKEN: served.token}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**about, **served.origin}.items())
    for told in (6 * BODY, 10**30):
        said = said_to(served, f"POST {filled(path)} HTTP/1.1\r\n{lines}content-length: {told}\r\n\r\n".encode())
        assert said[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")


@pytest.mark.row("W7")
def test_w7_a_body_without_a_length_has_one_too(served: Served) -> None:
    pieces = (b" " * 65_536 for _ in range(2 * BODY // 65_536))
    answer = served.client.post("/api/1/curves", headers=served.origin, content=pieces)
    assert answer.status_code == 413


@pytest.mark.row("W7")
def test_w7_connections_are_few_and_give_way(store: FolderStore) -> None:
    server = started(store.root)
    server.client.close()
    idle = [socket.create_connection(("127.0.0.1", server.told["port"]), timeout=20) for _ in range(CONNECTIONS + 20)]
    time.sleep(0.5)
    dropped, _, _ = select.select(idle, [], [], 0)  # readable: at their end
    assert len(dropped) >= 20
    for connection in idle:
        connection.close()
    time.sleep(0.2)
    assert httpx.get(server.base).status_code == 200
    server.end()


@pytest.mark.row("W7")
def test_w7_who_says_nothing_is_not_waited_for(store: FolderStore) -> None:
    short = "import fairtrial.serve.server as s, fairtrial.serve.guard as g; s.PATIENCE = g.PATIENCE = 0.5\n"
    server = started(store.root, main=[*MAIN[:2], short + MAIN[2]])
    host = server.base.removeprefix("http://")
    head = f"POST {SESSION} HTTP/1.1\r\nhost: {host}\r\norigin: {server.base}\r\n{TOKEN}: {server.token}\r\n"
    for begun in (b"", b"GET / HTTP/1.1\r\nhos", f"{head}content-length: 9\r\n\r\n{{".encode()):
        with socket.create_connection(("127.0.0.1", server.told["port"]), timeout=20) as connection:
            connection.sendall(begun)
            said, began = connection.recv(100), time.monotonic()
            assert said == b"" or b"200" in said or b"408" in said
        assert time.monotonic() - began < 5
    assert server.end()[0] == 0


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /alert HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %s\r\nevil alert\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %s\r\nhost: alert\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %s\r\ncontent-length: alert\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %s\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["bytes", "version", "header", "hosts", "length", "long"],
)
@pytest.mark.row("W8")
def test_w8_what_is_no_request_is_refused_without_an_echo(served: Served, data: bytes) -> None:
    said = said_to(served, data.replace(b"%s", served.base[7:].encode()))
    assert said[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 403", b"HTTP/1.1 413", b"HTTP/1.1 431")
    assert b"alert" not in said


@pytest.mark.parametrize("path", [path for path in ROUTES if not path.endswith("/changes")])
@pytest.mark.row("W9", "W10")
def test_w9_w10_every_answer_has_the_headers(served: Served, path: str) -> None:
    for answer in (served.client.get(filled(path)), served.stranger.get(filled(path)), served.client.options("/x")):
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "frame-ancestors 'none'" in HEADERS["content-security-policy"]
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert HEADERS["referrer-policy"] == "no-referrer"


@pytest.mark.row("W10")
def test_w10_the_token_is_told_once_and_never_logged(store: FolderStore) -> None:
    server = started(store.root)
    for path in ("/", "/nowhere", "/api/1/runs", f"/?{server.token}"):
        assert server.token not in server.client.get(path).text
    said_to(server, b"\x00" + server.token.encode() + b"\r\n\r\n")
    code, said = server.end()
    assert code == 0
    assert server.token not in said


@pytest.mark.row("W12")
def test_w12_it_asks_nobody_for_anything(store: FolderStore) -> None:
    heard = (
        "import sys\n"
        "def hear(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        print(event, args[-1:], file=sys.stderr)\n"
        "sys.addaudithook(hear)\n"
    )
    server = started(store.root, main=[*MAIN[:2], heard + MAIN[2]])
    name = next(name for name in store.list() if name.startswith("flatten"))
    for path in ROUTES:
        if not path.endswith("/changes"):
            server.client.get(filled(path, name))
    assert server.end() == (0, "")


@pytest.mark.row("W13")
def test_w13_a_damaged_run_says_why_and_the_others_live(served: Served) -> None:
    told = served.get("/runs")
    rows = {row[0]: dict(zip(told["told"], row, strict=False)) for row in told["rows"]}
    assert rows["broken-000000000000"]["ended"] == "damaged"
    assert "recipe.json" in rows["broken-000000000000"]["reason"]
    assert "recipe.json" in served.get("/runs/broken-000000000000")["damaged"]
    assert sum(row["ended"] == "finished" for row in rows.values()) >= 4


@pytest.mark.row("S11")
@pytest.mark.parametrize("file", ["recipe.json", "made.json", "events.jsonl"])
def test_s11_a_run_that_lacks_a_file_is_in_the_list_and_the_others_live(file: str, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    broken, whole = run(tiny(), store).name, run(tiny(seed=1), store).name
    (tmp_path / broken / file).unlink()
    index = Index(ReadStore(tmp_path))
    index.look()
    assert {name: row.line.ended for name, row in index.rows.items()} == {broken: "damaged", whole: "finished"}
    assert index.row(broken).reason == f"{file} is missing"


@pytest.mark.row("W13")
def test_w13_a_line_damaged_in_the_middle_is_told(store: FolderStore, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(store.root, root)
    name = next(name for name in FolderStore(root).list() if name.startswith("flatten"))
    file = root / name / "events.jsonl"
    first, second, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([first, b"@" + second, *rest]))
    server = started(root)
    told = server.get(f"/runs/{name}")
    assert told["unread"] == "left out of events.jsonl: 1 damaged line (2)"
    assert told["ended"] == "finished"
    assert server.end()[0] == 0


@pytest.mark.row("W14")
def test_w14_a_page_of_an_older_server_is_told_to_come_again(served: Served) -> None:
    answer = served.client.get("/api/1/runs", headers={KEY: "of yesterday"})
    assert answer.status_code == 403
    assert "open the address" in answer.json()["error"]
    assert served.client.get("/api/0/runs").status_code == 404


# The index


def test_the_index_sees_what_comes_changes_and_goes(tmp_path: Path) -> None:
    store = ReadStore(tmp_path / "runs")
    index = Index(store)
    index.look()
    assert index.rows == {}
    record = run(tiny(), FolderStore(store.root))
    index.look()
    version = index.version
    assert index.row(record.name).line.ended == "finished"
    index.look()
    assert index.version == version
    shutil.rmtree(store.root / record.name)
    index.look()
    assert index.since(version)["gone"] == [record.name]


def test_a_folder_becomes_a_run_when_its_recipe_comes(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "runs")
    record = run(tiny(), store)
    index = Index(ReadStore(store.root))
    late = store.root / "late-000000000000"
    late.mkdir()
    for file in ("made.json", "recipe.json"):
        index.look()
        assert late.name not in index.rows
        shutil.copy(store.root / record.name / file, late)
    index.look()
    assert index.row(late.name).line.epochs == 0


def test_readers_and_the_index_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "runs")
    record = run(tiny(), store)
    index = Index(ReadStore(store.root))
    stop, failed = threading.Event(), list[BaseException]()

    def read() -> None:
        while not stop.is_set():
            try:
                index.since(0)
            except RuntimeError as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        shutil.copytree(store.root / record.name, store.root / f"copy-{number:012x}")
        index.look()
    stop.set()
    reader.join()
    assert failed == []
    assert len(index.rows) == 61
