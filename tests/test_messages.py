"""A hundred slips of a user, each with its exit code and the words it is answered with: `messages.toml` has them all.

After a change of words `python tests/test_messages.py` writes the answers anew; then read what git shows as changed.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import pytest
from filelock import FileLock

from conftest import MAIN
from data_helpers import idx_files, picture_folder
from fairtrial.cli import main
from fairtrial.spec.files import BEST, EVENTS, LOCK, MADE, OWNER, RECIPE
from fairtrial.store import FolderStore, generations

GOLDEN = Path(__file__).with_name("messages.toml")
CASES: list[dict[str, Any]] = tomllib.loads(GOLDEN.read_text("utf8"))["case"]
ANSWER = re.compile(r"^code = \d+\nsays = '''\n.*?'''$", re.MULTILINE | re.DOTALL)
TINY = """
model = "flatten, linear 8, act, linear classes"
engine = "numpy"
batch = 256
epochs = 2
"""
ASKED = """
question = "Which rate?"
claim = "nobody"
recipe = "tiny.toml"
seeds = 2

[arms]
lr = [0.1, 0.2]
"""
# What a single line has of a remedy: after its cause the way out, or the words for what is allowed
REMEDY = re.compile(
    r"\n.|; .|\b(must|needs|takes|reads|only|above|at least|set as|stand at|(is|are) for|ask for|give)\b"
    r"|would be|goes with|from \d+ to|low\.\.high|a whole number"
)
Given: TypeAlias = Callable[[], contextlib.AbstractContextManager[None] | None]
GIVEN: dict[str, Given] = {}


def given(make: Given) -> Given:
    """Decorator: what a case finds in its folder when it names the function; what that yields to lasts as long."""
    GIVEN[make.__name__] = make
    return make


@functools.cache
def store() -> Path:
    """A finished run, one that diverged, and a study, each with its file."""
    root = Path(tempfile.mkdtemp(prefix="fairtrial-messages-"))
    atexit.register(shutil.rmtree, root)
    with contextlib.chdir(root):
        Path("tiny.toml").write_text(TINY)
        Path("wild.toml").write_text(TINY + 'optimizer = "sgd"\nlr = 1e30\nloss = "mse"\n')
        Path("asked.toml").write_text(ASKED)
        for words in ("run tiny.toml", "run wild.toml", "compare asked.toml --executor serial"):
            call(f"{words} --quiet")
    return root


@given
def runs() -> None:
    """A store with the runs `tiny` and `wild`, which diverged, the study `asked`, and their files."""
    shutil.copytree(store(), ".", dirs_exist_ok=True)


def finished() -> Path:
    """The folder of the finished run."""
    return next(Path("runs").glob("tiny-*"))


def ends_early(run: Path) -> None:
    """Leave a run as it is when it is killed after its first epoch."""
    lines = (run / EVENTS).read_text().splitlines(keepends=True)
    (run / EVENTS).write_text("".join(lines[:-1]))


def damage(file: Path) -> None:
    """Change a single bit."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@given
def damaged_weights() -> None:
    damage(finished() / BEST)


@given
def damaged_states() -> None:
    ends_early(finished())
    for file in generations(FolderStore(), finished().name):
        damage(finished() / file)


@given
def killed() -> None:
    ends_early(finished())


@given
def from_elsewhere() -> None:
    ends_early(finished())
    made = json.loads((finished() / MADE).read_text())
    made["environment"]["device"] = "cuda (NVIDIA H100)"
    (finished() / MADE).write_text(json.dumps(made))


@given
def newer_recipe() -> None:
    recipe = json.loads((finished() / RECIPE).read_text())
    (finished() / RECIPE).write_text(json.dumps({**recipe, "warp": 9}))
    made = json.loads((finished() / MADE).read_text())
    (finished() / MADE).write_text(json.dumps({**made, "environment": {"fairtrial": "9.1.0"}}))


@given
def torn_recipe() -> None:
    (finished() / RECIPE).write_text('{"model": "li')


@given
def torn_made() -> None:
    (finished() / MADE).write_text("")


@given
def no_made() -> None:
    (finished() / MADE).unlink()


@given
def no_weights() -> None:
    (finished() / BEST).unlink()


@given
def damaged_events() -> None:
    lines = (finished() / EVENTS).read_text().splitlines(keepends=True)
    (finished() / EVENTS).write_text("".join([lines[0], '{"event": "warped"}\n', *lines[1:]]))


@given
def killed_study() -> None:
    next(Path("runs/studies").glob("*/study.json")).unlink()
    Path("asked.toml").write_text(ASKED.replace("seeds", "margin = 0.1\nseeds"))


@given
@contextlib.contextmanager
def in_use() -> Generator[None]:
    """Another process works on the run."""
    with FileLock(finished() / LOCK):
        (finished() / OWNER).write_text("process 4711 on lab-pc")
        yield


@given
@contextlib.contextmanager
def full_disk() -> Generator[None]:
    """The system takes no byte more, and says so in the words for a file that is too large."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@given
def locked() -> None:
    """A folder that may not be entered."""
    Path("locked").mkdir(mode=0)


@given
def pictures() -> None:
    """`pets`, an image folder of cats and dogs, and `new.png` of the same size."""
    picture_folder(Path("pets"))
    shutil.copy("pets/test/cat/0.png", "new.png")


@given
def empty_class() -> None:
    Path("pets/train/emu").mkdir()


@given
def class_in_test_only() -> None:
    shutil.copytree("pets/test/cat", "pets/test/emu")


@given
def no_train() -> None:
    shutil.rmtree("pets/train")


@given
def one_class() -> None:
    shutil.rmtree("pets/train/dog")
    shutil.rmtree("pets/test/dog")


@given
def bad_picture() -> None:
    Path("pets/train/cat/0.png").write_text("<html>not found</html>")


@given
def no_picture() -> None:
    for file in Path("pets").rglob("*.png"):
        file.write_text("no picture")


@given
def mnist() -> None:
    """Files that are called as those of MNIST, and are none of them."""
    idx_files(Path("data/mnist"))


def call(words: str) -> tuple[int, str]:
    """Exit code and standard error of the command, in this process: a start takes a second."""
    said = io.TextIOWrapper(io.BytesIO(), os.environ.get("PYTHONIOENCODING", "utf8"), "backslashreplace")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        patch.object(sys, "argv", ["fairtrial", *shlex.split(words)]),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf8")),
        contextlib.redirect_stderr(said),
        pytest.raises(SystemExit) as stopped,
    ):
        main()
    for number, handler in before.items():
        signal.signal(number, handler)
    said.seek(0)
    return int(stopped.value.code or 0), said.read()


def start(words: str) -> tuple[int, str]:
    """The same of a process."""
    done = subprocess.run([*MAIN, *shlex.split(words)], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


def trained() -> dict[str, bytes]:
    """What the runs here have come to."""
    return {str(path): path.read_bytes() for path in Path.cwd().rglob(EVENTS)}


def answer(case: dict[str, Any], ask: Callable[[str], tuple[int, str]] = call) -> tuple[int, str]:
    """What the case is answered with, from an empty folder of its own with what it names; nothing may be trained."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.enter_context(patch.dict(os.environ, {"FAIRTRIAL_DATA": "data", **case.get("env", {})}))
        making = [GIVEN[name]() for name in case.get("given", ())]
        for path, text in case.get("files", {}).items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, case.get("encoding", "utf8"))
        before = trained()
        with contextlib.ExitStack() as lasting:
            for each in filter(None, making):
                lasting.enter_context(each)
            code, says = ask(case["words"])
        assert trained() == before, "something was trained"
        return code, says.replace(f"{Path.cwd()}/", "")


def can_be_tried(case: dict[str, Any]) -> bool:
    """No folder is locked to root."""
    return "locked" not in case.get("given", ()) or os.geteuid() != 0


def seconds(case: dict[str, Any]) -> float:
    """Processor time of the answer, in a process that has imported what it needs."""
    began = time.process_time()
    answer(case)
    return time.process_time() - began


@pytest.mark.parametrize("case", CASES, ids=[case["words"][:60] for case in CASES])
def test_every_slip_is_answered_with_its_cause_a_remedy_and_its_code(case: dict[str, Any]) -> None:
    if not can_be_tried(case):
        pytest.skip("root may enter every folder")
    store()
    began = time.process_time()
    assert answer(case) == (case["code"], case["says"])
    if time.process_time() - began > 1:  # with what had to be imported
        assert seconds(case) < 1


def test_there_are_a_hundred_all_different_and_each_is_two_lines_at_most() -> None:
    assert len({case["words"] + str(case.get("given")) + str(case.get("files")) for case in CASES}) == len(CASES) >= 100
    for case in CASES:
        cause, *remedy = case["says"].splitlines()
        assert cause.startswith("fairtrial: "), cause
        assert len(remedy) <= 1, cause
        assert REMEDY.search(case["says"].strip()), cause
        assert "Traceback" not in case["says"]


@pytest.mark.parametrize("case", [case for case in CASES if case.get("process")], ids=lambda case: case["words"])
def test_a_process_answers_the_same(case: dict[str, Any]) -> None:
    assert answer(case, start) == (case["code"], case["says"])


def write_anew() -> None:
    """The golden file with today's answers; all else in it stays."""
    answers = iter([answer(case) if can_be_tried(case) else (case["code"], case["says"]) for case in CASES])

    def today(_: re.Match[str]) -> str:
        code, says = next(answers)
        return f"code = {code}\nsays = '''\n{says}'''"

    GOLDEN.write_text(ANSWER.sub(today, GOLDEN.read_text("utf8")), "utf8")


if __name__ == "__main__":
    write_anew()
