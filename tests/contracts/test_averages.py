"""Every average on both kinds of arrays, against its formula; and that the slow weights are scored and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from conftest import tiny
from fairtrial.parts.averages import AVERAGES, make_average
from fairtrial.parts.datasets import load
from fairtrial.runner import run
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import UsageError
from fairtrial.spec.tensorfile import unpack
from fairtrial.store import MemoryStore, Record

STEPS = 12
DRIFT = np.random.default_rng(0).normal(size=(STEPS, 7))
TEXTS = [*AVERAGES, "ema 0.5", "ema 0", "lookahead 3 0.2", "lookahead 1 1"]


def followed(text: str, kind: Any) -> np.ndarray:
    """s and w after each step, where each step adds to w, as arrays of that kind: (steps, 2, numbers)."""
    average, s, w, seen = make_average(text), kind(np.zeros(7)), kind(np.zeros(7)), []
    for t, change in enumerate(DRIFT, 1):
        w += kind(change)
        if average:
            average(s, w, t)
        seen.append([s.tolist(), w.tolist()])
    return np.array(seen)


@pytest.mark.parametrize("text", TEXTS)
def test_both_engines_follow_alike(text: str) -> None:
    assert_allclose(followed(text, np.array), followed(text, torch.tensor), rtol=1e-13)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_ema_is_a_mean_whose_weights_fall_by_the_decay(decay: float) -> None:
    ws = torch.tensor(DRIFT).cumsum(0)
    for t, (s, w) in enumerate(followed(f"ema {decay}", np.array), 1):
        weights = decay ** torch.arange(t - 1, -1, -1, dtype=torch.float64)
        assert_allclose(s, (weights @ ws[:t] / weights.sum()).numpy(), rtol=1e-12, atol=1e-14)
        assert_allclose(w, ws[t - 1].numpy(), rtol=1e-12)


def test_lookahead_is_that_of_its_paper() -> None:
    """Algorithm 1 of Zhang et al. 2019: k fast steps from the slow weights, then these go a share of the way."""
    k, alpha = 3, 0.2
    seen, slow = followed(f"lookahead {k} {alpha}", np.array), np.zeros(7)
    for outer in range(STEPS // k):
        fast = slow.copy()
        for inner in range(k):
            fast += DRIFT[outer * k + inner]
            if inner < k - 1:
                assert_allclose(seen[outer * k + inner], [slow, fast], rtol=1e-12)
        slow += alpha * (fast - slow)
        assert_allclose(seen[outer * k + k - 1], [slow, slow], rtol=1e-12)


def by_epoch(store: MemoryStore, record: Record) -> list[Tensors]:
    files = [f"epoch-{e.epoch}.safetensors" for e in record.epochs]
    return [unpack(store.get(record.name, file) or b"", file)[0] for file in files]


STEP_AN_EPOCH = {
    "model": "conv 3, norm, act, flatten, linear classes", "batch": 2000, "epochs": 5, "keep": "all",
    "precision": "float64", "optimizer": "momentum", "lr": 0.05,
}  # fmt: skip
ENGINES = pytest.mark.parametrize("engine", ["numpy", "torch"])


@ENGINES
def test_a_run_keeps_and_scores_its_slow_weights(engine: str) -> None:
    plain, averaged = MemoryStore(), MemoryStore()
    fast = by_epoch(plain, run(tiny(**STEP_AN_EPOCH, engine=engine), plain))
    record = run(tiny(**STEP_AN_EPOCH, engine=engine, average="ema 0.7"), averaged)
    for t, kept in enumerate(by_epoch(averaged, record), 1):
        for name, values in kept.items():
            mean = np.average([w[name] for w in fast[:t]], axis=0, weights=0.7 ** np.arange(t)[::-1])
            assert_allclose(values, mean, rtol=1e-9, atol=1e-12, err_msg=name)
    data = load("digits")
    split = data.split(0, 0.2)
    assert record.end
    scores = record.epochs[record.end.best_epoch - 1].scores | record.end.scores
    for part, rows in (("valid", split.valid), ("test", split.test)):
        right = record.outputs(data.images[rows]).argmax(1) == data.labels[rows]
        assert scores[f"{part}/accuracy"] == pytest.approx(right.mean())


@ENGINES
def test_scores_between_epochs_are_of_the_slow_weights_too(engine: str) -> None:
    """Which have not moved before the fifth step."""
    record = run(tiny(engine=engine, epochs=1, score_every=1, average="lookahead 5"), MemoryStore())
    *losses, last = record.curve("valid/loss")[1]
    assert len(losses) == 4
    assert len(set(losses)) == 1
    assert last != losses[0]


@ENGINES
def test_lookahead_leads_the_net_back(engine: str) -> None:
    plain, ahead = MemoryStore(), MemoryStore()
    fast = by_epoch(plain, run(tiny(**STEP_AN_EPOCH, engine=engine), plain))
    slow = by_epoch(ahead, run(tiny(**STEP_AN_EPOCH, engine=engine, average="lookahead 2 0.25"), ahead))
    name = "linear1.weight"
    assert_allclose(slow[1][name], slow[0][name] + 0.25 * (fast[1][name] - slow[0][name]), rtol=1e-9, atol=1e-12)
    assert np.array_equal(slow[2][name], slow[1][name])
    assert not np.array_equal(slow[3][name], slow[2][name])


@pytest.mark.parametrize("text", ["emma", "ema 1", "ema -0.1", "lookahead 0", "lookahead 1.5", "lookahead 5 0", ""])
def test_what_cannot_be_meant_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        make_average(text)
