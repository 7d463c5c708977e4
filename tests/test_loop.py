"""The loop: what counts as better, when it stops, what it may look at, and that no bad number reaches a file."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Look, fairtrial, stop_at, tiny
from data_helpers import picture_folder, save_picture
from fairtrial.doctor.records import diagnose
from fairtrial.engine.numpy_net import NumpyNet
from fairtrial.parts.datasets import load
from fairtrial.parts.initialisers import start
from fairtrial.parts.losses import make_criterion
from fairtrial.parts.models import build
from fairtrial.parts.optimizers import make_rule
from fairtrial.rng import rng
from fairtrial.runner import run
from fairtrial.spec.events import Event, Fitted, Saved, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tensorfile import unpack
from fairtrial.store import MemoryStore, generations
from fairtrial.train.loop import Progress, progress_of, score
from fairtrial.train.stream import make_stream, steps_per_epoch


def fold(losses: list[float], monitor: str = "valid/loss", min_delta: float = 0.0) -> tuple[list[bool], Progress]:
    """Which of these epochs are the best so far, and what the last one leaves."""
    progress, bests = Progress(monitor, min_delta), []
    for epoch, loss in enumerate(losses, 1):
        scores = {"valid/loss": 1.0, monitor: loss}
        bests.append(progress.better(scores))
        progress = progress.after(Scored(epoch * 5, epoch, True, scores, bests[-1], 0.0))
    return bests, progress


@pytest.mark.parametrize(
    ("losses", "min_delta", "bests", "waited"),
    [
        ([3, 2, 1], 0, [True, True, True], 0),
        ([1, 1, 1], 0, [True, False, False], 2),  # as good is not better
        ([3, 2.5, 2.4, 2], 0.5, [True, False, True, False], 1),  # against the best, not against the epoch before
        ([3, 2.9, 2.8, 2.7, 2.6], 0.25, [True, False, False, True, False], 1),
        ([float("nan"), 2, float("nan"), 1], 0, [False, True, False, True], 0),
        ([float("inf"), 2], 0, [False, True], 0),
        ([-1, -2, -1], 0, [True, True, False], 1),
    ],
)
@pytest.mark.row("N3")
def test_better_by_more_than_min_delta(losses: list[float], min_delta: float, bests: list[bool], waited: int) -> None:
    found, progress = fold(losses, min_delta=min_delta)
    assert found == bests
    assert progress.waited == waited
    assert progress.best_epoch == max((i for i, best in enumerate(bests, 1) if best), default=0)


def test_accuracy_is_better_when_higher() -> None:
    bests, progress = fold([0.5, 0.6, 0.6, 0.55], monitor="valid/accuracy")
    assert bests == [True, True, False, False]
    assert progress.best == -0.6


def test_without_a_validation_part_the_last_epoch_is_the_best() -> None:
    assert Progress("valid/loss", 0.0).better({"train/loss": 9.0})
    record = run(tiny(valid=0, epochs=3), MemoryStore())
    assert record.end
    assert record.end.best_epoch == 3
    assert [epoch.best for epoch in record.epochs] == [True, True, True]


def test_scores_between_epochs_do_not_count() -> None:
    progress = Progress("valid/loss", 0.0)
    assert progress.after(Scored(3, 1, False, {"valid/loss": 0.1}, False, 0.0)) is progress


# Steps so long that the second epoch is worse than the first.
WORSE: dict[str, Any] = {"lr": 0.02, "schedule": "step 1 100", "optimizer": "momentum", "epochs": 6}


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_patience_ends_the_run_and_gives_back_the_best_weights(engine: str) -> None:
    store, recipe = MemoryStore(), tiny(**WORSE, patience=2, keep="all", engine=engine)
    record = run(recipe, store)
    assert record.end
    losses = record.curve("valid/loss")[1]
    best = record.end.best_epoch
    assert record.end.reason == "early-stopped"
    assert losses[best - 1] == min(losses)
    assert len(losses) == record.end.epoch == best + 2
    weights = record.weights()
    of_best = unpack(store.get(record.name, f"epoch-{best}.safetensors") or b"", "")[0]
    of_last = unpack(store.get(record.name, f"epoch-{best + 2}.safetensors") or b"", "")[0]
    assert all(np.array_equal(weights[name], of_best[name]) for name in weights)
    assert not any(np.array_equal(weights[name], of_last[name]) for name in weights if "input" not in name)
    assert record.end.scores == scored(recipe, weights, "test")
    assert {k: v for k, v in record.epochs[best - 1].scores.items() if "valid" in k} == scored(recipe, weights, "valid")


def scored(recipe: Recipe, weights: dict[str, Any], part: str) -> dict[str, float]:
    """Weights scored anew, by a net and a stream of the test's own."""
    data = load(recipe.data)
    criterion = make_criterion(recipe, 10)
    arch = build(recipe, (1, 8, 8), 10)
    kept = {name: values for name, values in weights.items() if not name.startswith("input/")}
    fitted = {name.removeprefix("input/"): values for name, values in weights.items() if name.startswith("input/")}
    if recipe.engine == "numpy":
        net: Any = NumpyNet(arch, (1, 8, 8), kept, recipe.precision)
    else:
        from fairtrial.engine.torch_net import TorchNet

        net = TorchNet.build(arch, (1, 8, 8), kept, recipe.precision, "cpu")
    split = data.split(recipe.seed, recipe.valid)
    stream = make_stream(recipe, data, split, net, fitted)
    return score(net, stream, criterion, part, {"valid": split.valid, "test": split.test}[part])


def keys(events: tuple[Event, ...], kind: type[Event]) -> list[str]:
    """The keys of all scores of such events."""
    return [key for event in events if isinstance(event, kind) for key in getattr(event, "scores", {})]


def test_the_test_part_is_touched_once_unless_the_recipe_asks() -> None:
    record = run(tiny(epochs=3, score_every=2), MemoryStore())
    assert not any(key.startswith("test") for key in keys(record.events, Scored) + keys(record.events, Fitted))
    assert record.end
    assert record.end.scores.keys() == {"test/loss", "test/accuracy"}
    asked = run(tiny(epochs=4, test_every=2), MemoryStore())
    assert [e.epoch for e in asked.epochs if "test/loss" in e.scores] == [2, 4]


def test_looking_more_often_changes_nothing_but_what_is_seen() -> None:
    plain, looking = MemoryStore(), MemoryStore()
    one = run(tiny(model="conv 4, norm, act, flatten, dropout, linear classes"), plain)
    two = run(
        tiny(
            model="conv 4, norm, act, flatten, dropout, linear classes",
            score_every=2, test_every=1, save_every=1, keep="all",
        ),
        looking,
    )  # fmt: skip
    assert one.weights().keys() == two.weights().keys()
    assert all(np.array_equal(one.weights()[name], two.weights()[name]) for name in one.weights())
    assert one.end
    assert two.end
    assert one.end.scores == two.end.scores


def test_events_come_in_order_and_saved_promises_what_came_before() -> None:
    record = run(tiny(epochs=3, score_every=2, save_every=2), MemoryStore())
    steps = [event.step for event in record.events]
    assert steps == sorted(steps)
    saved = [event.step for event in record.events if isinstance(event, Saved)]
    assert saved == [2, 4, 5, 6, 8, 10, 12, 14, 15]
    assert record.curve("valid/loss")[0] == [2, 4, 5, 6, 8, 10, 12, 14, 15]
    for event, after in zip(record.events, record.events[1:], strict=False):
        if isinstance(event, Saved):
            assert after.step > event.step or after is record.events[-1]


def test_running_scores_are_means_over_the_epoch_so_far() -> None:
    record = run(tiny(epochs=1, optimizer="sgd", lr=1e-30), MemoryStore())  # the net stays as it began
    last = [event for event in record.events if isinstance(event, Fitted)][-1]
    assert last.images == 1150
    assert last.scores["running/loss"] == pytest.approx(record.epochs[0].scores["train/loss"], rel=1e-6)
    assert last.scores["running/accuracy"] == pytest.approx(record.epochs[0].scores["train/accuracy"])


def test_each_epoch_sees_each_training_image_once_in_another_order() -> None:
    recipe, data = tiny(batch=100), load("digits")
    split = data.split(0, 0.2)
    arch = build(recipe, (1, 8, 8), 10)
    net = NumpyNet(arch, (1, 8, 8), start(arch, (1, 8, 8), "zeros", 0), "float32")
    numbered = make_stream(recipe, data, split, net, {"scale": np.ones(1), "shift": np.zeros(1)})
    numbered.images = np.arange(len(data.images))[:, None, None, None]
    seen = [np.concatenate([numbered.batch(step)[0].ravel() for step in range(e * 12, e * 12 + 12)]) for e in (0, 1)]
    assert numbered.per_epoch == 12
    assert not np.array_equal(seen[0], seen[1])
    for order in seen:
        assert np.array_equal(np.sort(order.round().astype(int)), split.train)
    assert np.array_equal(seen[1], rng(0, "shuffle", 1).permutation(split.train))


@pytest.mark.parametrize(
    ("images", "batch", "steps"), [(10, 5, 2), (11, 5, 2), (12, 5, 3), (3, 5, 1), (1, 5, 1), (5, 5, 1), (2, 1, 2)]
)
@pytest.mark.row("N7")
def test_a_last_batch_of_one_is_left_out(images: int, batch: int, steps: int) -> None:
    assert steps_per_epoch(images, batch) == steps


@pytest.mark.row("N1")
@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("fields", "at", "layer"),
    [
        ({"lr": 1e30, "optimizer": "sgd"}, (1, 1), "linear"),  # after one step already
        ({"schedule": "step 1 1e30", "optimizer": "sgd", "lr": 0.01}, (5, 7), "linear"),  # in the second epoch
        ({"lr": 1e39, "optimizer": "rmsprop", "save_every": 0}, (1, 1), "linear"),  # more than a float32 holds
    ],
)
def test_a_number_that_is_not_finite_stops_the_run_on_its_step(
    fields: dict[str, Any], at: tuple[int, int], layer: str, engine: str
) -> None:
    store = MemoryStore()
    model = "flatten, linear 32, act, linear 32, act, linear classes"
    recipe = tiny(model=model, engine=engine, **{"save_every": 1, **fields})
    record = run(recipe, store)
    assert record.end
    assert record.end.reason == "diverged"
    assert at[0] <= record.end.step <= at[1]
    assert f"step {record.end.step + 1}:" in record.end.detail  # the one that was not made
    assert layer in record.end.detail
    assert "at learning rate 1e+" in record.end.detail
    for file in [*generations(store, record.name), "best.safetensors"]:
        for tensor in unpack(store.get(record.name, file) or pack_of_nothing(), file)[0].values():
            assert np.isfinite(tensor).all(), file
    again = Look()
    assert run(recipe, store, watch=again).end == record.end
    assert not again.events


@pytest.mark.row("N2")
@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_gradient_that_is_not_finite_stops_the_run_though_the_loss_is(engine: str) -> None:
    store = MemoryStore()
    record = run(tiny(engine=engine, l1=1e39), store)
    assert record.end
    assert record.end.step == 0
    assert record.end.detail.startswith("step 1: the gradient of linear2.weight is not finite, at learning rate 0.001;")
    assert generations(store, record.name) == []


@pytest.mark.row("N1")
@pytest.mark.parametrize("change", ["", "touched", "gone"])
def test_the_images_of_the_step_are_named(change: str, tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets", each=6)
    rows = rng(0, "shuffle", 1).permutation(load(str(root)).split(0, 0).train)  # of the second epoch

    def spoil(event: Event) -> None:
        if event.step == 2 and change == "touched":
            save_picture(root / "train" / "cat" / "0.png", seed=99)
        elif event.step == 2 and change:
            shutil.rmtree(root, ignore_errors=True)

    fields = {"data": str(root), "valid": 0, "batch": 6, "optimizer": "sgd", "score_test": False}
    record = run(tiny(lr=1.0, schedule="step 1 1e30", **fields), MemoryStore(), watch=Look(spoil))
    assert record.end
    assert record.end.step == 3
    names = [f"train/{'cat' if row < 6 else 'dog'}/{row % 6}.png" for row in rows]
    named = [f"train {row}" for row in rows] if change else names
    assert record.end.detail.endswith(f"; its batch: {', '.join(named[6:9])} and 3 more")


@pytest.mark.row("N4")
@pytest.mark.parametrize("stopped", [0, 1])
def test_a_finite_loss_that_grows_is_told_once_and_found_by_the_doctor(stopped: int) -> None:
    """Also where the run was stopped after that."""
    store, look = MemoryStore(), Look()
    recipe = tiny(lr=30.0, optimizer="rmsprop", epochs=4)
    run(recipe, store, watch=look, until=stopped)
    record = run(recipe, store, watch=look)
    assert record.end
    assert record.end.reason == "finished"
    (said,) = [said for said in look.said if "grown" in said]
    assert re.search(r": the training loss has grown to \d\S+ by step 4; a lower rate than 30 may help$", said)
    assert "lr-too-high" in {found.fault for found in diagnose(record).findings}


@pytest.mark.row("N4")
@pytest.mark.parametrize("fields", [{"lr": 0.5}, {"lr": 1.0, "schedule": "sweep 1e-3"}])
def test_a_loss_that_falls_or_is_meant_to_grow_is_not_told(fields: dict[str, Any]) -> None:
    look = Look()
    run(tiny(optimizer="momentum", **fields), MemoryStore(), watch=look)
    assert not look.said


def pack_of_nothing() -> bytes:
    """A file without tensors, where a run ended before it had one."""
    from fairtrial.spec.tensorfile import pack

    return pack({}, {})


def test_weights_that_an_update_makes_infinite_are_never_written() -> None:
    store = MemoryStore()
    record = run(tiny(model="flatten, linear classes", lr=1e39, optimizer="sgd", save_every=1, valid=0), store)
    assert record.end
    assert record.end.reason == "diverged"
    assert "the update of" in record.end.detail
    assert generations(store, record.name) == []
    assert "best.safetensors" not in store.files(record.name)


def test_the_command_ends_with_code_5_and_says_where(tmp_path: Path) -> None:
    done = fairtrial("run", "mlp", "norm=none", "engine=numpy", "lr=1e30", "optimizer=sgd", "--json", cwd=tmp_path)
    assert done.returncode == 5
    plain = json.loads(done.stdout)
    assert plain["ended"] == "diverged"
    assert "at learning rate 1e+30" in plain["findings"][0]["evidence"]


def test_the_progress_of_a_record_is_the_fold_of_its_events() -> None:
    recipe = tiny(epochs=3)
    record = run(recipe, MemoryStore())
    progress = progress_of(recipe, record.events)
    assert progress.epoch == 3
    assert list(progress.losses) == record.curve("valid/loss")[1]


def test_clipping_and_penalties_reach_the_weights() -> None:
    plain = run(tiny(), MemoryStore()).weights()
    for fields in ({"clip": 1e-3, "optimizer": "sgd"}, {"l1": 0.1}, {"l2": 0.1}, {"weight_decay": 0.1}):
        other = run(tiny(**fields), MemoryStore()).weights()
        assert not np.array_equal(plain["linear1.weight"], other["linear1.weight"])
    clipped = run(tiny(clip=1e-6, optimizer="sgd", lr=1.0), MemoryStore()).weights()
    recipe = tiny()
    arch = build(recipe, (1, 8, 8), 10)
    began = start(arch, (1, 8, 8), recipe.init, 0)
    moved = np.sqrt(sum(float(((clipped[name] - began[name]) ** 2).sum()) for name in began))
    assert moved <= 10 * 1e-6 * 1.5  # ten steps of that length, and rounding


def test_the_rule_and_the_criterion_are_those_of_the_recipe() -> None:
    recipe = tiny(optimizer="momentum", momentum=0.5)
    assert "momentum=0.5" in repr(make_rule(recipe)).replace(" ", "")


@pytest.mark.row("R9")
def test_stopping_keeps_the_sums_of_the_epoch_under_way() -> None:
    whole = run(tiny(epochs=1), MemoryStore())
    store = MemoryStore()
    run(tiny(epochs=1), store, watch=stop_at(3))
    resumed = run(tiny(epochs=1), store)
    assert [e.scores for e in whole.events if isinstance(e, Fitted)] == [
        e.scores for e in resumed.events if isinstance(e, Fitted)
    ]
