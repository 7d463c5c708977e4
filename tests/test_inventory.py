"""A list of runs says what their records say, whatever state they are in, and is quick because it builds none."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tiny
from fairtrial.inventory import TAIL, RunLine, run_lines, study_lines
from fairtrial.report.listing import runs_json, runs_text, studies_json, studies_text
from fairtrial.runner import run
from fairtrial.spec.events import Ended, Event, Fitted, Saved, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.store import EVENTS, RECIPE, FolderStore, as_lines

SHARE = st.floats(0, 1)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Event, ...]:
    """Events of a run: epochs with their scores, some the best, some scored in between, and perhaps an end."""
    events: list[Event] = []
    count = draw(st.integers(0, 60))
    for epoch in range(1, count + 1):
        scores = {"valid/loss": draw(SHARE), "valid/accuracy": draw(SHARE)}
        if draw(st.booleans()):
            events.append(Scored(epoch * 5 - 2, epoch, False, scores, False, 0.1))
        events.append(Fitted(epoch * 5, epoch, 0.01, {"running/loss": nan}, 100, 0.5))
        events.append(Scored(epoch * 5, epoch, True, scores, epoch == 1 or draw(st.integers(0, 9)) == 0, 0.1))
        events.append(Saved(epoch * 5, epoch))
    best = max((e.epoch for e in events if isinstance(e, Scored) and e.best), default=0)
    reason = draw(st.sampled_from(["", "finished", "early-stopped", "diverged", "interrupted"]))
    if reason:
        scores = {} if reason in ("diverged", "interrupted") else {"test/accuracy": draw(SHARE)}
        detail = draw(st.sampled_from(["", 'true, "best": true', "is true\n", "é" * 9000]))
        events.append(Ended(count * 5, count, reason, best, scores, detail))  # type: ignore[arg-type]
    return tuple(events)


def write(root: Path, events: bytes, recipe: Recipe = tiny()) -> None:  # noqa: B008
    """A run's folder with these events, as the store lays it out."""
    folder = root / "name-0123456789ab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(json.dumps(recipe.model_dump(mode="json"), indent=2), "utf8")
    (folder / "made.json").write_text("{}")
    (folder / EVENTS).write_bytes(events)


@settings(max_examples=60, deadline=None)
@given(history=histories(), torn=st.sampled_from([b"", b'{"event": "scored", "best": true']))
def test_a_line_says_what_the_whole_record_says(
    history: tuple[Event, ...], torn: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("store")
    write(root, as_lines(history) + torn)
    (line,), record = run_lines(root), FolderStore(root).read("name-0123456789ab")
    last = record.events[-1] if record.events else None
    best = record.best
    assert line.ended == (last.reason if isinstance(last, Ended) else "unfinished")
    assert line.epochs == len(record.epochs)
    assert line.best_epoch == (best.epoch if best else 0)
    assert line.valid == (best.scores["valid/accuracy"] if best else None)
    assert line.test == (last.scores.get("test/accuracy") if isinstance(last, Ended) else None)
    assert (line.model, line.lr, line.seed) == (record.recipe.model, record.recipe.lr, record.recipe.seed)


def test_a_best_epoch_of_long_ago_is_found(tmp_path: Path) -> None:
    scores = {"valid/loss": 0.5, "valid/accuracy": 0.25}
    events = as_lines(tuple(Scored(n, n, True, scores, n == 1, 0.1) for n in range(1, 301)))
    assert len(events) > 2 * TAIL
    write(tmp_path, events)
    (line,) = run_lines(tmp_path)
    assert (line.epochs, line.best_epoch, line.valid) == (300, 1, 0.25)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (RECIPE, b"{"), (RECIPE, b"[]"), (RECIPE, b"{}"), (RECIPE, b"\xff"), (RECIPE, b'{"model": "mlp", "lr": "x"}'),
        (EVENTS, b"nonsense\n"), (EVENTS, b"[]\n"), (EVENTS, b'{"event": "ended"}\n'), (EVENTS, b"\xff\xfe\n"),
        (EVENTS, b"[" * 100_000 + b"\n"),
    ],
)  # fmt: skip
def test_a_damaged_run_is_listed_as_one_beside_the_others(file: str, content: bytes, tmp_path: Path) -> None:
    record = run(tiny(), FolderStore(tmp_path))
    write(tmp_path, b"")
    (tmp_path / "name-0123456789ab" / file).write_bytes(content)
    ended = {line.name: line.ended for line in run_lines(tmp_path)}
    assert ended == {record.name: "finished", "name-0123456789ab": "damaged"}
    json.dumps(runs_json(run_lines(tmp_path)), allow_nan=False)
    assert len(runs_text(run_lines(tmp_path), None)) == 3


@pytest.mark.row("S9")
def test_a_damaged_end_of_an_epoch_is_passed_over_and_counted(tmp_path: Path) -> None:
    scores = {"valid/loss": 0.5, "valid/accuracy": 0.25}
    first, second, last = as_lines(
        (Scored(1, 1, True, scores, True, 0.1), Scored(2, 2, True, scores, True, 0.1), Ended(2, 2, "finished", 2, {}))
    ).splitlines(keepends=True)
    write(tmp_path, first + second[1:] + last)
    (line,) = run_lines(tmp_path)
    assert (line.ended, line.epochs, line.best_epoch, line.valid, line.damaged_lines) == ("finished", 2, 2, 0.25, 1)
    assert "finished, 1 damaged line" in runs_text([line], None)[1]


@pytest.mark.row("S11")
@pytest.mark.parametrize("file", [RECIPE, "made.json", EVENTS])
def test_a_run_that_lacks_a_file_is_listed_as_damaged(file: str, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    broken, whole = run(tiny(), store).name, run(tiny(seed=1), store).name
    (tmp_path / broken / file).unlink()
    assert {line.name: line.ended for line in run_lines(tmp_path)} == {broken: "damaged", whole: "finished"}


@pytest.mark.row("S16")
def test_runs_and_studies_stand_in_the_order_in_which_they_were_begun_whatever_the_clock_said(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    names = [run(tiny(seed=seed), store).name for seed in (2, 0, 1)]
    folders = [f"s-{letter * 12}" for letter in "ba"]
    for folder in folders:
        store.put(f"studies/{folder}", "plan.json", b"{}")
    shutil.copytree(tmp_path / names[0], tmp_path / "copy-000000000000")  # begun elsewhere
    (tmp_path / "order").write_bytes((tmp_path / "order").read_bytes() + b"\nto")  # torn by a crash
    later = run(tiny(seed=3), store).name
    for place, name in enumerate([*names, later, *(f"studies/{folder}" for folder in folders)]):
        for file in (tmp_path / name).iterdir():
            os.utime(file, (-place, -place))  # the clock goes back
    order = ["copy-000000000000", *names, later]
    assert store.list() == order
    assert [line.name for line in run_lines(tmp_path)] == order
    assert [line.folder for line in study_lines(tmp_path)] == folders
    run(tiny(seed=2), store, from_scratch=True)
    assert store.list() == [order[0], *names[1:], later, names[0]]


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    assert run_lines(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    (tmp_path / "studies").mkdir()
    (tmp_path / "half").mkdir()
    assert run_lines(tmp_path) == []
    assert study_lines(tmp_path) == []


LINE = RunLine("mlp-0123456789ab", "finished", 1e9, "mlp", "digits", "adam", 0.001, 3, 10, 8, 6, 0.975, 0.9625)


def test_a_narrow_terminal_leaves_out_whole_columns_and_says_which() -> None:
    lines = [LINE, replace(LINE, name="\x1b[31mred", model="conv 10, pool, act, flatten, linear 100, act")]
    assert "conv 10, pool, act, f..." in runs_text(lines, None)[2]
    for width in (200, 100, 80, 60):
        *rows, last = runs_text(lines, width)
        shown = rows if last.startswith("no room for") else [*rows, last]
        assert max(map(len, shown)) <= width
        assert all("96.25 %" in row and "8/10" in row and "finished" in row for row in shown[1:])
        assert "\x1b" not in "".join(shown)
        left_out = last.partition("no room for ")[2].partition(":")[0]
        assert {*shown[0].split(), *left_out.split(", ")} - {""} >= {"name", "model", "valid", "seed", "written"}


def test_a_study_is_listed_by_its_result_or_else_its_plan(tmp_path: Path) -> None:
    done, begun, bad, empty = (tmp_path / "studies" / f"{name}-0a1b2c3d4e5f" for name in ("d", "b", "x", "e"))
    for folder in (done, begun, bad, empty):
        folder.mkdir(parents=True)
    result = {"study": "d", "arms": [{"name": "adam"}], "seeds": 5, "metric": "test/loss", "summary": "\x1b[2J won"}
    (done / "study.json").write_text(json.dumps(result))
    (done / "plan.json").write_text("{}")
    plan = {"study": "b", "arms": {"adam": {}, "sgd": {}}, "seeds": [0, 1, 2], "metric": "test/accuracy"}
    (begun / "plan.json").write_text(json.dumps(plan))
    (bad / "study.json").write_text("{")
    found = {line.study: line for line in study_lines(tmp_path)}
    assert {name: line.ended for name, line in found.items()} == {"d": "done", "b": "half-done", "x": "damaged"}
    assert (found["d"].arms, found["d"].seeds) == (("adam",), 5)
    assert (found["b"].arms, found["b"].seeds) == (("adam", "sgd"), 3)
    assert studies_json(found.values())[done.name]["summary"] == "\x1b[2J won"
    for width in (None, 40):
        said = "\n".join(studies_text(list(found.values()), width))
        assert "�[2J won" in said
        assert begun.name in said
