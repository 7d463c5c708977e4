"""The ledger: a study killed anywhere ends in the same table, and its file cannot be changed while it is half done."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import fairtrial, stop_at, tiny
from fairtrial.api import make, write_report
from fairtrial.spec.errors import UsageError
from fairtrial.store import FolderStore, MemoryStore
from fairtrial.study.file import read_study
from fairtrial.study.ledger import PLAN
from fairtrial.study.plan import make_study

FILE = """\
question = "Which?"
claim = "None."
recipe = "linear"
seeds = 2
margin = 0.02

[fields]
engine = "numpy"
batch = 256
epochs = 2

[arms]
optimizer = ["sgd", "adam"]
"""


def write(folder: Path, text: str = FILE, name: str = "asked.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf8")
    return path


def half_done(path: Path, store: FolderStore, **words: str) -> None:
    """Make the study as far as the second run, really stopped by a signal."""
    with pytest.raises(KeyboardInterrupt):
        make(read_study(path, words), store, executor="serial", watch=stop_at(7))


def test_the_plan_is_on_the_disk_before_the_first_run(tmp_path: Path) -> None:
    store, study = FolderStore(tmp_path), make_study("s", tiny(), {"optimizer": ["sgd", "adam"]}, 2)
    with pytest.raises(KeyboardInterrupt):
        make(study, store, executor="serial", watch=stop_at(1))
    (folder,) = store.studies()
    plan = json.loads(store.get(folder, PLAN) or b"")
    assert list(plan["arms"]) == ["sgd", "adam"]
    assert plan["seeds"] == [0, 1]
    assert str(tmp_path) not in (store.get(folder, PLAN) or b"").decode()
    assert make(study, store, executor="serial").folder == folder


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("epochs = 2", "epochs = 3", "arm sgd: epochs=2 then, 3 now"),
        ('["sgd", "adam"]', '["sgd", "momentum"]', "arm adam: is gone"),
        ("margin = 0.02", "margin = 0.2", "margin: 0.02 then, 0.2 now"),
        ('claim = "None."', 'claim = "None."\nmetric = "valid/accuracy"', "metric: test/accuracy then"),
        ('claim = "None."', 'claim = "None."\ntune = { lr = "0.1..1" }', "tune"),
    ],
)
def test_a_file_changed_under_a_half_done_study_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    store, path = FolderStore(tmp_path / "runs"), write(tmp_path)
    half_done(path, store)
    runs = store.list()
    write(tmp_path, FILE.replace(old, new))
    with pytest.raises(UsageError) as caught:
        make(read_study(path), store, executor="serial")
    assert said in str(caught.value)
    assert "copy it under another name" in str(caught.value)
    assert store.list() == runs
    other = write(tmp_path, FILE.replace(old, new), "other.toml")
    make(read_study(other), store, executor="serial")  # that is a fork
    make(read_study(write(tmp_path)), store, executor="serial")  # and the first one goes on, put back


def test_seeds_and_arms_can_be_added_to_a_half_done_study_and_words_make_another_one(tmp_path: Path) -> None:
    store, path = FolderStore(tmp_path / "runs"), write(tmp_path)
    half_done(path, store)
    begun = store.list()
    write(tmp_path, FILE.replace("seeds = 2", "seeds = 3").replace('"adam"]', '"adam", "momentum"]'))
    more = make(read_study(path), store, executor="serial")
    assert {run for arm in more.arms for run in arm.runs} >= set(begun)
    assert len([folder for folder in store.studies() if store.get(folder, PLAN)]) == 1
    make(read_study(path, {"epochs": "1"}), store, executor="serial")


@pytest.mark.parametrize("damage", ["[]", "{", '{"asked": 1}', "{}", ""])
def test_a_damaged_plan_of_another_study_harms_nobody(damage: str, tmp_path: Path) -> None:
    store, path = FolderStore(tmp_path / "runs"), write(tmp_path)
    store.put("studies/other-0", PLAN, damage.encode())
    make(read_study(path), store, executor="serial")


def test_a_report_of_which_a_file_is_gone_is_written_again(tmp_path: Path) -> None:
    store, study = FolderStore(tmp_path), make_study("s", tiny(), {"optimizer": ["sgd", "adam"]}, 2)
    comparison = make(study, store, executor="serial")
    write_report(comparison, store, "fairtrial compare")
    files = set(store.files(comparison.folder))
    for gone in files - {PLAN}:
        store.drop(comparison.folder, gone)
        write_report(comparison, store, "fairtrial compare")
        assert set(store.files(comparison.folder)) == files


def test_a_study_that_is_done_may_be_changed(tmp_path: Path) -> None:
    store, path = FolderStore(tmp_path / "runs"), write(tmp_path)
    write_report(make(read_study(path), store, executor="serial"), store, "fairtrial compare asked.toml")
    write(tmp_path, FILE.replace("epochs = 2", "epochs = 3"))
    make(read_study(path), store, executor="serial")


def test_on_the_command_line_it_ends_with_2_and_says_what_differs(tmp_path: Path) -> None:
    path = write(tmp_path)
    half_done(path, FolderStore(tmp_path / "runs"))
    write(tmp_path, FILE.replace("epochs = 2", "epochs = 5"))
    done = fairtrial("compare", "asked.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "epochs=2 then, 5 now" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_a_study_hangs_on_all_that_decides_it() -> None:
    study = make_study("s", tiny(epochs=1), {"optimizer": ["sgd", "adam"]}, 2)
    others = [
        study, replace(study, margin=0.2), replace(study, metric="valid/accuracy"), replace(study, seeds=(0, 1, 2)),
        replace(study, until_settled=True), replace(study, arms={**study.arms, "more": tiny(epochs=1, lr=0.5)}),
    ]  # fmt: skip
    folders = [make(other, MemoryStore()).folder for other in others]
    assert len(set(folders)) == len(others)
    assert all(folder.startswith("studies/s-") for folder in folders)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are found through /proc")
@pytest.mark.row("C5", "C6")
def test_killed_studies_end_in_the_table_of_those_left_alone(tmp_path: Path) -> None:
    from studies import campaign

    told = campaign(1, 2026, tmp_path)
    assert sum(tally.drivers + tally.workers for _, tally in told) >= 1
    assert all(tally.equal and not tally.remade for _, tally in told)
