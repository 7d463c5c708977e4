"""The two first checks: what they say is true of the run behind them, on both engines, stopped or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from math import e, log
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from conftest import MAIN, Look, bits, fairtrial, stop_at, tiny
from fairtrial.checks import HIGHEST, LOWEST, PAUSES, find_lr, overfit
from fairtrial.parts.datasets import load
from fairtrial.report.charts import batch_chart, rate_chart
from fairtrial.report.checks import BELOW, LEARNT, mean_losses, smoothed, suggestion
from fairtrial.spec.errors import UsageError
from fairtrial.spec.events import Fitted
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, MemoryStore

NET = tiny(model="flatten, linear 16, act, linear classes", batch=64, lr=0.03)
SOFTMAX_TWICE = NET.but(model="flatten, linear 16, act, linear classes, softmax")
RATES = np.geomspace(1e-5, 10, 200)


# The range test


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.tuples(st.floats(-5, 50), st.integers(1, 300)), min_size=1, max_size=6), max_size=5))
def test_the_losses_of_single_steps_come_back_from_means_over_an_epoch(epochs: list[list[tuple[float, int]]]) -> None:
    events: list[Fitted] = []
    for number, steps in enumerate(epochs, 1):
        total, images = 0.0, 0
        for loss, count in steps:
            total, images = total + loss * count, images + count
            means = {"running/loss": total / images, "running/accuracy": 0.0}
            events.append(Fitted(len(events) + 1, number, len(events) + 0.5, means, images, 0.0))
    rates, losses = mean_losses(events)
    assert rates.tolist() == [place + 0.5 for place in range(len(events))]
    assert losses.tolist() == pytest.approx([loss for steps in epochs for loss, _ in steps], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("lowest", [1e-3, 0.02, 0.5])
def test_the_suggestion_lies_a_third_below_the_minimum_whatever_the_explosion(lowest: float) -> None:
    losses = 1 + 0.2 * np.log10(RATES / lowest) ** 2
    for worst in (10.0, 1e30):
        exploded = np.where(100 * lowest < RATES, worst, losses)
        found = suggestion(RATES, exploded, smoothed(RATES, exploded))
        assert found == pytest.approx(lowest / BELOW, rel=0.1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.3))
def test_scatter_alone_suggests_no_rate(seed: int, scatter: float) -> None:
    losses = np.random.default_rng(seed).normal(2.3, scatter, len(RATES))
    assert suggestion(RATES, losses, smoothed(RATES, losses)) is None


def test_the_rate_rises_over_the_whole_range_and_nothing_but_training_images_is_looked_at() -> None:
    test = find_lr(NET.but(schedule="cosine", patience=3, test_every=1, score_every=2), MemoryStore())
    rates = [point.lr for point in test.points]
    assert (rates[-1], len(rates) >= 100) == (pytest.approx(HIGHEST), True)
    assert LOWEST < rates[0] < 2 * LOWEST
    assert np.diff(np.log(rates)).min() > 0
    scored = {key for event in test.record.epochs for key in event.scores} | test.record.scores.keys()
    assert scored == {"running/loss", "running/accuracy"}
    assert test.record.made["data"]["counts"]["valid"] == 0


def test_a_net_trained_at_the_suggested_rate_does_better_than_far_from_it() -> None:
    test = find_lr(NET, MemoryStore())
    assert test.lr is not None
    losses = {
        factor: overfit(NET.but(lr=test.lr * factor), MemoryStore()).steps[24].loss for factor in (0.01, 1.0, 100.0)
    }
    assert losses[1.0] < 0.5 * min(losses[0.01], losses[100.0])


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_both_engines_say_the_same(optimizer: str) -> None:
    recipe = NET.but(optimizer=optimizer, precision="float64", activation="tanh")
    ours, theirs = (find_lr(recipe.but(engine=engine), MemoryStore()) for engine in ("numpy", "torch"))
    assert ours.lr == theirs.lr
    fall = [p for p in zip(ours.points, theirs.points, strict=True) if p[0].lr < 0.1]
    assert [a.loss for a, _ in fall] == pytest.approx([b.loss for _, b in fall], rel=1e-6)
    fits = [overfit(recipe.but(engine=engine, lr=0.1), MemoryStore()) for engine in ("numpy", "torch")]
    assert fits[0].fitted == fits[1].fitted
    assert fits[0].steps[10].loss == pytest.approx(fits[1].steps[10].loss, rel=1e-9)


def test_a_sweep_that_diverges_is_no_failure() -> None:
    test = find_lr(NET.but(optimizer="momentum", loss="mse", targets="number", activation="relu"), MemoryStore())
    assert test.record.end
    assert test.record.end.reason == "diverged"
    assert test.over
    assert test.passed
    assert "is not finite" in test.said
    assert "is not finite" in test.plain()["detail"]


def test_a_net_that_cannot_learn_gets_no_rate() -> None:
    test = find_lr(NET.but(init="zeros"), MemoryStore())
    assert (test.lr, test.passed, test.over) == (None, False, True)
    assert "falls at no rate" in test.said


# One batch


def test_a_batch_that_is_said_to_fit_is_predicted_by_the_weights_that_were_kept() -> None:
    test = overfit(NET.but(dropout=0.5, augment="shift 1", l2=0.1, patience=2, schedule="cosine"), MemoryStore())
    assert test.fitted is not None
    assert test.said.startswith(f"fits 64 images: 100 % after {test.fitted} steps")
    assert len(test.steps) in PAUSES
    data, recipe = load("digits"), test.record.recipe
    rows = data.split(recipe.seed, recipe.valid, recipe.images).train
    assert len(rows) == test.images == 64
    assert (test.record.predict(data.images[rows]).argmax(1) == data.labels[rows]).all()
    before = [s for s in test.steps if s.step < test.fitted]
    assert all(s.accuracy < 1 or s.loss > LEARNT * test.steps[0].running_loss for s in before)
    keys = {key.partition("/")[0] for event in test.record.epochs for key in event.scores}
    assert keys == {"running", "train"}


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_softmax_before_cross_entropy_does_not_fit_and_the_floor_is_named(engine: str) -> None:
    floor = log(1 + 9 / e)  # -log softmax of the right one of ten outputs, at best 1 beside nine zeros
    test = overfit(SOFTMAX_TWICE.but(engine=engine), MemoryStore())
    assert not test.passed
    assert test.over
    assert len(test.steps) == PAUSES[-1]
    assert floor <= min(step.loss for step in test.steps) < 1.1 * floor
    assert "softmax" in test.said
    assert "1.461 is the least" in test.said
    assert overfit(NET.but(engine=engine), MemoryStore()).passed


@pytest.mark.parametrize(
    "fault", [{"init": "zeros"}, {"optimizer": "sgd", "lr": 1e-5}, {"optimizer": "sgd", "lr": 99.0}]
)
def test_what_cannot_learn_does_not_fit(fault: dict[str, Any]) -> None:
    test = overfit(NET.but(**fault), MemoryStore())
    assert not test.passed
    assert test.said.startswith("does not fit 64 images: after ")
    assert "Something is wrong with the net, the loss, or the rate" in test.said


def test_a_run_that_diverges_at_once_is_told_apart() -> None:
    recipe = NET.but(optimizer="sgd", lr=1e30, loss="mse", targets="number")
    test = overfit(recipe, MemoryStore())
    assert test.over
    assert not test.passed
    assert "is not finite" in test.said


class Forgetful(nn.Module):
    """Batch norm whose running statistics stay what they were at first: right in training mode alone."""

    def __init__(self) -> None:
        super().__init__()
        norm = nn.BatchNorm1d(32, momentum=0.0)
        self.stack = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), norm, nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Any) -> Any:
        return self.stack(100 * x)


class Sound(Forgetful):
    """The same with statistics that follow."""

    def __init__(self) -> None:
        super().__init__()
        self.stack[2].momentum = 0.1


def test_a_module_that_is_right_in_training_mode_alone_is_told_so() -> None:
    recipe = Recipe(lr=0.01)
    assert "In training mode it does" in overfit(recipe, MemoryStore(), module=Forgetful).said
    assert overfit(recipe, MemoryStore(), module=Sound).passed
    assert find_lr(recipe, MemoryStore(), module=Sound).passed


def test_a_batch_is_never_larger_than_the_data_nor_a_single_image() -> None:
    assert overfit(NET.but(batch=5000, lr=0.001), MemoryStore()).images == 1437
    assert overfit(NET.but(batch=1), MemoryStore()).images == 2
    assert overfit(NET.but(images=30), MemoryStore()).images == 30
    assert find_lr(NET.but(images=30), MemoryStore()).record.recipe.images == 30


# Stopped and gone on


@pytest.mark.parametrize("check", [find_lr, overfit])
@pytest.mark.parametrize("step", [3, 30, 60])
def test_a_check_that_was_stopped_goes_on_to_the_same_bits(check: Any, step: int) -> None:
    recipe = NET.but(lr=0.003)
    alone, store = MemoryStore(), MemoryStore()
    whole = check(recipe, alone)
    stopped = check(recipe, store, watch=stop_at(step))
    assert not stopped.over
    assert not stopped.passed
    assert "stopped after" in stopped.said
    look = Look()
    again = check(recipe, store, watch=look)
    assert again.plain() == whole.plain()
    assert bits(store, again.record.name) == bits(alone, whole.record.name)
    assert look.said == [f"{again.record.name}: resumed after step {stopped.record.events[-1].step}"]
    assert check(recipe, store, watch=look).plain() == whole.plain()  # made before: nothing is done
    assert len(look.begun) <= len(PAUSES)


def test_a_check_that_was_killed_goes_on_to_the_same_outcome(tmp_path: Path) -> None:
    words = ["run", NET.model, "engine=numpy", "lr=0.003", "--overfit", "--json"]
    running = subprocess.Popen([*MAIN, *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any(len(path.read_bytes().splitlines()) > 30 for path in tmp_path.glob("runs/*/events.jsonl")):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()
    again = fairtrial(*words, "--quiet", cwd=tmp_path)
    alone = fairtrial(*words, "--quiet", "--store", "other", cwd=tmp_path)
    ours, theirs = json.loads(again.stdout), json.loads(alone.stdout)
    assert {**ours, "path": ""} == {**theirs, "path": ""}
    assert again.returncode == alone.returncode == 0


# The command


def words_of(path: Path) -> str:
    """All text in an SVG, which must be well-formed."""
    return " ".join(" ".join(ElementTree.fromstring(path.read_text("utf8")).itertext()).split())


def test_the_command_suggests_a_rate_and_draws_it(tmp_path: Path) -> None:
    words = ["run", "small-mlp", "engine=numpy", "lr=0.5", "--find-lr", "--quiet"]
    done = fairtrial(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    plain = json.loads(fairtrial(*words, "--json", cwd=tmp_path).stdout)
    assert plain.keys() == {"run", "path", "over", "said", "lr", "detail", "points"}
    said, chart, train, sure = done.stdout.splitlines()
    assert said == plain["said"]
    assert train.split(maxsplit=2)[2] == f"fairtrial run small-mlp engine=numpy lr={plain['lr']:g}"
    assert sure.split()[3:5] == ["fairtrial", "compare"]
    drawn = tmp_path / plain["path"] / "check.svg"
    assert str(drawn.relative_to(tmp_path)) in chart
    assert all(part in words_of(drawn) for part in (f"lr={plain['lr']:g}", "running/loss", plain["said"][:20]))
    Image.open(drawn.with_suffix(".png")).load()


def test_the_command_says_whether_a_batch_fits(tmp_path: Path) -> None:
    words = ["run", "small-mlp", "engine=numpy", "lr=0.02", "--overfit", "--json", "--quiet"]
    done = fairtrial(*words, cwd=tmp_path)
    plain = json.loads(done.stdout)
    assert (done.returncode, plain["fits"], plain["accuracy"], plain["images"]) == (0, True, 1.0, 64)
    assert plain.keys() == {
        "run", "path", "over", "said", "fits", "images", "steps", "loss", "accuracy", "first_loss", "points",
    }  # fmt: skip
    assert f"fits after {plain['steps']}" in words_of(tmp_path / plain["path"] / "check.svg")
    failed = fairtrial(*words, "init=zeros", cwd=tmp_path)
    assert (failed.returncode, json.loads(failed.stdout)["fits"]) == (1, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mlp", "--find-lr", "--overfit"], "ask for one"),
        (["mlpp", "--find-lr"], "mlp"),
        (["mlp", "optimizer=adm", "--find-lr"], "adam"),
        (["mlp", "schedule=cosin", "--overfit"], "cosine"),
        (["mlp", "valid=0", "patience=2", "--overfit"], "patience"),
        (["net.py:Net", "--overfit"], "--trust-code"),
    ],
)
def test_wrong_words_are_refused_before_any_work(words: list[str], said: str, tmp_path: Path) -> None:
    done = fairtrial("run", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_module_in_a_file_is_checked_like_any_net(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))\n"
    )
    done = fairtrial("run", "net.py:Net", "lr=0.02", "--trust-code", "--overfit", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fits"]
    assert done.stderr.count("\n") < 5  # no line for each of the epochs
    done = fairtrial("run", "net.py:Net", "--trust-code", "--find-lr", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "net.py:Net --trust-code lr=" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_stopped_check_ends_as_any_stopped_run(tmp_path: Path) -> None:
    words = ["run", "mlp", "lr=1e-6", "--overfit", "--json", "--quiet"]
    running = subprocess.Popen([*MAIN, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob("runs/*/events.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on from here" in errors
    assert json.loads(out)["over"] is False


def test_a_chart_belongs_to_the_run_and_goes_with_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    test = find_lr(NET, store)
    assert {"check.svg", "check.png"} <= set(store.files(test.record.name))
    (tmp_path / test.record.name / "check.svg").write_text("old")
    find_lr(NET, store, from_scratch=True)
    assert (tmp_path / test.record.name / "check.svg").read_text() != "old"


def test_the_charts_are_vega_lite_and_a_notebook_shows_them() -> None:
    rates, batch = find_lr(NET, MemoryStore()), overfit(NET, MemoryStore())
    rate_chart(rates).to_dict(validate=True)
    batch_chart(batch).to_dict(validate=True)
    for test in (rates, batch):
        assert test.said[:20] in test._repr_html_()
        assert "<svg" in test._repr_html_()


def test_a_wrong_module_is_refused_before_data_are_read() -> None:
    with pytest.raises(UsageError, match="the targets need"):
        overfit(Recipe(), MemoryStore(), module=lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 9)))
