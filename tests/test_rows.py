"""Each row of docs/reliability-rows.md is carried by the tests that show it; and rows that no other file shows."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import disk as campaign
import numpy as np
import pytest
from PIL import Image
from watched_disk import Operation, Watched

from conftest import Look, bits, fairtrial, tiny
from data_helpers import picture_folder, save_picture
from fairtrial.engine.memory import available
from fairtrial.inventory import run_lines
from fairtrial.parts.datasets import load
from fairtrial.parts.memory import of_a_step
from fairtrial.runner import make_plan, run
from fairtrial.spec.errors import Busy, DataError, OutOfResources
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, MemoryStore, generations

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "reliability-rows.md"
COUNTS = {"K": 14, "S": 16, "R": 12, "N": 8, "D": 19, "C": 7, "P": 8, "W": 14, "X": 10, "U": 8}
LACKING = ("not yet: ", "does not apply: ")
posix = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def table() -> dict[str, tuple[str, set[str]]]:
    """What happens and the names of the tests that show it, by row."""
    lines = re.findall(r"^\| (\w+) \| (.+) \| (.*) \|$", TABLE.read_text("utf8"), re.MULTILINE)
    rows = {row: (said, set(re.findall(r"`(\S+::\S+)`", tests))) for row, said, tests in lines if row != "row"}
    assert len(rows) == len(lines) - 1
    return rows


def marked() -> dict[str, set[str]]:
    """The tests that carry each row, read in their sources."""
    rows: dict[str, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        functions = [node for node in ast.walk(ast.parse(path.read_text("utf8"))) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            for mark in function.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
                    for row in map(ast.literal_eval, mark.args):
                        rows.setdefault(row, set()).add(f"{path.relative_to(TESTS).as_posix()}::{function.name}")
    return rows


def test_no_row_is_lost() -> None:
    assert list(table()) == [f"{letter}{number + 1}" for letter, count in COUNTS.items() for number in range(count)]


def test_each_row_is_carried_by_the_tests_that_it_names() -> None:
    rows = table()
    assert marked() == {row: tests for row, (_, tests) in rows.items() if tests}
    assert [row for row, (said, tests) in rows.items() if said.startswith(LACKING) == bool(tests)] == []


# A process that is killed where it hurts

KILLED = """
import os, signal, sys
from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore

left = int(sys.argv[4])
def look(frame, event, _):
    global left
    if event == "call" and frame.f_code.co_qualname == sys.argv[3]:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(look)
run(Recipe.model_validate_json(sys.argv[1], strict=False), FolderStore(sys.argv[2]))
"""


def kill_in(function: str, call: int, recipe: Recipe, folder: Path) -> None:
    """Train in a process that is killed as it enters this function for the n-th time."""
    words = [recipe.model_dump_json(), str(folder), function, str(call)]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


# Its third epoch is worse than the second, and patience ends it there
STOPS_EARLY: dict[str, Any] = {
    "lr": 0.02, "schedule": "step 1 100", "optimizer": "momentum", "epochs": 6, "patience": 1,
}  # fmt: skip


def as_if_left_alone(recipe: Recipe, folder: Path) -> bool:
    """Whether the same call, made again, comes to the bits of a run that nothing happened to."""
    alone, store = MemoryStore(), FolderStore(folder)
    name = run(recipe, alone).name
    run(recipe, store, watch=Look())
    return bits(store, name) == bits(alone, name)


@posix
@pytest.mark.row("K4")
def test_killed_while_it_is_scored(tmp_path: Path) -> None:
    recipe = tiny(**STOPS_EARLY)
    kill_in("score", 6, recipe, tmp_path)  # on the validation part, whose loss then ends the run
    assert as_if_left_alone(recipe, tmp_path)


@posix
@pytest.mark.parametrize(("function", "call"), [("Progress.better", 3), ("keep_weights", 2), ("ending", 1)])
@pytest.mark.row("K5")
def test_killed_while_it_decides_what_is_best_and_whether_to_stop(function: str, call: int, tmp_path: Path) -> None:
    recipe = tiny(**STOPS_EARLY)
    kill_in(function, call, recipe, tmp_path)
    assert as_if_left_alone(recipe, tmp_path)


@posix
@pytest.mark.row("K6")
def test_killed_while_it_resumes_and_then_again(tmp_path: Path) -> None:
    recipe = tiny(save_every=2)
    kill_in("advance", 8, recipe, tmp_path)
    store = FolderStore(tmp_path)
    (name,) = store.list()
    before = {file: store.get(name, file) for file in generations(store, name)}
    for function in ("newest_good", "State.load", "as_lines"):
        kill_in(function, 1, recipe, tmp_path)
        assert {file: store.get(name, file) for file in generations(store, name)} == before
    assert as_if_left_alone(recipe, tmp_path)


@posix
@pytest.mark.row("K12")
def test_killed_before_it_is_a_run_it_is_listed_as_incomplete_and_can_be_cleared_away(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    kill_in("put", 2, tiny(), tmp_path)  # fairtrial.disk's, of its recipe
    ((name, ended),) = ((line.name, line.ended) for line in run_lines(tmp_path))
    assert ended == "incomplete"
    assert store.list() == []
    with store.hold(name):
        assert store.clean() == []  # somebody is about to begin it
    assert as_if_left_alone(tiny(), tmp_path)
    assert [line.ended for line in run_lines(tmp_path)] == ["finished"]
    kill_in("put", 1, tiny(seed=1), tmp_path)
    notes = tmp_path / "notes-0123456789ab"
    notes.mkdir()
    (notes / "page.txt").write_text("not ours")
    done = fairtrial("list", "runs", "--clean", "--json", "--store", str(tmp_path), cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (list(told["runs"]), len(told["removed"])) == ([name], 1)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {name, notes.name}


@pytest.mark.row("K8")
def test_a_second_ctrl_c_ends_it_without_a_save(tmp_path: Path) -> None:
    def twice(event: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    recipe, store = tiny(), FolderStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, store, watch=Look(twice))
    assert generations(store, store.list()[0]) == []
    assert as_if_left_alone(recipe, tmp_path)


STOPPED = """
import os, signal, subprocess
from time import perf_counter
from conftest import Look, tiny
from fairtrial.costs import fit_seconds, score_seconds
from fairtrial.runner import run
from fairtrial.store import MemoryStore

def look(event):
    seen.append(perf_counter())
    if shell.poll() is not None and not ended:
        ended.append(signal.raise_signal(signal.SIGINT))

seen, ended, pid = [perf_counter()], [], os.getpid()
shell = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -STOP {pid}; sleep 1; kill -CONT {pid}"])
record = run(tiny(epochs=100_000), MemoryStore(), watch=Look(look))
print(seen[-1] - seen[0], fit_seconds(record) + score_seconds(record))
"""


@posix
@pytest.mark.row("K9")
def test_the_time_in_which_a_run_was_stopped_is_not_its_own() -> None:
    words = [sys.executable, "-c", STOPPED]
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
    there, counted = map(float, done.stdout.split())
    assert 0 < counted < there - 0.99


# The disk


@pytest.mark.row("K11")
def test_what_a_loss_of_power_leaves_leads_to_the_same_bits(tmp_path: Path) -> None:
    """Every seventh of the states that campaigns/disk.py goes through whole."""
    recipe, log = tiny(model="flatten, linear classes", save_every=2), list[Operation]()
    alone = FolderStore(tmp_path / "alone", Watched(tmp_path / "alone", lambda told, path: log.append(told)))
    name = run(recipe, alone).name
    lost = [crash for crash in campaign.crashes(log) if crash.kind in ("unsynced lost", "one lost", "zeros")]
    assert len(lost) > 100
    for number, crash in enumerate(lost[::7]):
        assert campaign.look(tmp_path / f"{number}", crash, recipe, bits(alone, name)) == "", crash


@pytest.mark.row("S13")
def test_a_copy_of_a_run_that_is_held_is_held_by_nobody(tmp_path: Path) -> None:
    here, copy = FolderStore(tmp_path / "here"), FolderStore(tmp_path / "copy")
    name = run(tiny(), here).name
    with here.hold(name):
        shutil.copytree(here.root, copy.root)
        with copy.hold(name), pytest.raises(Busy), here.hold(name):
            pass


NO_FILE_LEFT = """
import resource, sys
from fairtrial.runner import Quiet, run
from fairtrial.spec.errors import OutOfResources
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore

class Greedy(Quiet):
    held = []
    def see(self, event):
        try:
            while event.step == 7:
                self.held.append(open("/dev/null"))
        except OSError:
            pass

resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
try:
    run(Recipe.model_validate_json(sys.argv[1], strict=False), FolderStore(sys.argv[2]), watch=Greedy())
except OutOfResources as error:
    sys.exit(str(error))
"""


@posix
@pytest.mark.row("S15")
def test_too_many_open_files_end_it_by_that_name_and_harm_none(tmp_path: Path) -> None:
    recipe = tiny(save_every=1)
    words = [sys.executable, "-c", NO_FILE_LEFT, recipe.model_dump_json(), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert re.match(rf"{re.escape(str(tmp_path))}/.+: Too many open files, 100 at most; allow more", done.stderr), (
        done.stderr
    )
    store = FolderStore(tmp_path)
    assert generations(store, store.list()[0])[0] == "state-6.safetensors"
    assert as_if_left_alone(recipe, tmp_path)


# Numbers and data


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("fields", [{"input": "standardise"}, {"data": "digits", "input": "mean-std 0 1e38"}])
@pytest.mark.row("N8")
def test_a_channel_without_variance_and_denormal_pixels_give_finite_numbers(
    fields: dict[str, Any], engine: str, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    pixels[..., 0] = 7  # the red of every picture
    for number, picture in enumerate(pixels):
        path = tmp_path / f"class-{number % 2}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
    model = "conv 4, norm, act, flatten, linear 8, norm, act, linear classes"
    store = MemoryStore()
    record = run(tiny(**{"data": str(tmp_path), **fields}, model=model, engine=engine, batch=8), store)
    assert record.end is not None
    assert record.end.reason == "finished"
    assert all(np.isfinite(values).all() for values in record.weights().values())
    assert np.isfinite([value for epoch in record.epochs for value in epoch.scores.values()]).all()


@pytest.mark.row("D16")
def test_class_names_that_differ_in_case_only_are_told(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    for part in ("train", "test"):
        if (root / part / "CAT").exists():
            pytest.skip("this file system does not tell cases apart")
        shutil.copytree(root / part / "dog", root / part / "CAT")
    assert "class names that differ in case only: CAT, cat" in load(str(root)).notes


@posix
@pytest.mark.row("D14")
def test_a_folder_with_links_out_of_it_and_pipes_is_refused_unless_they_are_to_be_skipped(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    (root / "train" / "cat" / "out.png").symlink_to(save_picture(tmp_path / "secret.png"))
    os.mkfifo(root / "train" / "cat" / "pipe.png")
    with pytest.raises(DataError, match=r"train/cat/out\.png: .*link.*train/cat/pipe\.png: ") as caught:
        load(str(root))
    assert caught.value.exit_code == 3


# Files as an attack, and a machine without a network


class Touch:
    """What an attacker would pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    ("file", "words"), [("net.pt", ["run"]), ("net.pkl", ["doctor"]), ("net.h5", ["show"]), ("net.keras", ["compare"])]
)
@pytest.mark.row("X2")
def test_a_pickled_net_is_refused_and_not_opened(file: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes(pickle.dumps(Touch(tmp_path / "ran")))
    done = fairtrial(*words, str(path), cwd=tmp_path)
    assert done.returncode == 2
    assert file in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "ran").exists()  # had anybody opened it


def huge() -> bytes:
    """A .npy file whose header promises 64 petabytes."""
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (2**50, 8, 8, 1)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(1000)


def pickled(touch: Touch) -> bytes:
    """A .npy file of one object."""
    stream = io.BytesIO()
    np.save(stream, np.array([touch], object), allow_pickle=True)
    return stream.getvalue()


@pytest.mark.row("X3")
@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("large", [True, False])
def test_a_hostile_array_in_the_cache_is_not_loaded(
    name: str, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(tmp_path / "cache"))
    pixels = load("digits").images.copy()
    (path,) = (tmp_path / "cache").glob(f"digits-*/{name}")
    hostile = huge() if large else pickled(Touch(tmp_path / "ran"))
    path.unlink()
    path.write_bytes(hostile)
    np.testing.assert_array_equal(load("digits").images, pixels)
    assert path.read_bytes() != hostile  # decoded anew
    assert not (tmp_path / "ran").exists()


OFFLINE = """
import sys
from fairtrial.parts.datasets import load
from fairtrial.runner import run
from fairtrial.spec.errors import DataError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore

def hear(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError("Network is unreachable")

sys.addaudithook(hear)
print(run(Recipe.model_validate_json(sys.argv[1], strict=False), FolderStore(sys.argv[2])).end.reason)
try:
    load("mnist")
except DataError as error:
    print(error)
"""


@pytest.mark.row("U5")
def test_without_a_network_all_but_downloads_work(tmp_path: Path) -> None:
    words = [sys.executable, "-c", OFFLINE, tiny().model_dump_json(), str(tmp_path / "runs")]
    env = {**os.environ, "FAIRTRIAL_DATA": str(tmp_path)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
    trained, _, refused = done.stdout.partition("\n")
    assert trained == "finished"
    assert str(tmp_path / "mnist") in refused  # where to put the files
    assert refused.count("sha256:") == 4


@pytest.mark.row("S12", "X10")
@pytest.mark.parametrize("words", [["run"], ["show"], ["compare"], ["predict"], ["run", "mlp", "--store"]])
def test_a_name_too_long_is_refused_and_what_moves_a_terminal_is_spelt_out(words: list[str], tmp_path: Path) -> None:
    more = ["x.png"] if words == ["predict"] else []
    done = fairtrial(*words, "\x1b[31m" + 150 * "\u00e9" + "/x.toml", *more, cwd=tmp_path)  # two bytes each
    assert done.returncode == 2, done.stderr
    assert "\x1b" not in done.stderr
    assert "\\x1b[31m" in done.stderr
    assert not list(tmp_path.iterdir())


# Memory


@pytest.mark.skipif(available() is None, reason="this system does not tell how much memory there is")
@pytest.mark.row("U3")
@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_batch_too_large_for_the_memory_is_refused_with_one_that_fits(engine: str) -> None:
    """Layers of a million units, so many that a batch of a thousand images takes twice the memory there is."""
    free, store = available() or 0, MemoryStore()
    model = ", ".join(["flatten", "linear 1000000", *["act"] * (free * 2 // 4_000_000_000), "linear classes"])
    with pytest.raises(OutOfResources, match=r"a step with 1000 images takes [\d,.]+ GB .*batch=\d+ is") as caught:
        run(tiny(model=model, engine=engine, batch=1000), store)
    assert caught.value.exit_code == 6
    assert not store.list()
    batch = int(re.findall(r"batch=(\d+)", str(caught.value))[0])
    plan = make_plan(tiny(model=model, engine=engine))
    fitting = [of_a_step(plan.recipe, plan.arch, plan.input, size) < 0.9 * free for size in (batch // 2, 4 * batch)]
    assert fitting == [True, False]
