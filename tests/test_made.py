"""A study that was made is printed again word for word, from its records alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from conftest import fairtrial
from fairtrial.made import reread, result, studies_called
from fairtrial.spec.errors import DamagedFile, UsageError
from fairtrial.store import FolderStore

pytestmark = pytest.mark.xdist_group("made")  # what the module sets up is set up once

FAST = ["engine=numpy", "epochs=2", "batch=512", "--seeds", "2", "--quiet"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, subprocess.CompletedProcess[str]]]:
    """A folder with three studies in its store, one with an arm that diverges, one of a measure; what each printed."""
    folder = tmp_path_factory.mktemp("made")
    words = {
        "linear": ["linear", "optimizer=adam,sgd"],
        "diverged": ["mlp", "optimizer=sgd", "lr=0.01,1e30"],
        "gap": ["linear", "lr=0.01,0.001", "--metric", "measure/gap"],
    }
    done = {name: fairtrial("compare", *asked, *FAST, cwd=folder) for name, asked in words.items()}
    assert not [each.stderr for each in done.values() if each.returncode]
    return folder, done


Place = tuple[Path, dict[str, subprocess.CompletedProcess[str]]]


def folder_of(done: subprocess.CompletedProcess[str]) -> str:
    return Path(done.stdout.rpartition("report: ")[2].strip()).parent.name


@pytest.mark.parametrize("name", ["linear", "diverged", "gap"])
def test_show_prints_what_compare_printed(place: Place, name: str) -> None:
    folder, done = place
    shown = fairtrial("show", folder_of(done[name])[:-3], cwd=folder)
    assert (shown.returncode, shown.stdout) == (0, done[name].stdout)


def test_a_name_shows_the_newest_and_names_the_others(place: Place) -> None:
    folder, done = place
    shown = fairtrial("show", "linear", cwd=folder)
    assert shown.stdout == done["gap"].stdout
    assert folder_of(done["linear"]) in shown.stderr
    assert "no such" not in fairtrial("show", "model=linear", cwd=folder).stderr  # the net of that name is still shown
    assert "parameters" in fairtrial("show", "model=linear", cwd=folder).stdout


def test_json_is_the_studys_own(place: Place) -> None:
    folder, done = place
    shown = json.loads(fairtrial("show", folder_of(done["linear"]), "--json", cwd=folder).stdout)
    path = Path("runs", "studies", folder_of(done["linear"]))
    written = json.loads((folder / path / "study.json").read_text("utf8"))
    assert shown == {**written, "path": str(path), "report": str(path / "report.html")}


def test_a_store_that_was_moved_says_where_it_is(place: Place, tmp_path: Path) -> None:
    folder, done = place
    shutil.copytree(folder / "runs", tmp_path / "moved")
    store, name = FolderStore(tmp_path / "moved"), folder_of(done["gap"])
    assert result(store, name)["report"] == str(tmp_path / "moved" / "studies" / name / "report.html")
    assert reread(store, name).summary == reread(FolderStore(folder / "runs"), name).summary


def test_a_list_of_studies_has_both_the_shipped_and_the_made(place: Place) -> None:
    folder, done = place
    plain = json.loads(fairtrial("list", "studies", "--json", cwd=folder).stdout)
    assert "optimizers" in plain["studies"]
    assert set(plain["made"]) == {folder_of(each) for each in done.values()}
    assert all(line["ended"] == "done" and line["seeds"] == 2 for line in plain["made"].values())
    said = fairtrial("list", "studies", cwd=folder).stdout
    assert all(name in said for name in plain["made"])
    runs = json.loads(fairtrial("list", "runs", "--json", cwd=folder).stdout)["runs"]
    assert set(runs) == set(FolderStore(folder / "runs").list())
    assert {run["ended"] for run in runs.values()} == {"finished", "diverged"}
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert len(fairtrial("list", "runs", cwd=folder, env=env).stdout.splitlines()) == 1 + len(runs)


def spoil(store: FolderStore, name: str, what: str) -> None:
    """Damage a study in one way."""
    folder = store.root / "studies" / name
    plain: dict[str, Any] = json.loads((folder / "study.json").read_text("utf8"))
    match what:
        case "a score was changed":
            plain["arms"][0]["values"][0] += 0.01
            (folder / "study.json").write_text(json.dumps(plain))
        case "a key is missing":
            del plain["margin"]
            (folder / "study.json").write_text(json.dumps(plain))
        case "scores are missing":
            (folder / "scores.csv").unlink()
        case _:
            (folder / "scores.csv").write_text("arm,seed,metric,run\na,b\n")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a score was changed", "other scores"), ("a key is missing", "study.json"),
        ("scores are missing", "scores.csv is missing"), ("scores are damaged", "scores.csv"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_back_is_said_and_never_made_up(place: Place, tmp_path: Path, what: str, said: str) -> None:
    folder, done = place
    shutil.copytree(folder / "runs", tmp_path / "runs")
    store, name = FolderStore(tmp_path / "runs"), folder_of(done["gap"])
    spoil(store, name, what)
    with pytest.raises(DamagedFile, match=said):
        reread(store, name)


def test_what_a_word_names(place: Place) -> None:
    folder, done = place
    store, name = FolderStore(folder / "runs"), folder_of(done["gap"])
    words = ("linear", "mlp", name, name[:-11], "lin", "linear-")
    called = {word: [line.folder for line in studies_called(store, word)] for word in words}
    both = [folder_of(done["linear"]), name]
    expected = {"linear": both, "mlp": [folder_of(done["diverged"])], name: [name], name[:-11]: [name]}
    assert called == {**expected, "lin": [], "linear-": both}


@pytest.mark.parametrize(
    ("plan", "error"),
    [('{"study": "b", "arms": {}, "seeds": [0], "metric": "m"}', UsageError), ("{", DamagedFile)],
)
def test_a_study_without_a_result_is_not_shown_as_one(plan: str, error: type[Exception], tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "b-0a1b2c3d4e5f"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(plan)
    with pytest.raises(error, match=r"b-0a1b2c3d4e5f"):
        studies_called(FolderStore(tmp_path), folder.name)
    assert studies_called(FolderStore(tmp_path), "b") == []


def test_the_call_on_the_page_makes_the_same_study_again_and_nothing_new(tmp_path: Path) -> None:
    script = (
        "import fairtrial as ft, numpy as np\n"
        "base = ft.Recipe(model='linear', engine='numpy', epochs=1, batch=512, betas=(0.8, 0.99), seed=3)\n"
        "place = ft.FolderStore('else where')\n"
        "ft.compare(base, lr=np.array([0.01, 0.001]), optimizer=['adam'], seeds=2, store=place)\n"
    )
    first = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, text=True, capture_output=True, check=True)
    page = (tmp_path / first.stdout.rpartition("report: ")[2].strip()).read_text("utf8")
    call = unescape(page.partition("<code>")[2].partition("</code>")[0])
    assert call.startswith("import fairtrial as ft\nft.compare(")
    before = sorted(path.name for path in (tmp_path / "else where").rglob("*"))
    again = subprocess.run([sys.executable, "-c", call], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert again.stdout == first.stdout
    assert sorted(path.name for path in (tmp_path / "else where").rglob("*")) == before
    assert not (tmp_path / "runs").exists()
