"""Studies: arms from words, pairs by seed, runs used again, workers that die, and the same table from any executor."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairtrial as ft
from conftest import MAIN, Look, bits, stop_at, tiny
from fairtrial.api import Judged, make, make_runs, scores_csv, write_report
from fairtrial.made import reread
from fairtrial.report.contract import comparison_json
from fairtrial.runner import run
from fairtrial.spec.errors import FairtrialError, OutOfResources, UnknownName, UsageError
from fairtrial.spec.events import Ended, Fitted
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import Tuned
from fairtrial.store import EVENTS, MADE, RECIPE, FolderStore, MemoryStore, Record
from fairtrial.study import execute
from fairtrial.study.plan import Study, make_study, read_levels, read_seeds

RULES = {"optimizer": ["sgd", "adam"]}


class Counts:
    """Counts what a study says of its runs."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.ended: list[tuple[str, int]] = []
        self.spared: dict[str, tuple[int, int]] = {}

    def tuned(self, tuned: Tuned, left: int) -> None:
        raise AssertionError(f"{tuned.arm} was not to be tuned")

    def begin(self, total: int, reused: int) -> None:
        self.begun.append((total, reused))

    def done(self, arm: str, seed: int, record: Record) -> None:
        assert record.end
        assert record.recipe.seed == seed
        self.ended.append((arm, seed))

    def decided(self, arm: str, seeds: int, spared: int) -> None:
        self.spared[arm] = (seeds, spared)


@pytest.mark.row("S11")
def test_runs_that_lack_a_file_are_left_out_by_name_and_the_others_compared(tmp_path: Path) -> None:
    store, study = FolderStore(tmp_path), make_study("s", tiny(), RULES, 4)
    whole = make(study, store, executor="serial")
    write_report(whole, store, "")
    adam, sgd = (next(arm.runs for arm in whole.arms if arm.name == name) for name in ("adam", "sgd"))
    store.drop(adam[1], MADE)
    store.drop(adam[3], EVENTS)
    shutil.rmtree(tmp_path / sgd[0])
    shown, again = reread(store, whole.folder.partition("/")[2]), make(study, store, executor="serial")
    why = [f"{adam[1]}/{MADE} is missing", f"{adam[3]}/{EVENTS} is missing"]
    gone = f"{sgd[0]}/{RECIPE} is gone from {tmp_path}; compare makes it again"
    assert sorted(each.why for each in shown.damaged) == sorted([*why, gone])
    assert sorted(each.why for each in again.damaged) == sorted(why)  # what has no recipe is made anew
    assert all(f"adam: a run is damaged and left out: {each}." in again.summary for each in why)
    values = {arm.name: arm.values for arm in whole.arms}
    left = {arm.name: arm.values for arm in again.arms}
    assert left == {"adam": (values["adam"][0], values["adam"][2]), "sgd": values["sgd"]}
    assert [pair.judged.n for pair in again.pairs] == [2]
    assert [each["why"] for each in comparison_json(again, tmp_path)["damaged"]] == [each.why for each in again.damaged]


def test_levels_are_read_from_words() -> None:
    words = {
        "optimizer": "adam, sgd", "lr": "0.1,1e-2", "betas": "0.8,0.9", "batch": "16,32",
        "schedule": "warmup 5, cosine", "score_train": "true,false",
    }  # fmt: skip
    levels = read_levels(Recipe(), words)
    assert levels == {
        "optimizer": ["adam", "sgd"], "lr": [0.1, 0.01], "betas": [(0.8, 0.9)], "batch": [16, 32],
        "schedule": ["warmup 5, cosine"], "score_train": [True, False],
    }  # fmt: skip
    assert read_levels(Recipe(), {"betas": "0.8,0.9;0.9,0.99"})["betas"] == [(0.8, 0.9), (0.9, 0.99)]
    assert read_levels(Recipe(), {"model": "mlp,cnn2"})["model"] == ["mlp", "cnn2"]
    line = "conv 3, act, flatten, linear classes"
    assert read_levels(Recipe(), {"model": line})["model"] == [line]
    assert read_levels(Recipe(), {"model": f"{line}; mlp"})["model"] == [line, "mlp"]


def test_arms_are_the_grid_and_carry_what_sets_them_apart() -> None:
    study = make_study("s", tiny(seed=7), {"optimizer": ["adam", "sgd"], "lr": [0.1, 0.01], "batch": [128]}, 3)
    assert list(study.arms) == [f"optimizer={o} lr={lr}" for o in ("adam", "sgd") for lr in ("0.1", "0.01")]
    assert study.seeds == (7, 8, 9)
    assert {recipe.batch for recipe in study.arms.values()} == {128}
    assert study.fields("optimizer=adam lr=0.1") == {"optimizer": "adam", "lr": 0.1}
    assert [(arm, recipe.seed) for arm, recipe in study.recipes()] == [
        (arm, seed) for seed in (7, 8, 9) for arm in study.arms
    ]
    assert list(make_study("s", tiny(), {"lr": [0.1, 0.01]}, 1).arms) == ["lr=0.1", "lr=0.01"]
    assert list(make_study("s", tiny(), RULES, 1).arms) == ["sgd", "adam"]


@pytest.mark.parametrize(
    ("levels", "seeds", "said"),
    [
        ({"optimiser": ["adam"]}, 1, "optimizer"), ({"seed": [1, 2]}, 1, "seed"), (RULES, 0, "from 1 to"),
        ({"lr": [0.1, 0.1]}, 1, "same recipe"), ({"lr": [-1.0]}, 1, "a number > 0"), (RULES, -1, "from 1 to"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be_meant_is_refused(levels: dict[str, Any], seeds: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_study("s", tiny(), levels, seeds)


@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        ({"executor": "magic"}, RULES), ({"jobs": -1}, RULES), ({"address": "1.2.3.4:5"}, RULES),
        ({}, {"optimizer": ["adam", "sdg"]}), ({}, {"init": ["zeros", "zorro"]}), ({}, {"augment": ["flip", "flap"]}),
        ({}, {"model": ["linear", "conv 3, linear classes"]}),
    ],
)  # fmt: skip
def test_it_is_refused_before_any_run(settings: dict[str, Any], levels: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        make(make_study("s", tiny(), levels, 2), FolderStore(tmp_path), **settings)
    assert FolderStore(tmp_path).list() == []


@pytest.mark.parametrize("settings", [{"margin": 0}, {"margin": -1}, {"margin": float("inf")}, {"metric": "test/luck"}])
def test_a_verdict_that_cannot_be_given_is_refused_before_any_run(settings: dict[str, Any]) -> None:
    store = MemoryStore()
    with pytest.raises(UsageError):
        make(replace(make_study("s", tiny(), RULES, 2), **settings), store)
    assert store.list() == []


def first_step(record: Record) -> Fitted:
    return next(event for event in record.events if isinstance(event, Fitted))


def test_seeds_are_paired_the_arms_share_split_start_and_batches() -> None:
    model = "conv 3, norm, act, flatten, dropout, linear classes"
    study = make_study("s", tiny(model=model, augment="shift 1"), {"optimizer": ["sgd", "adam"]}, 2)
    comparison = make(study, MemoryStore())
    sgd, adam = comparison.records["sgd"], comparison.records["adam"]
    for one, other in zip(sgd, adam, strict=True):
        assert one.recipe.seed == other.recipe.seed
        assert one.made["data"]["split"] == other.made["data"]["split"]
        # The loss of the first step is taken before any update: equal start, images, augmentation and dropout.
        assert first_step(one).scores == first_step(other).scores
        assert one.curve("running/loss") != other.curve("running/loss")
    assert first_step(sgd[0]).scores != first_step(sgd[1]).scores


@pytest.mark.row("C7")
def test_a_second_call_makes_no_run_and_more_seeds_make_only_the_new_ones(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    counts = [Counts() for _ in range(3)]
    first = make(make_study("s", tiny(), RULES, 2), store, executor="serial", progress=counts[0])
    before = {name: (tmp_path / name / EVENTS).stat().st_mtime_ns for name in store.list()}
    second = make(make_study("s", tiny(), RULES, 2), store, executor="serial", progress=counts[1])
    assert (counts[1].begun, counts[1].ended) == ([(4, 4)], [])
    assert before == {name: (tmp_path / name / EVENTS).stat().st_mtime_ns for name in store.list()}
    assert comparison_json(first, tmp_path) == comparison_json(second, tmp_path)
    more = make(make_study("s", tiny(), RULES, 3), store, executor="serial", progress=counts[2])
    assert counts[2].begun == [(6, 4)]
    assert sorted(counts[2].ended) == [("adam", 2), ("sgd", 2)]
    assert {arm.name: arm.values[:2] for arm in more.arms} == {arm.name: arm.values for arm in first.arms}


def test_runs_are_shared_between_studies() -> None:
    store, counts = MemoryStore(), Counts()
    make(make_study("one", tiny(), {"optimizer": ["sgd", "adam"]}, 1), store)
    make(make_study("two", tiny(), {"optimizer": ["adam", "momentum"]}, 1), store, progress=counts)
    assert counts.begun == [(2, 1)]


def timeless(comparison: ft.Comparison) -> Any:
    """What a comparison prints, without times and places."""
    plain = comparison_json(comparison, Path())
    return {**plain, "arms": [{k: v for k, v in arm.items() if "second" not in k} for arm in plain["arms"]]}


def study_of_workers() -> Study:
    """Runs long enough to be killed in the middle, saved at every tenth step."""
    model = "conv 6, norm, act, pool, flatten, linear 16, act, dropout, linear classes"
    return make_study("s", tiny(model=model, batch=32, epochs=4, save_every=10), RULES, 2)


def test_processes_and_serial_give_the_same_table_and_the_same_bits(tmp_path: Path) -> None:
    alone, shared = FolderStore(tmp_path / "serial"), FolderStore(tmp_path / "processes")
    expected = make(study_of_workers(), alone, executor="serial")
    counts = Counts()
    got = make(study_of_workers(), shared, jobs=2, progress=counts)
    assert timeless(got) == timeless(expected)
    assert len(counts.ended) == 4
    assert sorted(shared.list()) == sorted(alone.list())
    for name in alone.list():
        assert bits(shared, name) == bits(alone, name)


class Killer(threading.Thread):
    """Kills the process that holds a run of the store, as often as it may."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.times, self.killed = folder, times, 0
        self.over = threading.Event()

    def run(self) -> None:
        while self.killed < self.times and not self.over.wait(0.002):
            for owner in self.folder.glob("*/owner"):
                words = owner.read_text("utf8").split() if owner.exists() else []
                saved = any(owner.parent.glob("state-*"))
                if len(words) > 1 and (saved or self.times > 1) and int(words[1]) != os.getpid():
                    try:
                        os.kill(int(words[1]), signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                    self.killed += 1
                    time.sleep(0.05)
                    break


posix = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


@posix
@pytest.mark.row("C5")
def test_a_worker_that_is_killed_is_replaced_and_the_table_is_the_same(tmp_path: Path) -> None:
    expected = make(study_of_workers(), MemoryStore())
    look, killer = Look(), Killer(tmp_path, 1)
    killer.start()
    got = make(study_of_workers(), FolderStore(tmp_path), jobs=2, watch=look)
    killer.over.set()
    assert killer.killed == 1
    assert sum("a worker process died: killed (9), likely memory" in said for said in look.said) == 1
    assert timeless(got) == timeless(expected)


@posix
@pytest.mark.row("K10")
def test_workers_that_die_again_and_again_end_the_study_with_exit_code_6(tmp_path: Path) -> None:
    killer = Killer(tmp_path, 10_000)
    killer.start()
    with pytest.raises(FairtrialError, match="died 3 times") as caught:
        make(study_of_workers(), FolderStore(tmp_path), jobs=1, watch=Look())
    killer.over.set()
    killer.join()
    assert caught.value.exit_code == 6
    expected = make(study_of_workers(), MemoryStore())
    assert timeless(make(study_of_workers(), FolderStore(tmp_path), executor="serial")) == timeless(expected)


def wait_for(what: Callable[[], object]) -> None:
    for _ in range(6000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("waited a minute in vain")


@posix
@pytest.mark.parametrize(
    ("early", "executor", "number", "code"),
    [
        (True, "processes", signal.SIGINT, 130), (False, "processes", signal.SIGINT, 130),
        (False, "serial", signal.SIGINT, 130), (False, "serial", signal.SIGTERM, 143),
    ],
)  # fmt: skip
def test_ctrl_c_ends_a_study_and_the_same_command_goes_on(
    early: bool, executor: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    words = ["compare", "small-mlp", "engine=numpy", "optimizer=adam,sgd", "batch=16", "epochs=40", "--seeds", "1"]
    command = [*MAIN, *words, "--json", "--jobs", "2", "--executor", executor, "--quiet"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if early:
        time.sleep(1.2)  # while the workers start
    else:
        wait_for(lambda: list(tmp_path.glob("runs/*/state-*")))
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "same command" in errors
    assert "Traceback" not in errors
    wait_for(lambda: not list(tmp_path.glob("runs/*/owner")))  # no worker is left behind
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert {arm["n"] for arm in json.loads(done.stdout)["arms"]} == {1}


def long_compare(folder: Path) -> list[str]:
    """A command whose two runs take seconds."""
    words = ["compare", "small-mlp", "engine=numpy", "optimizer=adam,sgd", "batch=16", "epochs=40", "--seeds", "1"]
    return [*MAIN, *words, "--store", str(folder), "--json", "--jobs", "2", "--quiet"]


def kill_in_the_middle(folder: Path, errors: Path) -> None:
    """Start the command, and kill it alone, without a chance to tell its workers, when each has saved something."""
    before = set(folder.glob("*/state-*"))
    with errors.open("w") as said:
        process = subprocess.Popen(long_compare(folder), stdout=subprocess.DEVNULL, stderr=said)
    wait_for(lambda: len({path.parent for path in set(folder.glob("*/state-*")) - before}) == 2)
    process.kill()
    process.wait()


@posix
@pytest.mark.row("C6", "K13")
def test_workers_of_a_killed_command_save_and_leave_and_the_same_command_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    kill_in_the_middle(folder, tmp_path / "errors")
    wait_for(lambda: not list(folder.glob("*/owner")))
    store = FolderStore(folder)
    for name in store.list():
        last = store.read(name).events[-1]
        assert isinstance(last, Ended)
        assert (last.reason, last.detail) == ("interrupted", "SIGTERM")
    kill_in_the_middle(folder, tmp_path / "errors")
    done = subprocess.run(long_compare(folder), capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert {arm["n"] for arm in json.loads(done.stdout)["arms"]} == {1}
    assert "Traceback" not in (tmp_path / "errors").read_text()


def test_a_worker_waits_for_a_run_that_is_about_to_be_let_go(tmp_path: Path) -> None:
    store, study = FolderStore(tmp_path), make_study("s", tiny(), RULES, 1)
    name = run(study.arms["sgd"], store, watch=stop_at(3)).name
    held = threading.Event()

    def hold() -> None:
        with store.hold(name):
            held.set()
            time.sleep(4)  # a worker starts in two seconds

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    comparison = make(study, store, jobs=1)
    holder.join()
    assert [record.name for record in comparison.records["sgd"]] == [name]


def test_a_worker_saves_and_leaves_when_its_input_closes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fairtrial.study.worker", str(tmp_path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(execute.line([execute.Task(tiny(batch=16, epochs=1000))]) + "\n")
    process.stdin.flush()
    wait_for(lambda: list(tmp_path.glob("*/state-*")))
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (0, "", "")
    store = FolderStore(tmp_path)
    last = store.read(store.list()[0]).events[-1]
    assert isinstance(last, Ended)
    assert last.reason == "interrupted"


def test_a_worker_answers_whatever_goes_wrong_and_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fairtrial.study.worker", str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    answers: list[Any] = []
    wrong = json.dumps({"recipes": [{"lr": -1}], "until": 0, "name": ""})
    for task in ("no recipe", "{}", wrong, execute.line([execute.Task(tiny())])):
        process.stdin.write(task + "\n")
        process.stdin.flush()
        answers.append(json.loads(process.stdout.readline()))
    process.communicate(timeout=30)
    assert answers[0] == {
        "error": "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "exit_code": 1,
    }  # fmt: skip
    assert [answer.get("exit_code") for answer in answers[1:3]] == [2, 2]
    assert answers[3]["runs"] == FolderStore(tmp_path).list()


def worker_like(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes be this shell script."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


HUNGRY = "import os; held = 500_000_000 * b'x'; os.kill(os.getpid(), 9)"


class Faulty(Look):
    """Cannot bear to be told anything."""

    def say(self, text: str) -> None:
        raise ZeroDivisionError(text)


@posix
@pytest.mark.row("K10")
def test_a_worker_killed_for_its_memory_is_told_with_what_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_like(f'read line; exec "{sys.executable}" -c "{HUNGRY}"', tmp_path, monkeypatch)
    look = Look()
    with pytest.raises(OutOfResources, match="smaller batch"):
        make(make_study("s", tiny(), RULES, 1), FolderStore(tmp_path), jobs=1, watch=look)
    assert len(look.said) == 3
    held = [re.findall(r"killed \(9\), likely memory \(the largest so far held (\S+) GB\)", said) for said in look.said]
    assert all(float(gigabytes) > 0.5 for [gigabytes] in held)


@posix
@pytest.mark.parametrize(
    ("script", "watch", "error", "said", "code"),
    [
        ("read line; echo hello; read line", Look(), FairtrialError, "no answer but 'hello'", 1),
        ('read line; rm "$0"; exit 1', Look(), OutOfResources, "cannot be started: No such file", 6),
        ("read line; exit 7", Look(), FairtrialError, "died 3 times .* exit code 7", 1),
        ("read line; kill -9 $$", Look(), OutOfResources, r"died 3 times .* killed \(9\), likely memory \(.* GB\)", 6),
        ("read line; exit 7", Faulty(), ZeroDivisionError, "died", 0),
        ("read line; echo '{}'; read line", Look(), FairtrialError, "no answer but '{}'", 1),
    ],
)
def test_whatever_happens_to_a_worker_ends_the_study(
    script: str, watch: Look, error: type[Exception], said: str, code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    worker_like(script, tmp_path, monkeypatch)
    caught: list[BaseException] = []

    def call() -> None:
        try:
            make(make_study("s", tiny(), RULES, 1), FolderStore(tmp_path), jobs=1, watch=watch)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(60)
    assert len(caught) == 1, "it hangs"
    assert isinstance(caught[0], error)
    assert re.search(said, str(caught[0]))
    assert getattr(caught[0], "exit_code", 0) == code


@posix
def test_workers_that_will_not_leave_are_ended_all_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_like('read line; case "$line" in *\'"seed":0,\'*) echo hello;; esac; exec sleep 100', tmp_path, monkeypatch)
    monkeypatch.setattr(execute, "GRACE", 2)
    began = time.monotonic()
    with pytest.raises(FairtrialError, match="no answer but 'hello'"):
        make(make_study("s", tiny(), {}, 4), FolderStore(tmp_path), jobs=4)
    assert 2 <= time.monotonic() - began < 6


def test_the_report_holds_what_the_contract_names(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    comparison = make(make_study("rules", tiny(), RULES, 3), store, executor="serial")
    plain = write_report(comparison, store, "fairtrial compare")
    assert plain.keys() >= {"study", "path", "report", "metric", "arms", "pairs", "summary"}
    for arm in plain["arms"]:
        assert arm.keys() >= {"name", "fields", "n", "mean", "interval", "values", "seconds"}
    for pair in plain["pairs"]:
        assert pair.keys() >= {
            "a", "b", "difference", "interval", "p", "p_corrected", "verdict", "more_seeds",
        }  # fmt: skip
    folder = Path(plain["path"])
    written = json.loads((folder / "study.json").read_text("utf8"))
    assert str(tmp_path) not in json.dumps(written)  # the folder can be moved
    assert {**written, "path": plain["path"], "report": plain["report"]} == json.loads(json.dumps(plain))
    assert Path(plain["report"]).is_file()
    rows = (folder / "scores.csv").read_text("utf8").splitlines()
    assert len(rows) == 1 + 6


def test_compare_from_python_prints_the_table_and_returns_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got = ft.compare(tiny(), optimizer=["adam", "sgd"], lr=0.01, seeds=2, store=FolderStore(tmp_path), jobs=1)
    assert {arm.name for arm in got.arms} == {"adam", "sgd"}
    assert all(record.recipe.lr == 0.01 for record in itertools.chain(*got.records.values()))
    printed = capsys.readouterr().out
    assert "adam" in printed
    assert "sgd" in printed
    with pytest.raises(UnknownName, match="optimizer"):
        ft.compare(tiny(), optimiser=["adam"], store=MemoryStore())


def test_seeds_in_words() -> None:
    assert read_seeds("7") == (7, False)
    assert read_seeds("auto") == (30, True)
    assert read_seeds("auto:12") == (12, True)
    for word in ("auto:3", "many", "-1", "2.5", "autos"):
        with pytest.raises(UsageError, match=re.escape(word)):
            read_seeds(word)
    got = ft.compare(tiny(epochs=1), optimizer=["adam", "sgd"], seeds="auto:4", store=MemoryStore(), seed=[9])
    assert got.at_any_time
    assert {record.recipe.seed for record in got.records["adam"]} == {9, 10, 11, 12}


@pytest.mark.parametrize("seeds", [0, -1, "0"])
def test_no_seeds_are_refused_in_python_too(seeds: int | str) -> None:
    with pytest.raises(UsageError, match=f"{seeds}"):
        ft.compare(tiny(), optimizer=["adam", "sgd"], seeds=seeds, store=MemoryStore())


def test_no_level_is_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="optimizer: there is no level"):
        ft.compare(tiny(), optimizer=[], store=MemoryStore())


def test_a_score_that_no_run_has_is_refused_before_any_run() -> None:
    store = MemoryStore()
    with pytest.raises(UsageError, match="score_test=false"):
        make(make_study("s", tiny(score_test=False), RULES, 2), store)
    assert store.list() == []


def test_arms_that_differ_in_nothing_that_is_used_are_refused() -> None:
    base = Recipe(model="mlp", engine="numpy", optimizer="adam")
    for field, values in {"dropout": [0.1, 0.5], "momentum": [0.5, 0.9]}.items():
        with pytest.raises(UsageError, match="the same run"):
            make(make_study("same", base, {field: values}, 2), MemoryStore())


def test_an_arm_that_diverges_is_named_with_its_seeds() -> None:
    study = make_study("far", tiny(epochs=2), {"lr": [0.01, 1e30]}, 3)
    comparison = make(study, MemoryStore())
    assert "lr=1e+30 diverged in 3 of 3 seeds" in comparison.summary


def test_a_report_of_another_margin_is_another_report(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    study = make_study("rules", tiny(), RULES, 2)
    folders = {
        write_report(make(replace(study, margin=margin), store, executor="serial"), store, "fairtrial compare")["path"]
        for margin in (0.005, 0.2)
    }
    assert len(folders) == 2


def test_seeds_are_added_until_every_pair_is_decided_whatever_order_runs_end_in(tmp_path: Path) -> None:
    study = make_study("far", tiny(epochs=2), {"lr": [1e-5, 0.05]}, 12)
    study = replace(study, margin=0.01, until_settled=True)
    alone = make(study, MemoryStore())
    assert 4 <= alone.seeds < 12  # the method needs four, and one arm learns nothing
    assert [pair.judged.verdict for pair in alone.pairs] == ["better"]
    together = make(study, FolderStore(tmp_path), jobs=2)
    assert scores_csv(together) == scores_csv(alone)
    assert together.pairs == alone.pairs


CAP = 9
UNEQUAL = replace(
    make_study("unequal", tiny(epochs=6), {"lr": [1e-5, 0.02, 0.021, 0.005]}, CAP), margin=0.01, until_settled=True
)


@pytest.fixture(scope="module")
def all_runs() -> tuple[MemoryStore, dict[execute.Task, str]]:
    """Every run that the study of arms which end apart could ask for."""
    store = MemoryStore()
    return store, {execute.Task(recipe): run(recipe, store).name for _, recipe in UNEQUAL.recipes()}


class InAnyOrder:
    """A pool of so many workers that end their runs in the order that `choose` picks."""

    def __init__(
        self, runs: dict[execute.Task, str], jobs: int, choose: Callable[[int], int], most: int = 1000
    ) -> None:
        self.runs, self.jobs, self.choose, self.most = runs, jobs, choose, most
        self.tasks: list[execute.Task] = []
        self.made: list[execute.Task] = []

    def submit(self, task: execute.Task) -> None:
        self.tasks.append(task)

    def next(self) -> tuple[execute.Task, str]:
        if len(self.made) == self.most:
            raise KeyboardInterrupt
        task = self.tasks.pop(self.choose(min(self.jobs, len(self.tasks))))
        self.made.append(task)
        return task, self.runs[task]

    def withdraw(self, tasks: Collection[execute.Task]) -> set[execute.Task]:
        gone = set(self.tasks[self.jobs :]).intersection(tasks)  # the first ones are under way
        self.tasks = [task for task in self.tasks if task not in gone]
        return gone


def judged_in(
    order: InAnyOrder, store: MemoryStore, known: Collection[execute.Task] = ()
) -> tuple[ft.Comparison, Counts]:
    """The study's comparison by a pool, where some runs are known."""
    judged, counts = Judged(UNEQUAL, store), Counts()
    make_runs(judged, order, lambda task: order.runs[task] if task in known else "", counts)
    return judged.comparison(), counts


@given(jobs=st.integers(1, 8), killed=st.integers(0, 30), data=st.data())
@settings(max_examples=25, deadline=None)
def test_arms_end_apart_alike_whatever_order_runs_end_in_and_wherever_the_study_was_killed(
    all_runs: tuple[MemoryStore, dict[execute.Task, str]], jobs: int, killed: int, data: st.DataObject
) -> None:
    store, runs = all_runs
    expected, _ = judged_in(InAnyOrder(runs, 1, lambda _: 0), store)
    seeds = {arm.name: len(arm.runs) for arm in expected.arms}
    assert seeds["lr=1e-05"] < max(seeds.values())

    def choose(many: int) -> int:
        return data.draw(st.integers(0, many - 1))

    first = InAnyOrder(runs, jobs, choose, killed)
    with contextlib.suppress(KeyboardInterrupt):
        judged_in(first, store)
    got, counts = judged_in(InAnyOrder(runs, jobs, choose), store, first.made)
    assert timeless(got) == timeless(expected)
    (total, _), spared = counts.begun[0], sum(many for _, many in counts.spared.values())
    assert total - spared <= sum(seeds.values()) + len(seeds) * jobs  # all but what was under way


def test_an_arm_whose_pairs_are_decided_gets_no_more_seeds_while_others_go_on(tmp_path: Path) -> None:
    words = ["linear", "engine=numpy", "batch=256", "epochs=4", "lr=0.02,0.021,1e-5", "--seeds", "auto:9"]
    command = [*MAIN, "compare", *words, "--json", "--jobs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=True)
    plain = json.loads(done.stdout)
    seeds = {arm["name"]: arm["seeds"] for arm in plain["arms"]}
    assert 4 <= seeds["lr=1e-05"] < seeds["lr=0.02"] == seeds["lr=0.021"] == plain["seeds"]
    for pair in plain["pairs"]:
        assert pair["n"] == min(seeds[pair["a"]], seeds[pair["b"]])
    assert {pair["verdict"] for pair in plain["pairs"] if "lr=1e-05" in (pair["a"], pair["b"])} == {"better"}
    said = re.search(r"lr=1e-05: decided with (\d+) seeds, (\d+) runs? spared", done.stderr)
    assert said
    assert int(said[1]) == seeds["lr=1e-05"]
    assert len(list(tmp_path.glob("runs/linear-*"))) <= 27 - int(said[2]) < 27
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=True)
    assert json.loads(again.stdout) == plain
    shown = subprocess.run(
        [*MAIN, "show", "linear"], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=True
    )
    assert "gets no more seeds" in shown.stdout
    assert f"lr=1e-05 {seeds['lr=1e-05']}" in Path(tmp_path, plain["report"]).read_text("utf8")


def test_an_arm_that_always_diverges_does_not_hold_the_others_up() -> None:
    study = replace(make_study("far", tiny(epochs=2), {"lr": [1e-5, 0.05, 1e30]}, 8), until_settled=True, margin=0.01)
    got = make(study, MemoryStore())
    assert {arm.name: (len(arm.runs), arm.failed) for arm in got.arms}["lr=1e+30"] == (4, 4)
    assert got.seeds < 8


def test_a_study_that_is_never_settled_ends_with_its_last_seed() -> None:
    study = make_study("near", tiny(), {"lr": [0.01, 0.0101]}, 3)
    comparison = make(replace(study, until_settled=True), MemoryStore())
    assert comparison.seeds == 3
    assert [pair.judged.verdict for pair in comparison.pairs] == ["undecided"]


def test_as_many_workers_as_the_cores_take_at_a_run_s_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "cores", lambda: 4)
    for threads, jobs, workers in ((1, 0, 4), (2, 0, 2), (8, 0, 1), (2, 3, 3)):
        with execute.processes(jobs)(FolderStore(tmp_path), Look()) as pool:
            assert isinstance(pool, execute.Processes)
            for seed in range(6):
                pool.submit(execute.Task(tiny(threads=threads, epochs=1, seed=seed)))
            assert len(pool.workers) == workers
            for _ in range(6):
                pool.next()
