"""Both stores keep the same promises; the one on disk keeps them against other processes, full disks and damage."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Look, bits, fairtrial, stop_at, tiny
from fairtrial.disk import Disk
from fairtrial.inventory import folders, run_lines
from fairtrial.report.contract import record_json
from fairtrial.report.tables import run_table
from fairtrial.runner import run
from fairtrial.spec.errors import Busy, DamagedFile, DataError, OutOfResources, UnknownName, UsageError
from fairtrial.spec.events import Ended, Fitted, Saved, Scored, from_json, to_json
from fairtrial.spec.recipe import make_recipe
from fairtrial.store import (
    EVENTS,
    MADE,
    RECIPE,
    FolderStore,
    MemoryStore,
    Store,
    as_lines,
    events_of,
    generations,
    json_of,
    read_rest,
    whole_events,
)

SCORED = Scored(5, 1, True, {"valid/loss": 0.1 + 0.2, "valid/accuracy": 1 / 3}, True, 0.5)
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "runs") if request.param == "folder" else MemoryStore()


def begin(store: Store, name: str) -> None:
    store.put(name, MADE, b'{"schema": 1}')
    store.put(name, RECIPE, json.dumps(tiny().model_dump(mode="json")).encode())


def test_a_file_comes_back_and_is_replaced_and_dropped(store: Store) -> None:
    assert store.get("a-1", "x") is None
    store.put("a-1", "x", b"one")
    store.put("a-1", "x", b"two")
    store.put("a-1", "y", b"")
    assert store.get("a-1", "x") == b"two"
    assert store.get("a-1", "y") == b""
    assert store.files("a-1") == ["x", "y"]
    store.drop("a-1", "x")
    store.drop("a-1", "x")
    assert store.files("a-1") == ["y"]
    assert store.files("no-such") == []


def test_a_run_is_listed_and_found_once_it_has_its_recipe(store: Store) -> None:
    assert store.list() == []
    store.put("a-1", MADE, b"{}")
    assert store.list() == []
    assert store.find("1") == ""
    begin(store, "b-2")
    begin(store, "a-1")
    assert store.list() == ["b-2", "a-1"]
    assert store.find("1") == "a-1"
    assert store.find("") == ""


def test_events_come_back_bit_for_bit(store: Store) -> None:
    events = (
        Fitted(1, 1, 0.1, {"running/loss": 2.3025850929940455}, 10, 0.01), SCORED, Saved(5, 1),
        Ended(5, 1, "finished", 1, {"test/accuracy": 0.1}),
    )  # fmt: skip
    begin(store, "a-1")
    for event in events:
        store.append("a-1", event)
    record = store.read("a-1")
    assert record.events == events
    assert record.end == events[-1]
    assert record.epochs == (SCORED,)
    assert record.recipe == tiny()


@pytest.mark.row("N3")
def test_a_score_that_is_no_number_is_null_in_json_and_nan_again() -> None:
    line = to_json(Scored(1, 1, True, {"valid/loss": float("inf")}, False, 0.0))
    assert '"valid/loss": null' in line
    back = from_json(line)
    assert isinstance(back, Scored)
    assert back.scores["valid/loss"] != back.scores["valid/loss"]


@pytest.mark.parametrize("line", ["", "{}", "[1]", '{"event": "saved"}', '{"event": "who"}', "null", "[" * 100_000])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(DamagedFile, match="not an event"):
        from_json(line)


@pytest.mark.row("S8")
def test_a_torn_last_line_is_left_out_and_a_damaged_line_is_named(store: Store) -> None:
    begin(store, "a-1")
    lines = [to_json(SCORED).encode(), to_json(Saved(5, 1)).encode()]
    store.put("a-1", EVENTS, lines[0] + b"\n" + lines[1][:20])
    assert store.read("a-1").events == (SCORED,)
    store.put("a-1", EVENTS, lines[0] + b"\n\xff\xfe\n" + lines[1] + b"\n")
    with pytest.raises(DamagedFile, match=rf"a-1/{EVENTS}:2"):
        store.read("a-1")
    assert whole_events(store, "a-1") == (SCORED,)


@pytest.mark.row("S9")
def test_lines_damaged_in_the_middle_are_left_out_and_told_where_a_run_is_looked_at(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    whole = run(tiny(epochs=3), store)
    lines = as_lines(whole.events).splitlines(keepends=True)
    bad = next(number for number, line in enumerate(lines) if b'"at_end": true' in line)
    lines[bad] = lines[bad].replace(b'"event"', b'"\xff"')
    store.put(whole.name, EVENTS, b"".join(lines))
    rest = read_rest(store, whole.name)
    assert rest.events == whole.events[:bad] + whole.events[bad + 1 :]
    assert rest.damaged_lines == (bad + 1,)
    assert (rest.end, rest.scores) == (whole.end, whole.scores)
    assert f"left out of {EVENTS}: 1 damaged line ({bad + 1})" in run_table(rest).notes
    assert record_json(rest)["damaged_lines"] == [bad + 1]
    (line,) = run_lines(tmp_path)
    assert (line.ended, line.epochs) == ("finished", 3)
    with pytest.raises(DamagedFile, match=rf"/{EVENTS}:{bad + 1}: "):  # what is judged by has to be whole
        store.read(whole.name)


def test_an_unknown_run_is_named_with_the_nearest(store: Store) -> None:
    begin(store, "mlp-12345")
    with pytest.raises(UnknownName, match="mlp-12345"):
        store.read("mlp-1234")


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff"])
def test_damaged_json_is_named(store: Store, damage: bytes) -> None:
    begin(store, "a-1")
    store.put("a-1", MADE, damage)
    with pytest.raises(DamagedFile, match=f"a-1/{MADE}"):
        json_of(store, "a-1", MADE)


def test_a_run_is_held_once(store: Store) -> None:
    with store.hold("a-1"), pytest.raises(Busy, match="a-1"), store.hold("a-1"):
        pass
    with store.hold("a-1"):
        pass
    with pytest.raises(ZeroDivisionError), store.hold("a-1"):
        raise ZeroDivisionError
    with store.hold("a-1"):
        assert store.files("a-1") == []


def test_a_real_run_is_the_same_in_both_stores(tmp_path: Path) -> None:
    on_disk, in_memory = FolderStore(tmp_path), MemoryStore()
    name = run(tiny(keep="all"), on_disk).name
    assert run(tiny(keep="all"), in_memory).name == name
    assert bits(on_disk, name) == bits(in_memory, name)
    assert on_disk.files(name) == in_memory.files(name)
    assert len(list(events_of(on_disk, name))) == len(list(events_of(in_memory, name)))


def test_two_states_are_kept_newest_first(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    name = run(tiny(epochs=4), store).name
    assert generations(store, name) == ["state-20.safetensors", "state-15.safetensors"]


def test_weights_that_are_not_there_yet_are_data_missing(tmp_path: Path) -> None:
    record = run(tiny(), FolderStore(tmp_path), watch=stop_at(2))
    with pytest.raises(DataError, match="no weights yet"):
        record.weights()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a-1", "x", b"old")
    with pytest.raises(TypeError):
        store.put("a-1", "x", "no bytes")  # pyright: ignore[reportArgumentType]
    assert store.get("a-1", "x") == b"old"
    assert [path.name for path in (tmp_path / "a-1").iterdir()] == ["x"]


@pytest.mark.row("K2")
def test_what_a_killed_writer_left_is_swept_at_the_next_start(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a-1", "x", b"whole")
    (tmp_path / "a-1" / ".writing-123-state-5.safetensors").write_bytes(b"half")
    assert store.files("a-1") == ["x"]
    with store.hold("a-1"):
        assert [path.name for path in (tmp_path / "a-1").glob(".writing-*")] == []


HOLD = """
import sys, time
from fairtrial.store import FolderStore
with FolderStore(sys.argv[1]).hold(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.row("C1", "C2")
def test_the_second_process_on_a_run_is_told_the_first_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    words = ["run", "small-mlp", "engine=numpy", "epochs=1", "batch=512", "--quiet", "--json"]
    recipe = make_recipe({"model": "small-mlp", "engine": "numpy", "epochs": 1, "batch": 512})
    name = run(recipe, FolderStore(tmp_path / "runs")).name
    events = tmp_path / "runs" / name / EVENTS
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[:-1]))  # it has not ended yet
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "runs"), name], stdout=subprocess.PIPE, text=True
    ) as first:  # fmt: skip
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        second = fairtrial(*words, cwd=tmp_path)
        first.kill()
    assert second.returncode == 7
    assert f"process {first.pid} on" in second.stderr
    assert fairtrial(*words, cwd=tmp_path).returncode == 0


@pytest.mark.row("S10")
def test_a_store_that_is_a_file_is_exit_code_6_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    done = fairtrial("run", "small-mlp", "engine=numpy", "epochs=1", "--quiet", cwd=tmp_path)
    assert done.returncode == 6
    assert "runs" in done.stderr
    assert "Traceback" not in done.stderr


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from fairtrial.cli import main
sys.argv = ["fairtrial", *sys.argv[2:]]
main()
"""


@posix
def test_a_file_that_cannot_be_written_whole_leaves_the_states_before_it(tmp_path: Path) -> None:
    words = ["run", "flatten, linear 8, act, linear classes", "engine=numpy", "batch=256", "epochs=2", "save_every=2"]
    words += ["--quiet", "--store", str(tmp_path)]
    recipe, alone, store = tiny(save_every=2), MemoryStore(), FolderStore(tmp_path)
    name = run(recipe, alone).name
    run(recipe, store, watch=stop_at(6))
    before = {file: store.get(name, file) for file in generations(store, name)}
    full = subprocess.run(
        [sys.executable, "-c", LIMITED, "4000", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert full.returncode == 6, full.stderr
    assert f"{tmp_path}/{name}" in full.stderr
    assert {file: store.get(name, file) for file in generations(store, name)} == before
    run(recipe, store)
    assert bits(store, name) == bits(alone, name)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    libc, place = ctypes.CDLL(None, use_errno=True), str(tmp_path).encode()
    if libc.mount(b"none", place, b"tmpfs", 0, b"size=256k"):
        pytest.skip("a small file system cannot be mounted here")
    yield tmp_path
    libc.umount(place)


def fill(place: Path, free: int = 0) -> Path:
    """A file that leaves so many bytes on a file system."""
    about = os.statvfs(place)
    ballast = place / "ballast"
    ballast.write_bytes(b"x" * max(about.f_bavail * about.f_frsize - free, 0))
    return ballast


@pytest.mark.parametrize("free", [0, 4_000, 8_000])
def test_a_full_disk_stops_the_run_and_room_lets_it_go_on_to_the_same_bits(small_disk: Path, free: int) -> None:
    recipe, alone, store = tiny(save_every=2, epochs=3), MemoryStore(), FolderStore(small_disk)
    name = run(recipe, alone).name
    run(recipe, store, watch=stop_at(6))
    before = generations(store, name)
    ballast = fill(small_disk, free)
    with pytest.raises(OutOfResources, match="No space left"):
        run(recipe, store)
    assert len(generations(store, name)) == 2
    assert free or generations(store, name) == before
    assert [path.name for path in (small_disk / name).glob(".writing-*")] == []
    ballast.unlink()
    run(recipe, store)
    assert bits(store, name) == bits(alone, name)


WAITS = r"waiting 0 s to write again: .+: No space left on device, [\d,]{4,} bytes needed and [\d,]+ free; make room"


@pytest.mark.parametrize("free", [0, 4_000])
@pytest.mark.row("S1")
def test_a_disk_that_is_full_for_a_while_is_waited_for(small_disk: Path, free: int) -> None:
    class Tidy(Look):
        def say(self, text: str) -> None:
            super().say(text)
            if len(self.said) == 2:
                (small_disk / "ballast").unlink()

    recipe, alone, store = tiny(save_every=2, epochs=3, keep="all"), MemoryStore(), FolderStore(small_disk)
    name = run(recipe, alone).name
    watch = Tidy(lambda event: event.step == 7 and fill(small_disk, free))
    run(recipe, store, watch=watch)
    assert len(watch.said) == 2
    assert all(re.match(WAITS, said) for said in watch.said), watch.said
    assert bits(store, name) == bits(alone, name)


@pytest.mark.row("S1")
def test_a_disk_that_stays_full_ends_the_run_with_what_was_saved(small_disk: Path) -> None:
    recipe, alone, store = tiny(save_every=2, epochs=3), MemoryStore(), FolderStore(small_disk)
    name = run(recipe, alone).name
    watch = Look(lambda event: event.step == 7 and fill(small_disk))
    with pytest.raises(OutOfResources, match=r"No space left on device, [\d,]{4,} bytes needed and 0 free; make room"):
        run(recipe, store, watch=watch)
    assert len(watch.said) == 3
    assert generations(store, name) == ["state-6.safetensors", "state-5.safetensors"]
    (small_disk / "ballast").unlink()
    run(recipe, store, watch=Look())
    assert bits(store, name) == bits(alone, name)


@pytest.mark.row("S1")
def test_a_signal_ends_the_waiting(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Look):
        def say(self, text: str) -> None:
            super().say(text)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setenv("FAIRTRIAL_RETRY_SECONDS", "60 60")
    watch = Impatient(lambda event: event.step == 5 and fill(small_disk))
    began = time.monotonic()
    with pytest.raises(OutOfResources, match="No space left"):
        run(tiny(save_every=2), FolderStore(small_disk), watch=watch)
    assert time.monotonic() - began < 5
    assert len(watch.said) == 1


@pytest.mark.parametrize("given", ["soon", "-1", "20 nan", "inf"])
def test_seconds_between_tries_are_numbers(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTRIAL_RETRY_SECONDS", given)
    with pytest.raises(UsageError, match=f"FAIRTRIAL_RETRY_SECONDS='{given}': it must be"):
        run(tiny(), MemoryStore())


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.row("S1", "S2")
def test_a_line_and_a_state_that_fail_half_way_come_whole_the_next_time(number: int, tmp_path: Path) -> None:
    class Failing(Disk):
        def __init__(self) -> None:
            self.left = {"write": 5, "append": 3}

        def fails(self, kind: str, path: Path, data: bytes) -> None:
            self.left[kind] -= 1
            if not self.left[kind]:
                with path.open("ab") as file:
                    file.write(data[: len(data) // 2])
                raise OSError(number, os.strerror(number), str(path))

        def write(self, path: Path, data: bytes) -> None:
            self.fails("write", path, data)
            super().write(path, data)

        def append(self, path: Path, data: bytes, durable: bool) -> None:
            self.fails("append", path, data)
            super().append(path, data, durable)

    alone, store, watch = MemoryStore(), FolderStore(tmp_path, Failing()), Look()
    name = run(tiny(), alone).name
    run(tiny(), store, watch=watch)
    assert len(watch.said) == 2
    assert all(os.strerror(number) in said for said in watch.said)
    assert bits(store, name) == bits(alone, name)


@pytest.mark.row("S2")
def test_after_an_io_error_what_was_written_is_read_back_before_it_takes_its_name(tmp_path: Path) -> None:
    class Liar(Disk):
        def __init__(self) -> None:
            self.lies = ["fails", "lies"]

        def write(self, path: Path, data: bytes) -> None:
            lie = "state-5" in path.name and self.lies and self.lies.pop(0)
            if lie == "fails":
                raise OSError(errno.EIO, "Input/output error", str(path))
            super().write(path, data[:-1] + b"?" if lie else data)

    alone, store, watch = MemoryStore(), FolderStore(tmp_path, Liar()), Look()
    name = run(tiny(), alone).name
    run(tiny(), store, watch=watch)
    assert [said.partition(f"/{name}/")[2].partition(";")[0] for said in watch.said] == [
        f".writing-{os.getpid()}-state-5.safetensors: Input/output error",
        "state-5.safetensors: it reads otherwise than it was written",
    ]
    assert bits(store, name) == bits(alone, name)


@pytest.mark.parametrize("fields", [{"epochs": 300, "keep": "all"}, {"model": "flatten, linear 200, linear classes"}])
@pytest.mark.row("S3")
def test_a_run_for_which_there_is_no_room_is_refused_before_a_step(small_disk: Path, fields: dict[str, Any]) -> None:
    watch = Look()
    with pytest.raises(OutOfResources, match=r": [\d,]{7,} bytes needed and 2\d\d,\d\d\d free; make room"):
        run(tiny(**fields), FolderStore(small_disk), watch=watch)
    assert not watch.begun
    assert not folders(small_disk)


@pytest.mark.row("K12")
def test_a_start_that_is_refused_leaves_nothing_and_takes_nothing(tmp_path: Path) -> None:
    class Full(FolderStore):
        def room(self, name: str) -> tuple[int, int]:
            return 0, 0

    store, full = FolderStore(tmp_path), Full(tmp_path)
    name = run(tiny(), store).name
    before = {file: store.get(name, file) for file in store.files(name)}
    for recipe in (tiny(), tiny(seed=1)):
        with pytest.raises(OutOfResources):
            run(recipe, full, from_scratch=True)
    assert folders(tmp_path) == [name]
    assert {file: store.get(name, file) for file in store.files(name)} == before


@pytest.mark.row("K12")
def test_runs_that_never_began_are_removed_where_the_disk_is_full(small_disk: Path) -> None:
    store = FolderStore(small_disk)
    begin(store, "killed-0123456789ab")
    (small_disk / "incomplete-0123456789ab").mkdir()
    fill(small_disk)
    assert sorted(store.clean()) == ["incomplete-0123456789ab", "killed-0123456789ab"]
    assert not folders(small_disk)


@pytest.mark.row("S3")
def test_the_room_that_is_asked_for_is_the_room_that_a_run_takes(tmp_path: Path) -> None:
    class Narrow(FolderStore):
        least: int

        def room(self, name: str) -> tuple[int, int]:
            return super().room(name)[0], self.least

    store = Narrow(tmp_path)
    store.least = 0
    recipe = tiny(keep="all", epochs=4)
    with pytest.raises(OutOfResources) as caught:
        run(recipe, store)
    asked = int(str(caught.value).split(": ")[1].split()[0].replace(",", ""))
    store.least = asked
    name = run(recipe, store).name
    taken, state = store.room(name)[0], len(store.get(name, generations(store, name)[0]) or b"")
    assert taken + state == pytest.approx(asked, rel=0.1)  # it needs one more state for a moment


@pytest.mark.row("S14")
def test_a_file_system_that_cannot_sync_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class NoSync(Disk):
        def sync(self, handle: int, path: Path) -> None:
            pipe = os.pipe()
            super().sync(pipe[0], path)  # which the system answers with EINVAL
            for end in pipe:
                os.close(end)

    alone, store = MemoryStore(), FolderStore(tmp_path, NoSync())
    name = run(tiny(), alone).name
    run(tiny(), store)
    (said,) = caplog.messages
    assert said.startswith(f"{tmp_path}/{name}")
    assert "durability is reduced" in said
    assert bits(store, name) == bits(alone, name)


@pytest.fixture
def read_only_disk(small_disk: Path) -> Iterator[Path]:
    """The same, turned read-only after a run was begun on it."""
    yield small_disk
    ctypes.CDLL(None).mount(b"none", str(small_disk).encode(), b"tmpfs", 32, b"")  # MS_REMOUNT: writable again


@pytest.mark.row("S10")
def test_a_read_only_disk_stops_the_run_before_a_step(read_only_disk: Path) -> None:
    store = FolderStore(read_only_disk)
    name = run(tiny(), store, watch=stop_at(6)).name
    before = {file: store.get(name, file) for file in store.files(name)}
    if ctypes.CDLL(None).mount(b"none", str(read_only_disk).encode(), b"tmpfs", 32 | 1, b""):
        pytest.skip("the file system cannot be made read-only here")
    with pytest.raises(OutOfResources, match="Read-only"):
        run(tiny(), store)
    assert {file: store.get(name, file) for file in store.files(name)} == before
