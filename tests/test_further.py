"""A run goes on by its name, goes on for more epochs, or has a child; what cannot be is said and changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Look, bits, stop_at, tiny
from fairtrial.further import first_other_rate, fork, go_on
from fairtrial.parts.datasets import load
from fairtrial.parts.models import MODELS, Model
from fairtrial.parts.schedules import SCHEDULES
from fairtrial.reproduce import reproduce
from fairtrial.runner import as_json, run
from fairtrial.spec.errors import DamagedFile, DataError, NewerVersion, ShapeError, UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.store import BEST, MADE, RECIPE, MemoryStore, Record, Store, generations
from fairtrial.verdicts import readable


def contents(store: Store, name: str) -> dict[str, bytes | None]:
    """Every byte of a run."""
    return {file: store.get(name, file) for file in store.files(name)}


def longer(record: Record, recipe: Recipe) -> tuple[Record, list[str]]:
    """The record of `fairtrial run RUN epochs=...`, and how many steps it began with."""
    look = Look()
    go_on(record, recipe, look)
    return run(recipe, record.store, watch=look), look.begun


def but_for_its_origin(store: Store, name: str) -> dict[str, bytes]:
    """All bits of a run but for where its first steps come from."""
    files = bits(store, name)
    made: dict[str, Any] = json.loads(files[MADE])
    made.pop("extends", None)
    return {**files, MADE: as_json(made)}


# Other words than the run's


@pytest.mark.row("R1")
def test_what_differs_is_listed_with_both_ways_on_and_nothing_is_done() -> None:
    store = MemoryStore()
    record = run(tiny(), store, watch=stop_at(7))
    before = contents(store, record.name)
    with pytest.raises(UsageError) as refused:
        go_on(record, record.recipe.but(lr=0.01, momentum=0.5, model="small-mlp"), Look())
    said = str(refused.value)
    assert (
        "model: flatten, linear 8, act, linear classes -> small-mlp; lr: 0.001 -> 0.01; momentum: the part's own"
        in said
    )
    assert "--fork" in said
    assert "fairtrial run small-mlp engine=numpy epochs=2 batch=256 lr=0.01 momentum=0.5 --store memory" in said
    assert contents(store, record.name) == before
    assert store.list() == [record.name]


@pytest.mark.row("R1")
def test_a_child_starts_from_the_best_weights_and_says_whose_they_are() -> None:
    store = MemoryStore()
    parent = run(tiny(lr=0.01), store)
    recipe = fork(parent, parent.recipe.but(lr=1e-30, epochs=1, optimizer="sgd"))
    child = run(recipe, store)
    assert child.name != parent.name
    weights = parent.weights()
    assert all(np.array_equal(w, weights[name]) for name, w in child.weights().items())  # at that rate it stays there
    assert child.made["parent"]["run"] == parent.name
    assert child.made["parent"]["weights"].startswith(recipe.parent.partition(":")[2])
    assert child.made["parent"]["cross_engine"] is False
    assert reproduce(child).identical
    again = fork(child, child.recipe)
    assert run(again, store).made["parent"]["run"] == child.name


@pytest.mark.row("R1")
def test_a_child_is_stopped_and_goes_on_to_the_same_bits() -> None:
    alone, store = MemoryStore(), MemoryStore()
    recipes = [fork(run(tiny(), each), tiny(average="ema 0.9", lr=0.01)) for each in (alone, store)]
    assert recipes[0] == recipes[1]
    name = run(recipes[0], alone).name
    run(recipes[0], store, watch=stop_at(7))
    run(recipes[0], store)
    assert bits(store, name) == bits(alone, name)


@pytest.mark.row("R1")
def test_other_shapes_and_weights_that_are_gone_are_refused() -> None:
    store = MemoryStore()
    parent = run(tiny(), store)
    with pytest.raises(ShapeError, match=r"linear1\.bias: the net has \(9,\), the weights \(8,\)"):
        fork(parent, tiny(model="flatten, linear 9, act, linear classes"))
    child = fork(parent, tiny(lr=0.1))
    with pytest.raises(DataError, match="bring its folder back"):
        run(child, MemoryStore())
    run(tiny(seed=1), store)
    store.put(parent.name, BEST, store.get(store.list()[-1], BEST) or b"")
    with pytest.raises(DataError, match="other weights now"):
        run(child, store)
    assert len(store.list()) == 2


@pytest.mark.row("R12")
@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_the_other_engine_starts_from_the_weights_and_says_so(engine: str) -> None:
    store, images = MemoryStore(), load("digits").images[:50]
    model = "conv 3, norm, act, pool, flatten, linear 8, act, linear classes"
    parent = run(tiny(model=model, engine=engine, precision="float64", epochs=1), store)
    other = "torch" if engine == "numpy" else "numpy"
    recipe = fork(parent, parent.recipe.but(engine=other, lr=1e-30, optimizer="sgd", batch=10_000))
    record = run(recipe, store)
    assert record.made["parent"] == {**record.made["parent"], "run": parent.name, "cross_engine": True}
    learnt = {k: w for k, w in parent.weights().items() if "running" not in k}
    assert all(np.array_equal(record.weights()[name], w) for name, w in learnt.items())
    crossed = replace(parent, recipe=parent.recipe.but(engine=other))  # the same weights, built by the other engine
    np.testing.assert_allclose(crossed.outputs(images), parent.outputs(images), rtol=1e-12, atol=1e-12)


# More epochs

EXTENDING: dict[str, dict[str, Any]] = {
    "constant": {"keep": "all", "optimizer": "muon", "lr": 0.02, "augment": "alternating-flip, cutout 2"},
    "warm-up, step": {"schedule": "warmup 4, step 1 0.5", "average": "ema 0.9", "save_every": 2, "score_every": 3},
    "exponential": {"schedule": "exponential 0.8", "average": "lookahead 3", "clip": 0.5, "test_every": 1},
    "plateau, patience": {
        "schedule": "plateau 0.1 0", "lr": 0.5, "optimizer": "momentum", "patience": 2, "min_delta": 5.0,
        "model": "flatten, linear 8, norm, act, dropout, linear classes",
    },
}  # fmt: skip


@pytest.mark.parametrize("stopped", [0, 7])
@pytest.mark.parametrize("kind", EXTENDING)
@pytest.mark.row("R2")
def test_a_longer_run_begins_with_the_shorter_ones_steps_and_ends_in_the_same_bits(kind: str, stopped: int) -> None:
    alone, store = MemoryStore(), MemoryStore()
    recipe = tiny(**EXTENDING[kind], engine="torch" if kind == "exponential" else "numpy")
    short = run(recipe, store, watch=stop_at(stopped) if stopped else Look())
    before = contents(store, short.name)
    step = stopped or 10
    made, began = longer(short, recipe.but(epochs=5))
    assert began == [f"{step}/25"]
    assert made.made["extends"] == {"run": short.name, "step": step}
    name = run(recipe.but(epochs=5), alone).name
    assert made.name == name
    assert but_for_its_origin(store, name) == bits(alone, name)
    assert contents(store, short.name) == before
    assert longer(short, recipe.but(epochs=5))[1] == []  # and is then there


@pytest.mark.row("R2")
def test_what_ended_early_ends_there_again_and_a_longer_run_has_one_of_its_own() -> None:
    alone, store = MemoryStore(), MemoryStore()
    recipe = tiny(**EXTENDING["plateau, patience"], epochs=4)
    short = run(recipe, store)
    assert short.end
    assert short.end.reason == "early-stopped"
    made, began = longer(short, recipe.but(epochs=8))
    assert began == [f"{short.end.step}/40"]
    assert but_for_its_origin(store, made.name) == bits(alone, run(recipe.but(epochs=8), alone).name)
    further, began = longer(made, recipe.but(epochs=9))
    assert further.made["extends"]["run"] == made.name


@pytest.mark.row("R2")
@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "warmup 3, cosine 0.1", "sweep"])
def test_a_schedule_over_all_epochs_is_not_extended(schedule: str) -> None:
    store = MemoryStore()
    record = run(tiny(schedule=schedule), store)
    with pytest.raises(UsageError, match=r"epochs: 2 -> 3: schedule=.* depends on them, so step \d had another rate"):
        go_on(record, record.recipe.but(epochs=3), Look())
    with pytest.raises(UsageError, match=r"epochs: 2 -> 1\n"):
        go_on(record, record.recipe.but(epochs=1), Look())
    assert store.list() == [record.name]


@pytest.mark.row("R2")
def test_each_schedule_is_known_to_hang_on_the_number_of_epochs_or_not() -> None:
    record = run(tiny(), MemoryStore())
    hanging = {
        name
        for name in SCHEDULES
        if first_other_rate(replace(record, recipe=tiny(schedule=name)), tiny(schedule=name, epochs=9))
    }
    assert hanging == {"cosine", "one-cycle", "sweep"}


# Data, layers and versions that are others now


@pytest.mark.row("R3")
def test_data_that_were_changed_are_refused_with_both_fingerprints(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / "data" / f"class-{number % 2}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.full((8, 8), 10 * number, np.uint8)).save(path)
    store, recipe = MemoryStore(), tiny(data=str(tmp_path / "data"), batch=8)
    ended = run(recipe.but(epochs=1), store)
    record = run(recipe, store, watch=stop_at(2))
    before = contents(store, record.name)
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(tmp_path / "data" / "class-1" / "19.png")
    both = f"fingerprint {record.made['data']['fingerprint'][:12]} then, {load(recipe.data).fingerprint[:12]} now"
    with pytest.raises(DataError, match=f"as many images and classes, of other pixels.*{both}") as refused:
        go_on(record, recipe, Look())
    assert refused.value.exit_code == 3
    shutil.copytree(tmp_path / "data" / "class-1", tmp_path / "data" / "class-2")
    changed = "2 classes then, 3 now, 16 training images then, 24 now, 4 test images then, 6 now"
    with pytest.raises(DataError, match=changed):
        fork(record, recipe.but(lr=0.5))
    with pytest.raises(DataError, match=changed):
        reproduce(ended)
    assert contents(store, record.name) == before
    assert store.list() == [ended.name, record.name]


def with_json(store: Store, name: str, file: str, **told: Any) -> None:
    """Change what a file says."""
    store.put(name, file, json.dumps({**json.loads(store.get(name, file) or b""), **told}).encode())


def newer_state(store: Store, name: str) -> None:
    file = generations(store, name)[0]
    tensors, meta = unpack(store.get(name, file) or b"", file)
    store.put(name, file, pack(tensors, {**meta, "schema": 2, "fairtrial": "9.1.0"}))


def newer_made(store: Store, name: str) -> None:
    with_json(store, name, MADE, schema=2, environment={"fairtrial": "9.1.0"})


def newer_recipe(store: Store, name: str) -> None:
    with_json(store, name, MADE, environment={"fairtrial": "9.1.0"})
    with_json(store, name, RECIPE, warp=9)


@pytest.mark.parametrize("change", [newer_state, newer_made, newer_recipe])
@pytest.mark.parametrize("allow_inexact", [False, True])
@pytest.mark.row("R6")
def test_what_a_later_version_wrote_names_it_and_stays_as_it_is(
    change: Callable[[Store, str], None], allow_inexact: bool
) -> None:
    store = MemoryStore()
    name = run(tiny(save_every=2), store, watch=stop_at(7)).name
    change(store, name)
    before, said = contents(store, name), rf"^{name}.*: written by fairtrial 9\.1\.0\nneeds version >= 9\.1\.0"
    with pytest.raises(NewerVersion, match=said) as refused:
        run(tiny(save_every=2), store, allow_inexact=allow_inexact)
    assert refused.value.exit_code == 4
    assert "--from-scratch" not in str(refused.value)
    assert contents(store, name) == before


@pytest.mark.row("R6")
def test_a_run_that_a_later_version_has_just_begun_is_not_begun_anew() -> None:
    store = MemoryStore()
    name = run(tiny(), store, watch=stop_at(7)).name
    newer_made(store, name)
    for file in generations(store, name):
        store.drop(name, file)
    before = contents(store, name)
    with pytest.raises(NewerVersion):
        run(tiny(), store)
    assert contents(store, name) == before
    (left_out,) = readable("an arm", [name], store.read)[1]
    assert left_out.why == f"{name}: written by fairtrial 9.1.0"


@pytest.mark.row("R11")
def test_a_name_that_stands_for_other_layers_now_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store, line = MemoryStore(), "flatten, linear 8, act, linear classes"
    registered: dict[str, Model] = vars(MODELS)["_parts"]
    monkeypatch.setitem(registered, "changing", Model("a net", line, ""))
    name = run(tiny(model="changing"), store, watch=stop_at(7)).name
    before = contents(store, name)
    monkeypatch.setitem(registered, "changing", Model("one of the same shapes", line.replace("act", "tanh"), ""))
    with pytest.raises(DamagedFile, match=r"layers were \w{12} \(.*relu.* stands for \w{12} now \(.*tanh") as refused:
        run(tiny(model="changing"), store, allow_inexact=True)
    assert "--from-scratch" in str(refused.value)
    assert contents(store, name) == before
    monkeypatch.setitem(registered, "changing", Model("a net", line, ""))
    how = json.loads(store.get(name, MADE) or b"")
    del how["layers"]  # as in what was written before layers had a hash
    store.put(name, MADE, as_json(how))
    assert run(tiny(model="changing"), store).end


@pytest.mark.row("R1")
def test_a_child_that_would_be_scored_on_what_its_parent_has_learnt_is_refused() -> None:
    parent = run(tiny(), MemoryStore())
    for changed in ({"seed": 1}, {"valid": 0.5}, {"images": 300}):
        with pytest.raises(UsageError, match=f"keep {next(iter(changed))}="):
            fork(parent, parent.recipe.but(**changed))
