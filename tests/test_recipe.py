"""A recipe is read strictly from words and files; what is wrong is named with its place and what it may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fairtrial.catalogue import read_base, recipes
from fairtrial.runner import make_plan
from fairtrial.spec.errors import DataError, ShapeError, UnknownName, UsageError
from fairtrial.spec.recipe import FIELDS, LATER, Recipe, from_words, make_recipe, read_recipe


def test_a_recipe_is_frozen_and_strict() -> None:
    with pytest.raises(ValidationError):
        Recipe().lr = 1.0  # pyright: ignore[reportAttributeAccessIssue]
    for fields in ({"lr": "0.1"}, {"epochs": 1.5}, {"epochs": True}, {"seed": "1"}, {"score_train": 1}):
        with pytest.raises(UsageError):
            make_recipe(fields)


@pytest.mark.parametrize(
    ("field", "word", "allowed"),
    [
        ("lr", "0", "a number > 0"), ("lr", "-1", "a number > 0"), ("lr", "nan", "a number > 0"),
        ("lr", "inf", "a number > 0"), ("lr", "1e999", "a number > 0"), ("lr", "fast", "a number > 0"),
        ("epochs", "0", "a whole number >= 1"), ("epochs", "1.5", "a whole number >= 1"),
        ("batch", "-3", "a whole number >= 1"), ("seed", "4294967296", "a whole number >= 0 and < 4294967296"),
        ("dropout", "1", "a number >= 0 and < 1"), ("momentum", "1", "a number >= 0 and < 1"),
        ("threads", "0", "a whole number >= 1 and <= 1024"), ("score_train", "maybe", "true or false"),
        ("betas", "0.9", "two numbers"), ("betas", "0.9,1", "two numbers"), ("valid", "-1", "a number >= 0"),
        ("patience", "-1", "a whole number >= 0"), ("epochs", "9" * 400, "a whole number >= 1"),
        ("lr", "[" * 5000, "a number > 0"), ("lr", '{"a": 1}', "a number > 0"), ("lr", "", "a number > 0"),
    ],
)  # fmt: skip
@pytest.mark.row("U1", "X6")
def test_a_value_out_of_range_is_refused_with_the_range(field: str, word: str, allowed: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_words(Recipe(), {field: word})
    assert f"{field} is {allowed}" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("field", "word", "near"),
    [
        ("learning_rate", "1", "lr|training"), ("epoch", "1", "epochs"), ("optimiser", "adam", "optimizer"),
        ("engine", "pytorch", "torch"), ("precision", "float16", "float32"), ("keep", "al", "all"),
        ("monitor", "valid/acc", "valid/accuracy"),
    ],
)  # fmt: skip
@pytest.mark.row("U1", "X7")
def test_an_unknown_name_is_refused_with_the_nearest(field: str, word: str, near: str) -> None:
    with pytest.raises(UsageError, match=near.replace("training", "there are")):
        from_words(Recipe(), {field: word})


@pytest.mark.parametrize(
    ("fields", "near"),
    [
        ({"model": "lenett"}, "lenet"), ({"model": "conv 3, polo, flatten, linear classes"}, "pool"),
        ({"optimizer": "adm"}, "adam"), ({"loss": "cross-entropi"}, "cross-entropy"), ({"schedule": "cosin"}, "cosine"),
        ({"init": "kaiming"}, "kaiming-"), ({"augment": "flop"}, "flip"), ({"input": "unt"}, "unit"),
        ({"activation": "rellu", "model": "flatten, linear 3, act, linear classes"}, "relu"),
        ({"data": "digit"}, "digits"), ({"data": "mnst"}, "mnist"),
    ],
)  # fmt: skip
@pytest.mark.row("U1", "X7")
def test_unknown_parts_are_refused_with_the_nearest_before_any_work(fields: dict[str, Any], near: str) -> None:
    with pytest.raises(UnknownName, match=near):
        make_plan(make_recipe(fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "conv 3 9 valid, flatten, linear classes"}, "conv1"),
        ({"model": "pool, pool, pool, pool, flatten, linear classes"}, "pool4"),
        ({"model": "conv 3, linear classes"}, "linear1"),
        ({"model": "flatten, linear 5"}, r"\(10,\)"),
        ({"model": "residual(conv 3), flatten, linear classes"}, "residual1"),
    ],
)
@pytest.mark.row("U2")
def test_shapes_that_do_not_fit_name_the_layer(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        make_plan(make_recipe(fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"engine": "numpy", "precision": "bf16"}, {"engine": "numpy", "device": "cuda"}, {"valid": 0, "patience": 3},
        {"valid": 0, "schedule": "plateau"}, {"schedule": "step a"}, {"schedule": "step 1 2 3"},
        {"schedule": "cosine, warmup 3"}, {"augment": "crop 0.5"}, {"augment": "flip 2"}, {"loss": "cross-entropy 3"},
        {"targets": "one-hot"}, {"label_smoothing": 0.1, "loss": "mse"}, {"model": ""}, {"model": "residual(" * 2000},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_usage_error(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        make_plan(make_recipe(fields))


def test_words_are_read_as_their_fields_types() -> None:
    words = {"lr": "1e-3", "betas": "0.8,0.99", "score_train": "false", "valid": "100", "model": "123, 4", "clip": ".5"}
    recipe = from_words(Recipe(), words)
    assert (recipe.lr, recipe.betas, recipe.score_train, recipe.valid) == (1e-3, (0.8, 0.99), False, 100)
    assert (recipe.model, recipe.clip) == ("123, 4", 0.5)


def test_a_recipe_comes_back_from_its_json() -> None:
    recipe = Recipe(betas=(0.5, 0.6), valid=10, momentum=0.3)
    assert make_recipe(recipe.model_dump(mode="json")) == recipe
    assert make_recipe(recipe.model_dump(mode="json")).canonical() == recipe.canonical()


def test_the_id_hangs_on_every_field_and_on_the_data_but_not_on_their_path() -> None:
    base = Recipe()
    others = {
        "model": "linear", "engine": "numpy", "device": "cpu", "precision": "float64", "threads": 2, "seed": 1,
        "epochs": 2, "batch": 2, "lr": 0.5, "optimizer": "sgd", "momentum": 0.5, "betas": (0.1, 0.2),
        "weight_decay": 0.1, "l1": 0.1, "l2": 0.1, "clip": 1.0, "schedule": "cosine", "loss": "mse",
        "targets": "index", "label_smoothing": 0.1, "outliers": 0.1, "init": "zeros", "activation": "silu",
        "norm": "none", "dropout": 0.1, "augment": "flip", "input": "standardise", "valid": 0.1, "images": 9,
        "monitor": "valid/accuracy", "patience": 1, "min_delta": 0.1, "score_train": False, "score_test": False,
        "score_every": 1, "test_every": 1, "save_every": 1, "keep": "all", "average": "ema", "test_flip": True,
        "compile": True, "parent": "0123456789ab:0123456789ab", "skip_bad": True,
    }  # fmt: skip
    ids = {base.id("f"), base.id("g")}
    for field, value in others.items():
        ids.add(base.but(**{field: value}).id("f"))
    assert len(ids) == 2 + len(others)
    assert base.but(data="elsewhere").id("f") == base.id("f")
    assert others.keys() | {"data"} == set(FIELDS)
    assert base.but(lr=1).id("f") == base.but(lr=1.0).id("f")


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf8")
    return path


@pytest.mark.row("U1")
def test_errors_in_a_file_name_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", '# a comment\nmodel = "mlp"\n\nlearnign = 0.1\n')
    with pytest.raises(UnknownName, match=rf"{path}:4: unknown field 'learnign'"):
        read_recipe(path)
    path = write(tmp_path / "range.toml", 'model = "mlp"\n"lr" = -1\nepochs = "three"\n')
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert f"{path}:2: lr=-1" in str(caught.value)
    assert f"{path}:3: epochs=three" in str(caught.value)
    path = write(tmp_path / "engine.toml", 'engine = "numpi"\n')
    with pytest.raises(UsageError, match=rf"{path}:1: unknown engine 'numpi'; did you mean numpy"):
        read_recipe(path)


@pytest.mark.parametrize(
    "text", ["lr = ", "lr = 1\nlr = 2", "[" * 3000, "\x00", 'a."b".c = 1', "[table]\nlr = 1", "lr = 1979-05-27", "="]
)
@pytest.mark.row("X6")
def test_what_is_no_recipe_is_a_usage_error_that_names_the_file(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.toml", text)
    with pytest.raises(UsageError, match=r"bad\.toml"):
        read_recipe(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x80lr = 1"])
def test_a_recipe_that_is_no_text_names_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"bad\.toml"):
        read_recipe(path)
    with pytest.raises(UsageError, match=r"nowhere\.toml"):
        read_recipe(tmp_path / "nowhere.toml")


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = 'model = "linear"\nbetas = [0.8, 0.9]\nlr = 1\nvalid = 50\nscore_train = false\n'
    recipe = read_recipe(write(tmp_path / "good.toml", text))
    assert recipe == Recipe(model="linear", betas=(0.8, 0.9), lr=1.0, valid=50, score_train=False)


@pytest.mark.parametrize("name", recipes())
def test_each_shipped_recipe_is_a_recipe_whose_net_fits_its_data(name: str) -> None:
    _, recipe = read_base(name)
    assert make_plan(recipe).arch


@given(st.sampled_from(FIELDS), st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_words_make_a_recipe_or_a_usage_error(field: str, word: str) -> None:
    try:
        recipe = from_words(Recipe(), {field: word})
        make_plan(recipe)
    except (UsageError, DataError):
        pass
    else:
        assert make_recipe(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"epoch": 3}, "did you mean epochs"),
        ({"lr": "x"}, "lr is a number > 0"),
        ({"engine": "tf"}, "numpy, torch"),
        ({"betas": [0.9]}, "two numbers"),
    ],
)
def test_a_recipe_made_in_python_is_refused_in_the_same_words(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Recipe(**fields)


def test_a_recipe_made_in_python_takes_lists_and_paths() -> None:
    assert Recipe(betas=[0.8, 0.9]).betas == (0.8, 0.9)  # type: ignore[arg-type]
    assert Recipe(data=Path("pictures")).data == "pictures"  # type: ignore[arg-type]


def test_fields_in_a_table_are_refused_with_the_place_where_they_belong(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[recipe]\nlr = 0.1\n", "utf8")
    with pytest.raises(UsageError, match="top level"):
        read_recipe(path)


def test_a_later_field_at_its_first_value_leaves_the_ids_of_stored_runs_as_they_were() -> None:
    assert not any(field in Recipe().canonical() for field in LATER)
    assert Recipe(score_test=False).id("data") != Recipe().id("data")
