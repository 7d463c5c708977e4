"""Wrong targets: how many, where, the same for every arm, and what the rest of a run sees of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from conftest import tiny
from fairtrial.parts.datasets import Dataset, load
from fairtrial.parts.losses import make_criterion
from fairtrial.parts.metrics import MEASURES, lower_is_better
from fairtrial.runner import make_plan, run
from fairtrial.spec.errors import UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import MemoryStore
from fairtrial.train.stream import with_outliers

NUMBERS: dict[str, Any] = {"targets": "number", "loss": "mse"}


def small(classes: int, images: int) -> Dataset:
    """Labels alone: the images do not matter here."""
    labels = np.arange(images, dtype=np.int64) % classes
    blank = np.zeros((images, 1, 1, 1), np.uint8)
    return Dataset("small", blank, labels, tuple(map(str, range(classes))), images - images // 4, "")


@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 0.99),
    st.integers(2, 12),
    st.integers(24, 300),
    st.sampled_from([{}, NUMBERS]),
)
@settings(database=None, derandomize=True, deadline=None)
def test_the_share_of_the_training_part_is_wrong_and_nothing_else(
    seed: int, share: float, classes: int, images: int, fields: dict[str, Any]
) -> None:
    data, recipe = small(classes, images), Recipe(seed=seed, outliers=share, **fields)
    split = data.split(seed, 0.2)
    labels = with_outliers(data, split, recipe)
    changed = np.flatnonzero(labels != data.labels)
    assert len(changed) == round(share * len(split.train))
    assert set(changed) <= set(split.train)
    assert np.array_equal(labels, with_outliers(data, split, recipe))
    smaller = with_outliers(data, split, recipe.but(outliers=share / 2))
    kept = smaller != data.labels
    assert np.array_equal(smaller[kept], labels[kept])
    targets = make_criterion(recipe, classes).table[labels[changed]]
    if fields:
        assert np.abs(targets).max(initial=0) <= 10 * (classes - 1)
    else:
        assert (targets.sum(1) == 1).all()  # of another class


def test_wild_numbers_lie_evenly_on_both_sides() -> None:
    data = load("digits")
    recipe = Recipe(outliers=0.99, **NUMBERS)
    split = data.split(0, 0.0)
    targets = make_criterion(recipe, 10).table[with_outliers(data, split, recipe)[split.train], 0]
    wild = targets[with_outliers(data, split, recipe)[split.train] >= 10]
    assert set(wild) == set(range(-90, 91, 10))
    # Of 19 values evenly drawn the standard deviation is 10 sqrt((19^2 - 1) / 12); five standard errors of the mean.
    assert abs(wild.mean()) < 5 * 10 * np.sqrt((19**2 - 1) / 12 / len(wild))


def test_arms_of_one_seed_share_their_outliers_and_other_seeds_have_others() -> None:
    data = load("digits")
    split = data.split(0, 0.2)
    mae, mse = (
        with_outliers(data, split, Recipe(targets="number", loss=loss, outliers=0.1)) for loss in ("mae", "mse")
    )
    assert np.array_equal(mae, mse)
    other = with_outliers(data, split, Recipe(**NUMBERS, outliers=0.1, seed=1))
    assert not np.array_equal(other != data.labels, mse != data.labels)


def test_a_wild_number_is_no_class() -> None:
    clean, wild = (make_criterion(Recipe(**NUMBERS, outliers=share), 10) for share in (0.0, 0.1))
    assert np.array_equal(wild.table[:10], clean.table)
    far = np.array([[-90.0], [90.0], [3.4]])
    assert wild.predict(np, far).tolist() == clean.predict(np, far).tolist() == [0, 9, 3]
    with pytest.raises(UsageError, match="outliers"):
        make_criterion(Recipe(outliers=0.1), 1)


@pytest.mark.parametrize("fields", [{}, NUMBERS], ids=["classes", "numbers"])
def test_both_engines_train_on_the_same_outliers(fields: dict[str, Any]) -> None:
    same = tiny(**fields, outliers=0.2, precision="float64")
    numpy, torch = (run(same.but(engine=engine), MemoryStore()) for engine in ("numpy", "torch"))
    for key in ("running/loss", "train/loss", "valid/loss"):
        assert_allclose(numpy.curve(key)[1], torch.curve(key)[1], rtol=1e-10)
    assert numpy.curve("train/loss") != run(same.but(outliers=0.0), MemoryStore()).curve("train/loss")


def test_scores_on_the_training_part_see_outliers_and_those_on_the_others_do_not() -> None:
    still = {"optimizer": "sgd", "lr": 1e-30, "epochs": 1, **NUMBERS}  # the net stays as it began
    clean, wild = (run(tiny(outliers=share, **still), MemoryStore()).scores for share in (0.0, 0.5))
    assert wild["valid/loss"] == clean["valid/loss"]
    assert wild["test/loss"] == clean["test/loss"]
    # Half of the targets have the variance of 19 values ten apart, 3000; the digits' mean square is about 28.
    assert 1200 < wild["train/loss"] < 1800
    assert clean["train/loss"] < 40


def test_the_absolute_error_is_the_test_loss_of_mae() -> None:
    record = run(tiny(targets="number", loss="mae", precision="float64", outliers=0.1), MemoryStore())
    assert MEASURES["absolute-error"](record) == pytest.approx(record.scores["test/loss"], rel=1e-12)


def test_the_absolute_error_of_a_net_that_classifies_is_that_of_its_class() -> None:
    record = run(tiny(), MemoryStore())
    data = load("digits")
    test = data.split(0, 0.2).test
    said = np.argmax(record.predict(data.images[test]), 1)
    assert MEASURES["absolute-error"](record) == np.abs(said - data.labels[test]).mean()


def test_it_is_known_which_way_a_metric_is_better() -> None:
    lower = {name for name in MEASURES if lower_is_better(f"measure/{name}")}
    assert lower == {"gap", "absolute-error"}
    assert lower_is_better("valid/loss")
    assert not lower_is_better("test/accuracy")
    assert not lower_is_better("gap")  # a measure is told by its prefix


def test_a_recipe_without_outliers_is_the_recipe_of_before() -> None:
    assert "outliers" not in Recipe().canonical()
    assert Recipe(outliers=0.1).id("data") != Recipe().id("data")
    assert make_plan(Recipe()).criterion.table.shape == (10, 10)
