"""Scripts that do what scripts do: under the doctor they print, fail and end as they do alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import fairtrial as ft

COMMAND = [str(Path(sys.executable).with_name("fairtrial")), "doctor"]
TRAIN = textwrap.dedent(
    """
    import os, sys
    import torch
    from torch import nn

    torch.manual_seed(0)
    x, y = torch.randn(120, 4), torch.randint(0, 3, (120,))
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train(steps):
        for step in range(steps):
            rows = torch.randperm(120)[:20]
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            loss.backward()  # never cleared
            optimizer.step()
        print("loss", loss.item(), sum(p.double().sum().item() for p in model.parameters()))

    """
)


@dataclass(frozen=True)
class Ended:
    """What came of a command."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """The diagnosis: with --json, all of standard output."""
        return json.loads(self.out)

    @property
    def faults(self) -> list[str]:
        """What was found."""
        return [found["fault"] for found in self.told["findings"]]


def start(words: list[str], folder: Path, **settings: Any) -> Ended:
    """A command to its end."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, **settings)
    return Ended(done.returncode, done.stdout, done.stderr)


def write(folder: Path, text: str, name: str = "train.py") -> str:
    """The name of a new script in the folder."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(textwrap.dedent(text), "utf8")
    return name


def doctor(folder: Path, text: str, *words: str, options: tuple[str, ...] = (), **settings: Any) -> Ended:
    """The doctor's JSON of a script."""
    return start([*COMMAND, "--json", *options, write(folder, text), *words], folder, **settings)


def same(folder: Path, text: str, *words: str, name: str = "train.py", **settings: Any) -> Ended:
    """The doctor's text on a script, which prints what it prints alone, and fails as it does alone."""
    script = write(folder, text, name)
    alone = start([sys.executable, script, *words], folder, **settings)
    watched = start([*COMMAND, script, *words], folder, **settings)
    assert watched.out.startswith(alone.out)
    assert watched.err == alone.err
    assert watched.status == {0: 0, -signal.SIGINT: 130, -signal.SIGTERM: 143}.get(alone.status, 1)
    return Ended(watched.status, watched.out[len(alone.out) :], watched.err)


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    text = "import os; os.kill(os.getpid(), 2); print('still here')"
    assert same(tmp_path, text, preexec_fn=ignore).status == 0


ENDINGS = {
    "empty": ("", 0, "did not import torch"),
    "numpy alone": ("import numpy; print(numpy.arange(3))", 0, "did not import torch"),
    "sys.exit(0)": ("import sys; print(1); sys.exit(0)", 0, "did not import torch"),
    "sys.exit(3)": ("import sys; print(1); sys.exit(3)", 1, "exit status 3"),
    "sys.exit(text)": ("import sys; sys.exit('words')", 1, "exit status 1"),
    "exit in a thread": ("import threading; threading.Thread(target=lambda: exit(3)).start()", 0, "torch"),
    "os._exit": ("import os; print('lost'); os._exit(4)", 1, "os._exit"),
    "syntax": ("def f(:\n", 1, "SyntaxError"),
    "error": ("def f():\n    1 / 0\nprint(1)\nf()", 1, "ZeroDivisionError"),
    "errors in a row": ("try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError(2) from e", 1, "ValueError"),
    "error without words": ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", 1, "with E,"),
    "own hook": ("import sys\nsys.excepthook = lambda k, e, t: print(k, t.tb_lineno, t.tb_next)\n1 / 0", 1, "Zero"),
    "no hook": ("import sys\ndel sys.excepthook\nsys.exit('over')", 1, "exit status 1"),
    "SIGKILL": ("import os; print(1, flush=True); os.kill(os.getpid(), 9)", 1, "SIGKILL"),
    "SIGTERM": ("import os; os.kill(os.getpid(), 15)", 143, "SIGTERM"),
    "SIGSEGV": ("import ctypes; ctypes.string_at(0)", 1, "SIGSEGV"),
    "SIGINT": ("import os, time; os.kill(os.getpid(), 2); time.sleep(9)", 130, "Ctrl-C"),
    "atexit": ("import atexit\natexit.register(print, 'last')\nprint('first')\n1 / 0", 1, "ZeroDivisionError"),
    "late thread": ("import threading, time\nthreading.Timer(0.2, print, ['late']).start()\nprint('over')", 0, "torch"),
    "os.fork": ("import os\npid = os.fork()\nif pid: os.wait()\nprint(bool(pid))\nif not pid: 1 / 0", 0, "torch"),
    "orphan": ("import os, time\nif not os.fork():\n    os.closerange(0, 3); time.sleep(60)", 0, "torch"),
    "files closed": ("import os\nos.closerange(3, 99)\nf = [open(f'{i}', 'w') for i in range(9)]", 0, "cut us off"),
    "other program": ("import os, sys\nif not sys.argv[1:]: os.execv(sys.executable, ['p', __file__, '1'])", 0, "cut"),
    "stdout replaced": ("import io, sys\nkeep, sys.stdout = sys.stdout, io.StringIO()\nkeep.write('kept')", 0, "torch"),
    "folder gone": ("import os, tempfile\nos.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())\n1 / 0", 1, "Zero"),
    "temporary files": ("import os, tempfile\nos.environ['TMPDIR'] = '/no'\nos.rmdir(tempfile.mkdtemp())", 0, "torch"),
    "asyncio": ("import asyncio\nasync def f():\n    raise SystemExit(2)\nasyncio.run(f())", 1, "exit status 2"),
    "finders": ("import sys\nsys.meta_path[:0] = [type('F', (), {'find_spec': lambda *a: None})]\n"
                "import wave", 0, "torch"),
    "megabytes": ("for i in range(9**5): print('line', i)\nprint('y' * 10**6)", 0, "torch"),
    "module": ("print(sorted(globals()), __name__, __file__, __spec__, type(__loader__))\nimport sys, __main__\n"
               "print(vars(__main__) is globals(), sys.path, sys.flags, sys.warnoptions)", 0, "torch"),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDINGS)
def test_a_script_ends_as_it_does_alone(tmp_path: Path, case: str) -> None:
    text, status, note = ENDINGS[case]
    ended = same(tmp_path, text)
    assert ended.status == status
    assert note in ended.out.replace("\n", " ")
    assert "fairtrial/doctor" not in ended.err


def test_a_path_with_spaces_and_other_letters(tmp_path: Path) -> None:
    ended = same(
        tmp_path,
        "print(__file__)\n1 / 0",
        name="ein Ordner/zwölf ü.py",
        env=os.environ | {"PYTHONIOENCODING": "ascii:replace"},
    )
    assert ended.status == 1


def test_words_behind_a_script_are_its_own(tmp_path: Path) -> None:
    text = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps")
    parser.add_argument("--json")
    print(parser.parse_args())
    """
    same(tmp_path, text, "--steps", "3", "--json=2")
    same(tmp_path, text, "--help")
    same(tmp_path, "import sys; print(sys.argv)", "--", "-x", "--static", name="./here.py")


def test_an_option_of_ours_that_a_script_does_not_know_is_told(tmp_path: Path) -> None:
    script = write(tmp_path, "import sys; print(sys.argv[1:])  # --steps")
    ended = start([*COMMAND, script, "--json", "--steps=5"], tmp_path)
    assert ended.out.startswith("['--json', '--steps=5']\n\nnothing was seen")
    said = "fairtrial: --json behind train.py is given to the script; put it before train.py to ask the doctor\n"
    assert ended.err == said


def test_standard_input_is_the_scripts(tmp_path: Path) -> None:
    same(tmp_path, "import sys; print(input('? ')); print(sys.stdin.read())", input="one\ntwo\nthree")


def test_modules_beside_a_script(tmp_path: Path) -> None:
    write(tmp_path, "WORD = 'beside'", "sub/helper.py")
    write(tmp_path, "1 / 0", "json.py")  # where the command is given, and not beside the script
    same(tmp_path, "from helper import WORD\nif __name__ == '__main__':\n    print(WORD)", name="sub/train.py")


def test_a_module_of_a_package(tmp_path: Path) -> None:
    write(tmp_path, "STEPS = 12", "package/__init__.py")
    text = (
        f"{TRAIN}from . import STEPS\ntrain(STEPS)\nprint(sys.argv, __name__, __package__, __spec__.name, sys.path[0])"
    )
    refused = same(tmp_path, text, name="package/train.py")
    assert "fairtrial doctor -m PACKAGE.MODULE" in refused.out
    alone = start([sys.executable, "-m", "package.train", "--json", "x.py"], tmp_path)
    ended = start([*COMMAND, "-m", "package.train", "--json", "x.py"], tmp_path)
    assert ended.out.startswith(alone.out)
    assert (ended.status, ended.err) == (1, alone.err)
    assert "   where: package/train.py:15\n" in ended.out
    nothing = start([*COMMAND, "-m", "package.nothing"], tmp_path)
    assert nothing.status == 1
    assert nothing.err == start([sys.executable, "-m", "package.nothing"], tmp_path).err


@pytest.mark.parametrize("name", ["torch.py", "random.py", "json.py", "dataclasses.py"])
def test_a_script_that_is_called_like_a_library(tmp_path: Path, name: str) -> None:
    assert same(tmp_path, f"print('mine')\nimport {name[:-3]}", name=name).status == 0


def test_a_script_that_calls_itself(tmp_path: Path) -> None:
    text = """
    import multiprocessing, os, subprocess, sys

    def double(x):
        return 2 * x

    if __name__ == "__main__":
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                print(method, pool.map(double, range(3)))
        if "RANK" not in os.environ:
            print(flush=True)
            subprocess.run([sys.executable, *sys.argv], env=os.environ | {"RANK": "0"}, check=True)
    """
    assert same(tmp_path, text).status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.py"], "nowhere.py: no such file"),
        (["folder.py"], "folder.py: a folder"),
        (["book.ipynb"], "jupyter nbconvert --to script book.ipynb"),
        (["--static", "book.ipynb"], "jupyter nbconvert --to script book.ipynb"),
        (["nowhere"], "nowhere: no such file"),
        (["empty"], "empty: a folder"),
        (["config.yaml"], "what is taken is a script (.py), curves (.csv,"),
        (["--static", "-m", "package.train"], "--static reads the source of a script"),
        (["--steps", "-1", "train.py"], "--steps"),
        (["--steps", "5", "curves.csv"], "--steps is for a script"),
        (["--classes", "10", "train.py"], "train.py is a script"),
    ],
)
def test_what_is_no_script(tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "empty").mkdir()
    write(tmp_path, "lr: 0.1", "config.yaml")
    write(tmp_path, "", "train.py")
    write(tmp_path, "{}", "book.ipynb")
    ended = start([*COMMAND, *words], tmp_path)
    assert (ended.status, ended.out) == (2, "")
    assert message in ended.err


@pytest.mark.parametrize(
    "content", [bytes(range(256)), b"\xff\xfe\x00", "x = 'é'".encode("latin1"), b"# coding: none\n"]
)
def test_a_file_that_is_no_python(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train.py").write_bytes(content)
    ended = start([*COMMAND, "--json", "train.py"], tmp_path)
    assert ended.status == 1
    assert "fairtrial" not in ended.err
    assert "Error" in ended.told["notes"][-1]


def test_a_full_disk(tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    ended = doctor(tmp_path, TRAIN + full + "train(12); torch.save(model, 'model.pt')")
    assert ended.status == 1
    assert ended.faults == ["missing-zero-grad"]


def test_all_that_a_training_may_do_to_python(tmp_path: Path) -> None:
    hooks = """
    import atexit, builtins, warnings
    warnings.simplefilter("error", DeprecationWarning)
    seen = []
    model.register_forward_hook(lambda *a: seen.append("forward"))
    optimizer.register_step_post_hook(lambda *a: seen.append("step"))
    old = builtins.print
    builtins.print = lambda *a, **k: old(">", *a, **k)
    os.chdir("/")
    atexit.register(lambda: print(seen))
    sys.settrace(lambda *a: None)
    from torch.utils.data import DataLoader, TensorDataset
    if __name__ == "__main__":
        print(sum(a.sum().item() for a, _ in DataLoader(TensorDataset(x, y), 20, num_workers=2)))
        pid = os.fork()
        if not pid:
            train(3)
            sys.exit(5)
        print(os.waitpid(pid, 0)[1])
        train(12)
        model(x[:, :3])
    """
    ended = same(tmp_path, TRAIN + textwrap.dedent(hooks))
    assert "1. fail missing-zero-grad\n" in ended.out
    assert "   where: train.py:15\n      loss.backward()  # never cleared\n" in ended.out


def test_functions_that_torch_compiles(tmp_path: Path) -> None:
    text = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(0)

    @torch.jit.script
    def score(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(torch.exp(-x.clamp(min=0.0)) + F.relu(x) + torch.sigmoid(x), y)

    net = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Softmax(1)))
    print(score(torch.eye(3), torch.arange(3)), net(torch.eye(3)).sum())
    """
    assert same(tmp_path, text).status == 0


def test_a_script_that_dies_is_told_until_then(tmp_path: Path) -> None:
    ended = doctor(tmp_path, TRAIN + "train(20); sys.stdout.flush(); os._exit(0)")
    assert (ended.status, ended.faults) == (1, ["missing-zero-grad"])
    assert any("os._exit" in note for note in ended.told["notes"])


def test_training_in_another_process_is_said_to_be_unseen(tmp_path: Path) -> None:
    text = "import torch.multiprocessing as mp\n" + TRAIN + "if __name__ == '__main__':\n"
    ended = doctor(
        tmp_path, text + "    p = mp.get_context('fork').Process(target=train, args=(3,)); p.start(); p.join()"
    )
    assert (ended.status, ended.faults) == (0, [])
    (note,) = ended.told["notes"]
    assert note.startswith("the script never trained")
    assert "torch.multiprocessing" in note


def test_a_limit_of_steps_lets_a_script_tidy_up(tmp_path: Path) -> None:
    text = TRAIN + "import atexit; atexit.register(lambda: print('bye'))\ntry: train(999)\nfinally: print('finally')"
    ended = doctor(tmp_path, text, options=("--steps", "12"))
    assert ended.told["notes"] == ["stopped after 12 steps, as asked"]
    assert ended.err == "finally\nbye\n"


def test_a_limit_of_steps_stops_a_script_that_catches_all(tmp_path: Path) -> None:
    text = TRAIN + "for _ in range(9):\n    try: train(99)\n    except: print('caught')"
    ended = doctor(tmp_path, text, options=("--steps", "12"))
    assert ended.told["notes"] == ["stopped after 12 steps, as asked"]
    assert (ended.err, ended.faults) == ("caught\n", ["missing-zero-grad"])


def test_a_limit_that_is_not_reached(tmp_path: Path) -> None:
    assert doctor(tmp_path, TRAIN + "train(12)", options=("--steps", "99")).told["notes"] == []


WAITING = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("once", flush=True)
    time.sleep(1)
"""


def stop(folder: Path, text: str, number: int, group: bool = False) -> Ended:
    """The doctor's JSON of a script that says `ready`, and is then sent a signal."""
    words = [*COMMAND, "--json", write(folder, text)]
    with subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr
        while "ready" not in process.stderr.readline():
            pass
        (os.killpg if group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("group", [False, True])
def test_a_signal_to_the_doctor_ends_the_script(tmp_path: Path, number: int, status: int, group: bool) -> None:
    text = TRAIN.replace("loss.backward()  # never cleared", "optimizer.zero_grad(); loss.backward()")
    ended = stop(tmp_path, text + "train(20); print('ready', flush=True)\nwhile True: train(1)", number, group)
    assert ended.status == status
    assert ended.told["checked"]
    assert ended.told["notes"][0].startswith(("the script was stopped by Ctrl-C", "the script died from SIGTERM"))


@pytest.mark.parametrize("group", [False, True])
def test_a_script_is_interrupted_once(tmp_path: Path, group: bool) -> None:
    ended = stop(tmp_path, WAITING, signal.SIGINT, group)
    assert (ended.status, ended.err) == (0, "once\n")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells a process that its parent is gone")
def test_a_doctor_that_is_killed_takes_the_script_along(tmp_path: Path) -> None:
    text = "import os, time; print('ready', flush=True); time.sleep(1); print('alive', flush=True)"
    ended = stop(tmp_path, text, signal.SIGKILL)  # standard error ends with the script
    assert (ended.status, ended.out, ended.err) == (-signal.SIGKILL, "", "")


def test_the_diagnosis_is_told_where_standard_output_has_gone(tmp_path: Path) -> None:
    script = write(tmp_path, f"{TRAIN}train(12)\nfor _ in range(9**6): print('words')")
    ended = start(["bash", "-c", f"{COMMAND[0]} doctor {script} | head -1; exit ${{PIPESTATUS[0]}}"], tmp_path)
    assert ended.status == 1
    assert "BrokenPipeError" in ended.err
    assert "1. fail missing-zero-grad\n" in ended.err.split("standard output was closed")[1]


@pytest.mark.parametrize("width", [0, 60])
def test_text_is_readable_and_places_stay_whole(tmp_path: Path, width: int) -> None:
    folder = tmp_path / ("a-long-name-" * 12)
    folder.mkdir()
    script = str(folder / write(folder, TRAIN + "train(12)"))
    ended = start([*COMMAND, script], Path("/"), env=os.environ | {"COLUMNS": str(width)})
    lines = ended.out.splitlines()[1:]
    assert f"   where: {script.removeprefix('/')}:15" in lines
    assert all(
        len(line) <= (min(width, 100) or 40) for line in lines if "where:" not in line and "loss.backward()" not in line
    )
    assert "\x1b" not in ended.out


def test_an_error_inside_a_watched_block_passes_and_what_was_found_stays() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(IndexError, match="out of bounds") as raised, ft.watch() as seen:
        nn.functional.cross_entropy(model(torch.randn(6, 4)), torch.full((6,), 2)).backward()
    assert raised.value.__cause__ is None
    assert [found.fault for found in seen.findings] == ["wrong-class-count"]
    assert f"where: {Path(__file__).relative_to(Path.cwd())}:" in repr(seen)
    assert "nn.functional.cross_entropy(model(" in repr(seen)


def diverging(rate: float) -> None:
    """A training whose loss the doctor tries to mend."""
    torch.manual_seed(0)
    x = torch.randn(400, 8)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), rate)
    for rows in torch.randint(400, (40, 20)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), x[rows, :3].argmax(1)).backward()
        optimizer.step()


def test_a_watch_inside_another_shares_what_it_sees() -> None:
    with ft.watch() as alone:
        diverging(5.0)
    with ft.watch() as outer, ft.watch() as inner:
        diverging(5.0)
    assert [found.fault for found in alone.findings] == ["lr-too-high"]
    assert outer.findings == alone.findings
    assert "inside another" in inner.notes[0]
    assert repr(alone.findings).startswith(f"(<fail lr-too-high at {Path(__file__).relative_to(Path.cwd())}:")


def test_a_script_may_watch_itself(tmp_path: Path) -> None:
    ended = doctor(tmp_path, f"import fairtrial as ft\n{TRAIN}with ft.watch() as seen: train(12)\nprint(seen.findings)")
    assert ended.faults == ["missing-zero-grad"]
    assert ended.err.splitlines()[1].startswith("(<fail missing-zero-grad at train.py:16: ")
