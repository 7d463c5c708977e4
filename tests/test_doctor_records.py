"""Runs of ours with a fault are told so, with the words that mend them; healthy ones fail nothing."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

import fairtrial as ft
from conftest import tiny
from fairtrial.report.contract import record_json
from fairtrial.runner import make_plan, run
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.recipe import from_words
from fairtrial.store import MemoryStore

NET = "flatten, linear 32, act, linear classes"
KEYS = {"fault", "level", "where", "evidence", "why", "fix", "confidence"}


@pytest.mark.parametrize(
    ("fault", "fields", "words"),
    [
        ("softmax-before-cross-entropy", {"model": f"{NET}, softmax"}, 'model="flatten, linear 32, relu, linear 10"'),
        ("softmax-before-cross-entropy", {"model": f"{NET}, softmax", "loss": "nll"}, "linear 10"),
        ("sigmoid-before-cross-entropy", {"model": f"{NET}, sigmoid"}, "linear 10"),
        ("sigmoid-before-bce-with-logits", {"model": f"{NET}, sigmoid", "loss": "bce"}, "linear 10"),
        ("activation-on-logits", {"model": f"{NET}, tanh"}, "linear 10"),
        ("no-nonlinearity", {"model": "flatten, linear 32, linear classes"}, "linear 32, relu, linear 10"),
        ("constant-init", {"model": NET, "init": "constant 0.1"}, "init=kaiming-normal"),
        ("schedule-too-fast", {"model": NET, "schedule": "step 1 0.01", "epochs": 20}, "schedule=cosine"),
    ],
)
def test_a_fault_is_proved_and_its_recipe_mended(fault: str, fields: dict[str, Any], words: str) -> None:
    record = run(tiny(**{"epochs": 3, "lr": 0.01, **fields}), MemoryStore())
    found = next(found for found in ft.diagnose(record).findings if found.fault == fault)
    assert found.level == "fail"
    assert words in found.fix
    assert record_json(record)["findings"][0].keys() == KEYS


def test_a_run_that_was_stopped_is_not_told_to_train_longer() -> None:
    recipe, store = tiny(model="linear", lr=0.001, epochs=10), MemoryStore()
    faults = {
        until: {found.fault for found in ft.diagnose(run(recipe, store, until=until)).findings} for until in (9, 0)
    }
    assert "under-trained" in faults[0]
    assert "under-trained" not in faults[9]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"images": 50, "batch": 64, "valid": 0.0}, "In this recipe: batch=6"),
        ({"images": 50, "batch": 50, "valid": 0.0}, "In this recipe: batch=6"),
        ({"images": 2, "batch": 2, "valid": 0.0}, ""),
        ({"batch": 2000}, "In this recipe: batch=64"),
    ],
)
def test_a_smaller_batch_is_one_that_the_images_fill_several_times(fields: dict[str, Any], words: str) -> None:
    findings = ft.diagnose(run(tiny(epochs=2, **fields), MemoryStore())).findings
    (fix,) = (found.fix for found in findings if found.fault == "unsuitable-batch-size")
    assert fix.partition("In this")[1:] == words.partition("In this")[1:]


DEEP = f"flatten, {'linear 32, sigmoid, ' * 8}linear classes"
SOFT = "flatten, linear 32, softmax, linear 32, softmax, linear classes"


@pytest.mark.parametrize(
    ("fault", "fields", "words"),
    [
        ("lr-too-high", {"lr": 10.0, "optimizer": "sgd"}, "lr=1"),
        ("lr-too-high", {"lr": 10.0}, "lr=1"),
        ("lr-too-high", {"lr": 100.0, "optimizer": "rmsprop"}, "lr=10"),
        ("non-finite", {"lr": 1e6, "optimizer": "momentum"}, "lr=100000, or clip=1"),
        ("lr-too-low", {"lr": 1e-7}, "lr=1e-06"),
        ("constant-init", {"init": "zeros"}, "init=kaiming-normal"),
        ("init-too-large", {"init": "normal 3"}, "init=kaiming-normal"),
        ("init-too-small", {"init": "normal 1e-6"}, "init=kaiming-normal"),
        ("under-trained", {"epochs": 1}, "epochs=2"),
        ("under-trained", {"model": "linear", "lr": 0.001}, "epochs=20"),
        ("over-regularised", {"weight_decay": 10.0}, "weight_decay=0.0001"),
        ("over-regularised", {"l1": 0.1}, "l1=0 l2=0"),
        ("dropout-too-strong", {"model": "flatten, linear 64, act, dropout, linear classes", "dropout": 0.95}, "=0.3"),
        ("dropout-too-strong", {"model": "flatten, linear 64, act, dropout 0.95, linear classes"}, "relu, dropout 0.3"),
        ("batchnorm-batch-of-one", {"model": "conv 4, norm, act, flatten, linear classes", "batch": 383}, "batch=384"),
        ("mse-for-classification", {"loss": "mae", "targets": "one-hot"}, "loss=cross-entropy targets=index"),
        ("schedule-too-fast", {"schedule": "exponential 0.05", "epochs": 20}, "schedule=cosine"),
        ("extreme-optimizer-settings", {"optimizer": "momentum", "momentum": 0.999, "lr": 0.01}, "momentum=0.9"),
        ("vanishing-gradient", {"model": DEEP}, "linear 32, relu, linear 32, relu"),
        ("saturating-hidden-activation", {"model": SOFT}, "linear 32, relu, linear 32, relu"),
        ("clipping-too-tight", {"clip": 1e-4, "optimizer": "sgd", "lr": 0.1}, "clip=1"),
        ("input-scale", {"input": "mean-std 0 0.004"}, "input=unit"),
        ("dropout-on-logits", {"model": "flatten, linear 64, act, linear classes, dropout 0.5"}, "dropout 0.5, linear"),
    ],
)  # fmt: skip
def test_the_right_fault_of_a_bad_recipe_comes_first(fault: str, fields: dict[str, Any], words: str) -> None:
    net = "flatten, linear 32, act, linear 32, act, linear classes"
    record = run(tiny(**{"model": net, "batch": 64, "epochs": 10, **fields}), MemoryStore())
    first = ft.diagnose(record).findings[0]
    assert first.fault == fault
    assert f"In this recipe: {words}" in first.fix or words in first.fix.partition("In this recipe: ")[2]


def test_every_recipe_that_is_mended_is_one() -> None:
    """The words at the end of a fix can be given on the command line."""
    for fields in ({"model": DEEP}, {"model": SOFT}, {"lr": 10.0}, {"model": f"{NET}, softmax"}, {"l1": 0.1}):
        record = run(tiny(**{"batch": 64, "epochs": 10, **fields}), MemoryStore())
        words = shlex.split(ft.diagnose(record).findings[0].fix.partition("In this recipe: ")[2])
        mended = from_words(record.recipe, dict(word.split("=", 1) for word in words))
        assert mended != record.recipe
        make_plan(mended)


def test_a_short_run_is_told_only_that_it_is_short() -> None:
    (found,) = ft.diagnose(run(tiny(model=NET, epochs=1, batch=64), MemoryStore())).findings
    assert (found.fault, found.level) == ("under-trained", "info")


@pytest.mark.parametrize("fields", [{"optimizer": "sgd", "lr": 30.0}, {"optimizer": "adam", "lr": 1e-5, "epochs": 6}])
def test_a_short_run_at_a_wrong_rate_is_not_told_to_go_on(fields: dict[str, Any]) -> None:
    (found,) = ft.diagnose(run(tiny(**{"model": NET, "epochs": 1, "batch": 64, **fields}), MemoryStore())).findings
    assert found.fault == ("lr-too-high" if fields["lr"] > 1 else "lr-too-low")


def test_the_mended_model_can_be_read() -> None:
    record = run(tiny(model=f"{NET}, softmax"), MemoryStore())
    fix = ft.diagnose(record).findings[0].fix
    assert read_arch(fix.partition('model="')[2].rstrip('"'))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "momentum", "rmsprop"])
@pytest.mark.parametrize("model", ["mlp", "small-mlp", "linear", NET])
def test_healthy_runs_fail_nothing(model: str, optimizer: str) -> None:
    lr = 0.1 if optimizer == "sgd" else 0.005
    record = run(tiny(model=model, optimizer=optimizer, lr=lr, epochs=8, batch=64), MemoryStore())
    assert [found.fault for found in ft.diagnose(record).findings if found.level == "fail"] == []
