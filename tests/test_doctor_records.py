"""Runs of ours with a fault are told so, with the words that mend them; healthy ones fail nothing."""

from __future__ import annotations

from typing import Any

import pytest

import fairtrial as ft
from conftest import tiny
from fairtrial.report.contract import record_json
from fairtrial.runner import run
from fairtrial.spec.arch_text import read_arch
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
