"""A run that is stopped, killed or damaged anywhere ends in the same bits as one left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kills
import pytest

from conftest import CAMPAIGNS, MAIN, Look, bits, fairtrial, stop_at, tiny
from fairtrial.further import go_on
from fairtrial.runner import run
from fairtrial.spec.errors import DamagedFile, EnvironmentDiffers
from fairtrial.spec.events import Ended, Event
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import BEST, EVENTS, MADE, RECIPE, FolderStore, MemoryStore, generations

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and fork")

# Each holds several of: dropout, batch norm, augmentation, schedules, early stopping, scores and saves between epochs.
KINDS: dict[str, dict[str, Any]] = {
    "dropout, augmentation, warm-up": {
        "model": "conv 4, act, pool, flatten, dropout, linear classes", "schedule": "warmup 4, cosine",
        "augment": "alternating-flip, shift 1, cutout 2", "init": "whitening", "average": "ema 0.9", "score_every": 2,
        "input": "standardise",
    },
    "batch norm, plateau, early stop": {
        "model": "conv 4, norm, act, pool, flatten, linear 16, norm, act, linear classes", "optimizer": "momentum",
        "lr": 0.5, "schedule": "plateau 0.1 0", "patience": 2, "epochs": 5, "min_delta": 5.0, "keep": "all",
        "batch": 512,
    },
    "residual, one-cycle, clipping": {
        "model": "conv 4 3 stride 2, act, residual(conv 4, norm, act, conv 4, norm), global-pool, linear classes",
        "optimizer": "muon", "schedule": "one-cycle", "average": "lookahead 3", "clip": 0.5, "l1": 1e-4,
        "l2": 1e-3, "test_every": 1, "save_every": 3, "augment": "flip, crop 1",
    },
}  # fmt: skip


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.row("K7", "R9")
def test_a_run_stopped_after_any_step_ends_in_the_same_bits(kind: str, engine: str) -> None:
    recipe = tiny(**KINDS[kind], engine=engine)
    alone = MemoryStore()
    record = run(recipe, alone)
    wanted = bits(alone, record.name)
    assert record.end
    if recipe.patience:
        assert record.end.reason == "early-stopped"
        assert record.end.best_epoch < record.end.epoch
    for step in range(1, record.end.step):
        store = MemoryStore()
        stopped = run(recipe, store, watch=stop_at(step))
        assert stopped.end is None
        assert stopped.events[-1].step == step
        run(recipe, store)
        assert bits(store, record.name) == wanted, f"stopped after step {step}"


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_run_stopped_after_every_single_step_ends_in_the_same_bits(engine: str) -> None:
    recipe = tiny(**KINDS["dropout, augmentation, warm-up"], engine=engine, patience=1)
    alone, store = MemoryStore(), MemoryStore()
    name = run(recipe, alone).name
    for _ in range(recipe.epochs * 5 + 1):
        looks = stop_at(0)
        if run(recipe, store, watch=looks).end:
            break
    assert bits(store, name) == bits(alone, name)


def test_a_run_stopped_before_its_first_step_can_go_on() -> None:
    alone, store = MemoryStore(), MemoryStore()
    name = run(tiny(), alone).name

    class Early(Look):
        def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None:
            signal.raise_signal(signal.SIGTERM)

    stopped = run(tiny(), store, watch=Early())
    assert isinstance(stopped.events[-1], Ended)
    assert stopped.events[-1].detail == "SIGTERM"
    assert generations(store, name) == ["state-0.safetensors"]
    run(tiny(), store)
    assert bits(store, name) == bits(alone, name)


class DeathError(BaseException):
    """The process is no more."""


class MortalStore(MemoryStore):
    """A store whose process dies at the n-th time it writes: before it, after it, or half-way through a line."""

    def __init__(self, alive: int, how: str) -> None:
        super().__init__()
        self.alive, self.how = alive, how

    def put(self, name: str, file: str, data: bytes) -> None:
        self._die("before")
        super().put(name, file, data)
        self._die("after")
        self.alive -= 1

    def append(self, name: str, event: Event) -> None:
        self._die("before")
        super().append(name, event)
        if self.alive == 0 and self.how == "torn":
            lines = self.get(name, EVENTS) or b""
            super().put(name, EVENTS, lines[: -len(lines.splitlines(keepends=True)[-1]) // 2])
            raise DeathError
        self._die("after")
        self.alive -= 1

    def drop(self, name: str, file: str) -> None:
        self._die("before")
        super().drop(name, file)
        self._die("after")
        self.alive -= 1

    def _die(self, how: str) -> None:
        if self.alive == 0 and self.how == how:
            raise DeathError


@pytest.mark.parametrize("how", ["before", "after", "torn"])
@pytest.mark.row("K3", "K5")
def test_a_run_that_dies_at_any_of_its_writes_ends_in_the_same_bits(how: str) -> None:
    recipe = tiny(save_every=2, score_every=3, patience=1, min_delta=0.5, epochs=4, keep="all")
    alone = MemoryStore()
    name, deaths = run(recipe, alone).name, 0
    for write in range(1000):
        store = MortalStore(write, how)
        try:
            run(recipe, store)
            if how != "torn" or store.alive > 0:
                break
        except DeathError:
            deaths += 1
        store.alive = -1
        run(recipe, store)
        assert bits(store, name) == bits(alone, name), f"died {how} write {write}"
    assert deaths > 20


def test_a_new_start_that_dies_at_any_of_its_writes_is_never_mixed_with_the_old_run() -> None:
    recipe = tiny(save_every=2)
    alone = MemoryStore()
    name = run(recipe, alone).name
    for write in range(12):
        store = MortalStore(-1, "before")
        run(recipe, store, watch=stop_at(7))
        store.alive = write
        with pytest.raises(DeathError):
            run(recipe, store, from_scratch=True)
        store.alive = -1
        run(recipe, store)
        assert bits(store, name) == bits(alone, name), f"died before write {write}"


@pytest.mark.row("R2")
def test_a_longer_run_that_dies_at_any_write_of_its_beginning_ends_in_the_same_bits() -> None:
    recipe, alone = tiny(save_every=2, keep="all"), MemoryStore()
    name, deaths = run(recipe.but(epochs=3), alone).name, 0
    for write in range(100):
        store = MortalStore(-1, "before")
        short = run(recipe, store)
        before = bits(store, short.name)
        store.alive = write
        try:
            go_on(short, recipe.but(epochs=3), Look())
            break
        except DeathError:
            deaths += 1
        store.alive, look = -1, Look()
        go_on(short, recipe.but(epochs=3), look)
        run(recipe.but(epochs=3), store, watch=look)
        assert look.begun == ["10/15"]
        assert {**bits(store, name), MADE: b""} == {**bits(alone, name), MADE: b""}, f"died before write {write}"
        assert bits(store, short.name) == before
    assert deaths > 5


def test_a_folder_without_its_recipe_is_no_run_and_what_lies_in_it_is_not_resumed() -> None:
    alone, store = MemoryStore(), MemoryStore()
    name = run(tiny(), alone).name
    run(tiny(), store, watch=stop_at(7))
    store.drop(name, RECIPE)
    store.put(name, "state-9.safetensors", store.get(name, "state-7.safetensors") or b"")
    look = Look()
    run(tiny(), store, watch=look)
    assert look.begun == ["0/10"]
    assert bits(store, name) == bits(alone, name)


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.row("K7")
def test_a_signal_ends_the_command_and_the_same_command_goes_on(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    words = ["run", "small-mlp", "engine=numpy", "epochs=100000", "batch=16", "--quiet"]  # it cannot end in time
    process = subprocess.Popen(
        [*MAIN, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    store = FolderStore(tmp_path / "runs")
    wait_for_state(store)
    process.send_signal(number)
    sent = time.monotonic()
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert time.monotonic() - sent < 5
    assert "same command" in out + errors
    [name] = store.list()
    record = store.read(name)
    assert isinstance(record.events[-1], Ended)
    assert record.events[-1].reason == "interrupted"
    assert record.events[-1].detail == number.name
    assert generations(store, name)[0] == f"state-{record.events[-1].step}.safetensors"


def wait_for_state(store: FolderStore) -> str:
    """The name of the one run in the store, once it has saved."""
    for _ in range(6000):
        for name in store.list():
            if generations(store, name):
                return name
        time.sleep(0.01)
    raise AssertionError("no run has saved anything in a minute")


@posix
@pytest.mark.row("K1", "K6")
def test_killed_again_and_again_the_bits_come_back() -> None:
    done = subprocess.run(
        [sys.executable, CAMPAIGNS / "kills.py", "--kills", "10", "--seed", "7"],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 kills, 10 resumes, 10 bit-identical" in done.stdout


@posix
@pytest.mark.row("K2", "K3")
def test_killed_before_each_operation_on_the_disk_the_bits_come_back() -> None:
    done = subprocess.run(
        [sys.executable, CAMPAIGNS / "kills.py", "--points"], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def stopped_in(folder: Path, step: int = 7, **fields: Any) -> tuple[FolderStore, str, dict[str, bytes]]:
    """A store with a run stopped at that step, its name, and the bits it has to end in."""
    recipe, alone = tiny(save_every=2, **fields), MemoryStore()
    name = run(recipe, alone).name
    store = FolderStore(folder)
    run(recipe, store, watch=stop_at(step))
    return store, name, bits(alone, name)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
@pytest.mark.row("S4", "S5", "S7")
def test_a_damaged_newest_state_is_set_aside_and_the_run_goes_on_from_the_one_before(
    damage: str, tmp_path: Path
) -> None:
    store, name, wanted = stopped_in(tmp_path)
    newest, older = generations(store, name)
    path = tmp_path / name / newest
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes({"flip": bytes(data), "cut": data[:-1], "empty": b""}[damage])
    look = Look()
    run(tiny(save_every=2), store, watch=look)
    assert any(f"{name}/{newest}" in said and f"going back to {older}" in said for said in look.said)
    assert f"{newest}.bad" in store.files(name)
    assert bits(store, name) == wanted


@pytest.mark.parametrize("damaged", [BEST, "states"])
@pytest.mark.row("S6")
def test_where_nothing_whole_is_left_the_files_are_named_and_nothing_is_deleted(damaged: str, tmp_path: Path) -> None:
    store, name, wanted = stopped_in(tmp_path)
    files = generations(store, name) if damaged == "states" else [BEST]
    for file in files:
        store.put(name, file, (store.get(name, file) or b"")[:-1])
    before = {file: store.get(name, file) for file in store.files(name)}
    with pytest.raises(DamagedFile, match="--from-scratch") as caught:
        run(tiny(save_every=2), store)
    assert all(f"{name}/{file}" in str(caught.value) for file in files)
    assert {file: store.get(name, file) for file in store.files(name)} == before
    run(tiny(save_every=2), store, from_scratch=True)
    assert bits(store, name) == wanted


@pytest.mark.parametrize("keep", [1, 20, 100])
@pytest.mark.row("S8")
def test_a_torn_last_line_is_forgotten(keep: int, tmp_path: Path) -> None:
    store, name, wanted = stopped_in(tmp_path)
    path = tmp_path / name / EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:keep])
    run(tiny(save_every=2), store)
    assert bits(store, name) == wanted


def test_events_cut_anywhere_lead_back_to_a_state_that_they_reach_or_are_refused(tmp_path: Path) -> None:
    recipe = tiny(save_every=2)
    store, name, wanted = stopped_in(tmp_path / "stopped")
    whole = store.get(name, EVENTS) or b""
    outcomes = set()
    for end in range(0, len(whole), 97):
        shutil.copytree(tmp_path / "stopped", tmp_path / f"{end}")
        copy = FolderStore(tmp_path / f"{end}")
        copy.put(name, EVENTS, whole[:end])
        try:
            run(recipe, copy, watch=Look())
        except DamagedFile as error:
            outcomes.add("ends before it" in str(error))
        else:
            outcomes.add(bits(copy, name) == wanted or f"other bits, cut at {end}")
    assert outcomes == {True}


def test_a_line_damaged_after_the_older_state_leads_back_to_that_state(tmp_path: Path) -> None:
    store, name, wanted = stopped_in(tmp_path)
    lines = (store.get(name, EVENTS) or b"").splitlines(keepends=True)
    lines[-2] = b"\0" * 20 + b"\n"
    store.put(name, EVENTS, b"".join(lines))
    look = Look()
    run(tiny(save_every=2), store, watch=look)
    assert any(f"{name}/{EVENTS}:{len(lines) - 1}: " in said and "going back to" in said for said in look.said)
    assert bits(store, name) == wanted


@pytest.mark.row("S13")
def test_a_copied_and_a_moved_store_resume(tmp_path: Path) -> None:
    _, name, wanted = stopped_in(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "copied here")
    shutil.move(tmp_path / "first", tmp_path / "mövéd")
    for place in ("copied here", "mövéd"):
        look = Look()
        run(tiny(save_every=2), FolderStore(tmp_path / place), watch=look)
        assert look.begun == ["7/10"]
        assert bits(FolderStore(tmp_path / place), name) == wanted


@pytest.mark.row("S13")
def test_nothing_in_a_run_is_absolute(tmp_path: Path) -> None:
    store, name, _ = stopped_in(tmp_path)
    for file in store.files(name):
        assert str(tmp_path).encode() not in (store.get(name, file) or b"")


def changed_environment(store: FolderStore, name: str) -> None:
    """As if the run had been begun with another NumPy."""
    made = json.loads(store.get(name, MADE) or b"")
    made["environment"]["numpy"] = "1.0"
    store.put(name, MADE, json.dumps(made).encode())


@pytest.mark.row("R4")
def test_another_environment_is_refused_and_goes_on_only_marked(tmp_path: Path) -> None:
    store, name, wanted = stopped_in(tmp_path)
    changed_environment(store, name)
    with pytest.raises(EnvironmentDiffers, match=r"numpy: 1\.0 then, .* now.*--allow-inexact"):
        run(tiny(save_every=2), store)
    record = run(tiny(save_every=2), store, allow_inexact=True, watch=Look())
    assert any("numpy: 1.0 then" in mark for mark in record.made["inexact"])
    assert bits(store, name)[EVENTS] == wanted[EVENTS]


def test_a_run_without_a_saved_step_takes_the_environment_it_is_in(tmp_path: Path) -> None:
    store, name, wanted = stopped_in(tmp_path)
    changed_environment(store, name)
    for file in generations(store, name):
        store.drop(name, file)
    run(tiny(save_every=2), store)
    assert bits(store, name) == wanted


@pytest.mark.row("R4", "S6")
def test_the_command_says_how_a_refused_run_can_go_on(tmp_path: Path) -> None:
    words = ["run", "small-mlp", "engine=numpy", "epochs=1", "batch=512", "--quiet", "--json"]
    store = FolderStore(tmp_path / "runs")
    name = run(make_recipe({"model": "small-mlp", "engine": "numpy", "epochs": 1, "batch": 512}), store).name
    events = (store.get(name, EVENTS) or b"").splitlines(keepends=True)
    store.put(name, EVENTS, b"".join(events[:-1]))  # as if it had been killed before it could say that it ended
    changed_environment(store, name)
    refused = fairtrial(*words, cwd=tmp_path)
    assert refused.returncode == 8
    assert "--allow-inexact" in json.loads(refused.stdout)["error"]
    allowed = fairtrial(*words, "--allow-inexact", cwd=tmp_path)
    assert allowed.returncode == 0
    assert json.loads(allowed.stdout)["inexact"]
    store.put(name, EVENTS, b"".join(events[:-1]))
    for file in generations(store, name):
        store.put(name, file, b"")
    damaged = fairtrial(*words, "--allow-inexact", cwd=tmp_path)
    assert damaged.returncode == 4
    assert "--from-scratch" in json.loads(damaged.stdout)["error"]


def test_the_helper_that_compares_bits_sees_a_changed_bit() -> None:
    line = {"event": "saved", "step": 1, "fit_seconds": 0.5}
    other = {**line, "fit_seconds": 0.7}
    assert kills.timeless(json.dumps(line).encode()) == kills.timeless(json.dumps(other).encode())
    assert kills.timeless(json.dumps(line).encode()) != kills.timeless(json.dumps({**line, "step": 2}).encode())
