"""The command as a user meets it: words, exit codes, JSON on standard output and everything else beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import MAIN, tiny
from data_helpers import save_picture
from fairtrial.checks import batch_recipe
from fairtrial.cli import main
from fairtrial.runner import run
from fairtrial.spec.files import OWNER
from fairtrial.store import FolderStore

FAST = ["engine=numpy", "epochs=1", "batch=512"]


class Done:
    """What a command left: its exit code and what it printed."""

    def __init__(self, returncode: int, printed: tuple[str, str]) -> None:
        self.returncode = returncode
        self.stdout, self.stderr = printed


Command = Callable[..., Done]


@pytest.fixture
def fairtrial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command's own main() in this process, from a folder of its own: a start takes seconds less."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        code = stopped.value.code
        return Done(code if isinstance(code, int) else 0, capfd.readouterr())

    monkeypatch.chdir(tmp_path)
    yield call
    for number, handler in before.items():
        signal.signal(number, handler)


def printed(done: Done | subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON object on standard output."""
    return json.loads(done.stdout)


def test_run_prints_one_object_with_the_keys_of_the_contract(fairtrial: Command, tmp_path: Path) -> None:
    done = fairtrial("run", "small-mlp", *FAST, "--json")
    assert done.returncode == 0, done.stderr
    plain = printed(done)
    assert plain.keys() >= {
        "run", "path", "recipe", "ended", "epochs", "best_epoch", "train", "valid", "test", "seconds",
        "images_per_second", "findings",
    }  # fmt: skip
    assert plain["ended"] == "finished"
    for part in ("train", "valid", "test"):
        assert plain[part].keys() == {"loss", "accuracy"}
    assert Path(tmp_path / plain["path"]).is_dir()
    assert plain["recipe"]["epochs"] == 1
    assert done.stderr  # progress goes there
    again = fairtrial("run", "small-mlp", *FAST, "--json", "--quiet")
    assert printed(again) == plain
    assert again.stderr == ""
    files = FolderStore(tmp_path / "runs").files(plain["run"])
    assert {"curves.svg", "curves.png"} <= set(files)


def test_a_run_stopped_early_says_so(fairtrial: Command, tmp_path: Path) -> None:
    words = ["engine=numpy", "epochs=9", "batch=512", "patience=1", "min_delta=5"]
    plain = printed(fairtrial("run", "small-mlp", *words, "--json"))
    assert (plain["ended"], plain["epochs"], plain["best_epoch"]) == ("early-stopped", 2, 1)


def test_words_override_the_file_and_the_file_the_defaults(fairtrial: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('model = "linear"\nengine = "numpy"\nepochs = 7\nbatch = 512\n')
    plain = printed(fairtrial("run", "mine.toml", "epochs=1", "--json"))
    assert plain["run"].startswith("mine-")
    recipe = plain["recipe"]
    assert (recipe["model"], recipe["epochs"], recipe["batch"], recipe["lr"]) == ("linear", 1, 512, 0.001)


@pytest.mark.row("R1", "R2", "R8")
def test_a_run_goes_on_by_its_name_and_has_longer_ones_and_children(fairtrial: Command, tmp_path: Path) -> None:
    first = printed(fairtrial("run", "linear", *FAST, "--json"))
    name, run_id = first["run"], first["run"].rpartition("-")[2]
    for word in (name, name[:-4], run_id):
        assert printed(fairtrial("run", word, "--json")) == first
    refused = fairtrial("run", run_id, "lr=0.01", "--json")
    assert refused.returncode == 2
    assert "lr: 0.001 -> 0.01" in printed(refused)["error"]
    assert printed(refused)["error"].endswith(": fairtrial run linear engine=numpy epochs=1 batch=512 lr=0.01")
    longer = printed(fairtrial("run", run_id, "epochs=3", "--json"))
    assert (longer["epochs"], longer["extends"]) == (3, {"run": name, "step": 3})
    child = printed(fairtrial("run", run_id, "lr=0.01", "engine=torch", "--fork", "--json"))
    assert (child["parent"]["run"], child["parent"]["cross_engine"]) == (name, True)
    shown = fairtrial("show", child["run"]).stdout
    assert f"weights ({child['parent']['weights'][:12]}) of {name}" in shown
    assert FolderStore(tmp_path / "runs").list() == [name, longer["run"], child["run"]]


@pytest.mark.row("R1")
def test_words_behind_a_run_are_looked_at_before_any_work(fairtrial: Command, tmp_path: Path) -> None:
    fairtrial("run", "linear", *FAST, "--quiet")
    before = sorted((tmp_path / "runs").rglob("*"))
    for words, said in {
        ("linear", "--fork"): "'linear' is none",
        ("linear-", "threads=auto"): "keeps its threads=1",
        ("linear-", "model=small-mlp", "--fork"): "linear1.bias",
        ("linear-", "epochs=0"): "epochs is a whole number",
        ("linear-0",): "unknown study, recipe, model or run",
        ("",): "unknown model ''",
    }.items():
        done = fairtrial("run", *words, "--quiet")
        assert done.returncode == 2
        assert said in done.stderr
        assert sorted((tmp_path / "runs").rglob("*")) == before


@pytest.mark.row("U1")
def test_every_command_takes_a_run_by_its_folder_and_its_beginning(fairtrial: Command, tmp_path: Path) -> None:
    name = printed(fairtrial("run", "linear", *FAST, "--json"))["run"]
    save_picture(Path("digit.png"), size=(8, 8), mode="L")
    for word in (f"runs/{name}", f"runs/{name}/", str(tmp_path / "runs" / name), name, "linear-"):
        for words in (["run", word], ["show", word], ["predict", word, "digit.png"], ["doctor", word]):
            done = fairtrial(*words, "--json", "--store", "runs")
            assert done.returncode == 0, done.stderr
            assert printed(done).get("run", name) == name
    mistyped = name[:-1] + "x"
    for command in ("run", "show"):
        assert f"did you mean {name}" in fairtrial(command, mistyped).stderr
    assert not FolderStore("linear").list()
    (tmp_path / "elsewhere").mkdir()
    Path("runs", name).rename(tmp_path / "elsewhere" / name)
    assert printed(fairtrial("run", f"elsewhere/{name}", "--json"))["path"].startswith(str(tmp_path / "elsewhere"))


@pytest.mark.row("U1", "S11")
def test_a_name_that_lies_in_the_store_is_told_as_what_it_is(fairtrial: Command, tmp_path: Path) -> None:
    name = printed(fairtrial("run", "linear", *FAST, "--json"))["run"]
    begun = Path("runs", "mlp-0123456789ab")
    begun.mkdir()
    for n in range(10):
        Path("runs", f"many-{n:012}").mkdir()
        Path("runs", f"many-{n:012}", "recipe.json").write_text("{}")
    Path("runs", name, "recipe.json").unlink()
    for command in (["run"], ["show"], ["predict", "digit.png"]):
        for word, code, said in (
            (begun.name, 2, f"run {begun.name} never began"),
            (name, 4, f"{name}/recipe.json is missing"),
            ("many-", 2, "10 runs begin with 'many-'"),
        ):
            done = fairtrial(command[0], word, *command[1:])
            assert done.returncode == code, done.stderr
            assert said in done.stderr
    assert done.stderr.endswith("-000000000008, ...\n")


@pytest.mark.row("S9")
def test_a_finished_run_with_a_damaged_line_predicts_and_says_which_line_keeps_it_from_going_on(
    fairtrial: Command,
) -> None:
    name = printed(fairtrial("run", "linear", *FAST, "--json"))["run"]
    save_picture(Path("digit.png"), size=(8, 8), mode="L")
    said = fairtrial("predict", name, "digit.png").stdout
    path = Path("runs", name, "events.jsonl")
    path.write_bytes(b"{}\n" + path.read_bytes())
    assert fairtrial("predict", name, "digit.png").stdout == said
    for words in (["run", name], ["run", "linear", *FAST]):
        refused = fairtrial(*words)
        assert refused.returncode == 4
        assert f"{name}/events.jsonl:1: not an event: '{{}}'; no saved state" in refused.stderr
    assert fairtrial("doctor", name).returncode == 4


@pytest.mark.row("R1")
def test_a_check_is_not_gone_on_with_by_its_name(fairtrial: Command) -> None:
    name = run(batch_recipe(tiny(), 40), FolderStore("runs"), name="overfit net", until=1).name
    for more in ([], ["lr=1", "--fork"]):
        refused = fairtrial("run", name, *more)
        assert refused.returncode == 2
        assert f"run {name} is a check: the words that began it go on with it, --overfit among them" in refused.stderr
    assert FolderStore("runs").list() == [name]


def test_compare_prints_one_object_and_writes_the_report(fairtrial: Command, tmp_path: Path) -> None:
    words = ["compare", "small-mlp", *FAST, "optimizer=adam,sgd", "--seeds", "2", "--json"]
    done = fairtrial(*words, "--executor", "serial")
    assert done.returncode == 0, done.stderr
    plain = printed(done)
    assert {arm["name"] for arm in plain["arms"]} == {"adam", "sgd"}
    assert all(arm["n"] == 2 for arm in plain["arms"])
    assert (tmp_path / plain["report"]).is_file()
    assert (tmp_path / plain["path"] / "study.json").is_file()
    again = fairtrial(*words, "--jobs", "2")
    assert printed(again)["pairs"] == plain["pairs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "small-mlp", "epocs=1"], "epochs"),
        (["run", "small-mlpp"], "small-mlp"),
        (["run", "mnist-cn"], "mnist-cnn"),
        (["run", "mlp", "data=mnits"], "mnist"),
        (["run", "mlp", "engine=numpi"], "numpy"),
        (["run", "mlp", "optimizer=adm"], "adam"),
        (["run", "mlp", "lr=-1"], "lr is a number > 0"),
        (["run", "mlp", "batch=two"], "batch is a whole number >= 1"),
        (["run", "mlp", "nonsense"], "field=value"),
        (["run", "mlp", "lr=1e-3", "lr=1e-2"], "lr=1e-3 and lr=1e-2: a field is set once"),
        (["run", "lr=1", "lr=1"], "lr=1 and lr=1: a field is set once"),
        (["compare", "mlp", "lr=1e-3", "lr=1e-2"], "lr=1e-3 and lr=1e-2: a field is set once"),
        (["list", "runs", "--store", ""], "--store runs"),
        (["run", "conv 3 11 valid, flatten, linear classes"], "conv1"),
        (["run", "mlp", "augment=flop"], "flip"),
        (["run", "mlp", "init=zorro"], "zeros"),
        (["compare", "mlp", "optimizer=adam,sdg"], "sgd"),
        (["compare", "mlp", "optimzer=adam,sgd"], "optimizer"),
        (["compare", "mlp", "seed=1,2"], "seed"),
        (["compare", "mlp", "lr=0.1,0.1"], "same recipe"),
        (["compare", "mlp", "lr=0.1,0.2", "--seeds", "0"], "seeds"),
        (["compare", "mlp", "lr=0.1,0.2", "--margin", "0"], "margin"),
        (["list", "modells"], "models"),
        (["show", "mlpp"], "mlp"),
        (["predict", "no-run", "x.png"], "no-run"),
        (["run", "nowhere.toml"], "nowhere.toml"),
        (["run", "net.py:Net"], "--trust-code"),
        (["run", "model=net.py:Net"], "--trust-code"),
        (["run", "net.py:Net", "--trust-code"], "net.py"),
        (["runn", "mlp"], "runn"),
        (["run", "mlp", "--no-such-option"], "--no-such-option"),
    ],
)
@pytest.mark.row("U1")
def test_bad_words_are_exit_code_2_with_what_may_have_been_meant(
    words: list[str], said: str, fairtrial: Command, tmp_path: Path
) -> None:
    done = fairtrial(*words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "runs").exists()


def test_errors_are_json_too_where_json_is_asked_for(fairtrial: Command, tmp_path: Path) -> None:
    done = fairtrial("run", "mlp", "lr=fast", "--json")
    assert done.returncode == 2
    assert printed(done)["exit_code"] == 2
    assert "lr=fast" in printed(done)["error"]


def test_a_recipe_file_is_named_with_its_line(fairtrial: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('model = "linear"\n\nlearning = 0.1\n')
    done = fairtrial("run", "mine.toml")
    assert done.returncode == 2
    assert "mine.toml:3: unknown field 'learning'" in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.row("U4")
def test_a_gpu_that_is_not_there_is_never_a_silent_cpu(fairtrial: Command, tmp_path: Path) -> None:
    for words in (["run", "mlp"], ["compare", "mlp", "lr=0.1,0.2"]):
        done = fairtrial(*words, "device=cuda")
        assert done.returncode == 2
        assert "only cpu" in done.stderr
        assert not (tmp_path / "runs").exists()


NET = """
import pathlib
import torch

pathlib.Path("ran").touch()

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(64, 10))

    def forward(self, x):
        return self.stack(x)
"""


@pytest.mark.row("X8")
def test_code_of_ones_own_runs_only_where_it_is_trusted(fairtrial: Command, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    words = ["run", "mlp", "model=net.py:Net", "epochs=1", "batch=512", "--quiet", "--json"]
    refused = fairtrial(*words)
    assert refused.returncode == 2
    assert "--trust-code" in refused.stderr
    assert not (tmp_path / "ran").exists()
    wrong = fairtrial(*[w.replace("py:Net", "py:Nett") for w in words], "--trust-code")
    assert wrong.returncode == 2
    assert "Net" in wrong.stderr
    done = fairtrial(*words, "--trust-code")
    assert done.returncode == 0, done.stderr
    assert printed(done)["ended"] == "finished"
    assert "#" in printed(done)["recipe"]["model"]  # the hash of its source
    (tmp_path / "net.py").write_text(NET.replace("0.1", "0.2"))
    other = fairtrial(*words, "--trust-code")
    assert printed(other)["run"] != printed(done)["run"]


@pytest.mark.parametrize(
    "content",
    ["import nothing_of_this_name", "raise SystemExit(0)", "def (", "1 / 0", "Net = 3", "Other = 3"],
)
def test_code_that_cannot_be_used_is_a_usage_error(content: str, fairtrial: Command, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(content)
    done = fairtrial("run", "mlp", "model=net.py:Net", "--trust-code")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "net.py" in done.stderr or "source cannot be read" in done.stderr


def test_list_show_and_help(fairtrial: Command, tmp_path: Path) -> None:
    kinds = printed(fairtrial("list", "--json"))["kinds"]
    assert {"models", "recipes", "optimizers", "losses", "schedules", "runs"} <= kinds.keys()
    assert "cnn2" in fairtrial("list", "models").stdout
    run = printed(fairtrial("run", "small-mlp", *FAST, "--json", "--quiet"))["run"]
    assert run in printed(fairtrial("list", "runs", "--json"))["runs"]
    assert printed(fairtrial("show", run, "--json"))["ended"] == "finished"
    shown = fairtrial("show", "cnn2").stdout
    assert "conv1" in shown
    assert "compare" in fairtrial("--help").stdout


def test_the_store_may_be_anywhere(fairtrial: Command, tmp_path: Path) -> None:
    place = tmp_path / "with space" / "ünïcode" / ("x" * 200)
    done = fairtrial("run", "small-mlp", *FAST, "--store", str(place), "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert FolderStore(place).list() == [printed(done)["run"]]
    assert not (tmp_path / "runs").exists()


def test_a_store_that_cannot_be_written_is_exit_code_6(fairtrial: Command, tmp_path: Path) -> None:
    done = fairtrial("run", "small-mlp", *FAST, "--store", "/dev/null")
    assert done.returncode == 6
    assert "Not a directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs pipes of a shell")
def test_a_reader_that_has_gone_is_no_error(fairtrial: Command, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*MAIN, "list", "models"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode in (0, 1)
    assert errors == b""


@pytest.mark.row("U8")
def test_plain_output_without_a_terminal_colour_or_utf8(fairtrial: Command, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", "COLUMNS": "40"}
    done = subprocess.run(
        [*MAIN, "run", "small-mlp", *FAST], cwd=tmp_path, env=env, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert all(byte < 128 for byte in done.stdout)


def test_the_module_runs_like_the_command(fairtrial: Command, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fairtrial", "list", "models"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "cnn2" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.row("X9")
def test_no_link_inside_a_run_is_followed(fairtrial: Command, tmp_path: Path) -> None:
    assert fairtrial("run", "linear", *FAST).returncode == 0
    (name,) = FolderStore("runs").list()
    read = {"show": [], "doctor": [], "predict": ["digit.png"], "export": ["--to", "numpy"]}
    save_picture(Path("digit.png"), size=(8, 8), mode="L")
    files = {"recipe.json": read, "made.json": read, "events.jsonl": read, "best.safetensors": ["predict", "export"]}
    for file, commands in files.items():
        path, elsewhere = Path("runs", name, file), tmp_path / file
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        for command in commands:
            done = fairtrial(command, name, *read[command])
            assert done.returncode == 4, (file, command, done.stdout, done.stderr)
            assert f"{name}/{file} is a link" in done.stderr
        ended = printed(fairtrial("list", "runs", "--json"))["runs"][name]["ended"]
        assert (ended == "damaged") == (file in ("recipe.json", "events.jsonl"))
        elsewhere.replace(path)
    (tmp_path / "letter").write_text("mine")
    Path("runs", name, OWNER).symlink_to(tmp_path / "letter")
    assert fairtrial("run", "linear", *FAST, "--from-scratch").returncode == 0
    assert (tmp_path / "letter").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.row("X9")
def test_a_pipe_inside_a_run_is_not_waited_for(fairtrial: Command) -> None:
    assert fairtrial("run", "linear", *FAST).returncode == 0
    (name,) = FolderStore("runs").list()
    Path("runs", name, "events.jsonl").unlink()
    os.mkfifo(Path("runs", name, "events.jsonl"))
    assert printed(fairtrial("list", "runs", "--json"))["runs"][name]["ended"] == "unfinished"
    assert fairtrial("show", name).returncode == 0
