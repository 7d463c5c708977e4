"""Every initialisation: its spread against theory, and the same bits for the same seed wherever a weight is shared."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from conftest import tiny
from fairtrial.parts.datasets import load
from fairtrial.parts.initialisers import INITIALISERS, Whitening, fans, start
from fairtrial.rng import rng
from fairtrial.runner import begin, make_plan
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import call
from fairtrial.store import MemoryStore

SHAPE = (60, 40, 3, 3)
FAN_IN, FAN_OUT = 40 * 9, 60 * 9
SPREADS: dict[str, tuple[float, float]] = {  # standard deviation and bound, from the papers' formulas
    "zeros": (0, 0),
    "constant": (0, 0.1),
    "constant 0.3": (0, 0.3),
    "uniform": (0.1 / sqrt(3), 0.1),
    "uniform 0.5": (0.5 / sqrt(3), 0.5),
    "normal": (0.01, np.inf),
    "normal 0.2": (0.2, np.inf),
    "xavier-uniform": (sqrt(2 / (FAN_IN + FAN_OUT)), sqrt(6 / (FAN_IN + FAN_OUT))),
    "xavier-normal": (sqrt(2 / (FAN_IN + FAN_OUT)), np.inf),
    "kaiming-uniform": (sqrt(2 / FAN_IN), sqrt(6 / FAN_IN)),
    "kaiming-normal": (sqrt(2 / FAN_IN), np.inf),
    "whitening": (1 / sqrt(3 * FAN_IN), 1 / sqrt(FAN_IN)),  # what is not whitening
    "pytorch": (1 / sqrt(3 * FAN_IN), 1 / sqrt(FAN_IN)),
}
ARCH = read_arch("conv 5, batch-norm, relu, residual(conv 5, batch-norm), flatten, linear 7, linear 3")
IMAGE = (2, 6, 6)


def test_every_initialisation_has_its_theory() -> None:
    assert {text.split()[0] for text in SPREADS} == set(INITIALISERS)


@pytest.mark.parametrize("text", list(SPREADS))
def test_spread_is_that_of_theory(text: str) -> None:
    """21,600 numbers: mean and standard deviation within 5 of their standard errors."""
    std, bound = SPREADS[text]
    weight = call(INITIALISERS, text)(rng(0, "init"), SHAPE)
    middle = bound if text.startswith("constant") else 0.0
    assert weight.shape == SHAPE
    assert weight.mean() == pytest.approx(middle, abs=5 * std / sqrt(weight.size) + 1e-15)
    assert weight.std() == pytest.approx(std, rel=5 / sqrt(2 * weight.size), abs=1e-15)
    assert np.abs(weight).max() <= bound


@pytest.mark.parametrize("text", [text for text in SPREADS if "uniform" in text or text == "pytorch"])
def test_a_uniform_draw_fills_its_whole_range(text: str) -> None:
    """Of 21,600 uniform numbers the largest exceeds 99.9 % of the bound but in one case of two billion."""
    weight = call(INITIALISERS, text)(rng(0, "init"), SHAPE)
    assert np.abs(weight).max() > 0.999 * SPREADS[text][1]


@pytest.mark.parametrize("text", [text for text in SPREADS if "normal" in text])
def test_a_normal_draw_has_normal_tails(text: str) -> None:
    """The share beyond one standard deviation is 0.3173, beyond two 0.0455; 5 standard errors."""
    weight = np.abs(call(INITIALISERS, text)(rng(0, "init"), SHAPE)) / SPREADS[text][0]
    for limit, share in ((1, 0.3173), (2, 0.0455)):
        assert (weight > limit).mean() == pytest.approx(share, abs=5 * sqrt(share * (1 - share) / weight.size))


def test_fans_count_inputs_and_outputs_of_a_unit() -> None:
    assert fans((60, 40, 3, 3)) == (FAN_IN, FAN_OUT)
    assert fans((7, 11)) == (11, 7)


@pytest.mark.parametrize("init", list(INITIALISERS))
def test_the_same_seed_gives_the_same_bits(init: str) -> None:
    one, two = start(ARCH, IMAGE, init, 4), start(ARCH, IMAGE, init, 4)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("init", [init for init in INITIALISERS if init not in ("zeros", "constant")])
def test_another_seed_gives_other_weights(init: str) -> None:
    one, two = start(ARCH, IMAGE, init, 4), start(ARCH, IMAGE, init, 5)
    assert not np.isin(one["conv1.weight"], two["conv1.weight"]).any()


def test_no_two_weights_of_a_net_share_their_numbers() -> None:
    weights = [w.ravel() for w in start(ARCH, IMAGE, "normal", 0).values() if w.ndim > 1]
    everything = np.concatenate(weights)
    assert len(np.unique(everything)) == everything.size


def test_nets_that_share_their_first_layers_share_their_start() -> None:
    long = start(ARCH, IMAGE, "kaiming-normal", 0)
    short = start((*ARCH[:4], *read_arch("tanh, global-pool, linear 9")), IMAGE, "kaiming-normal", 0)
    shared = [name for name in long if name in short and not name.startswith("linear")]
    assert len(shared) >= 4
    assert all(np.array_equal(long[name], short[name]) for name in shared)


def test_an_activation_or_a_norm_in_between_changes_no_weight() -> None:
    plain, normed = (start(read_arch(line), (4,), "normal", 0) for line in PAIR)
    for name, values in plain.items():
        assert np.array_equal(values, normed[name])


PAIR = ("linear 5, relu, linear 3", "linear 5, batch-norm, dropout 0.2, silu, linear 3")


def test_biases_start_at_zero_and_norms_do_nothing() -> None:
    for name, values in start(ARCH, IMAGE, "constant 0.7", 0).items():
        if values.ndim == 1:
            one = name.endswith("running_var") or "batch_norm" in name.removesuffix(".weight") != name
            assert np.array_equal(values, np.full(values.shape, float(one))), name


@pytest.mark.parametrize(
    "text",
    [
        "uniform -1",
        "normal -0.1",
        "normal x",
        "norml",
        "zeros 1",
        "constant 1 2",
        "",
        "whitening 0",
        "whitening 1 2",
        "zeros, whitening",
        "whitening, norml",
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        start(ARCH, IMAGE, text, 0)


PICTURES = np.random.default_rng(0).normal(size=(200, 9, 9, 2)).cumsum(1).cumsum(2) + 3  # neighbours are alike


def patches(k: int) -> np.ndarray:
    """All of PICTURES' patches, row by row, each as a kernel is laid out."""
    rows = [PICTURES[:, i : i + k, j : j + k].transpose(0, 3, 1, 2) for i in range(10 - k) for j in range(10 - k)]
    return np.concatenate(rows).reshape(-1, 2 * k * k)


@pytest.mark.parametrize(("units", "k"), [(16, 2), (18, 3), (36, 3), (40, 3)])
def test_whitening_kernels_make_patches_white(units: int, k: int) -> None:
    arch = read_arch(f"conv {units} {k} valid, relu, conv 5, flatten, linear 3")
    eps = 1e-9
    plain = start(arch, (2, 9, 9), "normal 0.5", 1)
    made = start(arch, (2, 9, 9), f"whitening {eps}, normal 0.5", 1, lambda: PICTURES)
    kernels = made["conv1.weight"].reshape(units, -1)
    pairs = min(units // 2, 2 * k * k)
    assert np.array_equal(kernels[: 2 * pairs : 2], -kernels[1 : 2 * pairs : 2])
    outputs = patches(k) @ kernels[: 2 * pairs : 2].T
    np.testing.assert_allclose(np.cov(outputs.T, bias=True), np.eye(pairs), atol=1e-6)
    lengths = np.linalg.norm(kernels[: 2 * pairs : 2], axis=1)
    assert (np.diff(lengths) > 0).all()  # the directions in which patches differ most come first
    assert np.array_equal(kernels[2 * pairs :], plain["conv1.weight"].reshape(units, -1)[2 * pairs :])
    assert all(np.array_equal(made[name], plain[name]) for name in plain if name != "conv1.weight")


def test_whitening_is_fitted_on_the_training_part_alone() -> None:
    recipe = tiny(model="conv 8 2 valid, act, flatten, linear classes", init="whitening", valid=0.5)
    data = load("digits")
    train = np.zeros(len(data.images), bool)
    train[data.split(0, 0.5).train] = True
    spoilt = replace(data, images=np.where(train[:, None, None, None], data.images, 255 - data.images))
    one, two = (begin(make_plan(recipe), d, MemoryStore(), "run", None, False) for d in (data, spoilt))
    assert np.array_equal(one.state.net.tensors()["conv1.weight"], two.state.net.tensors()["conv1.weight"])


def test_whitening_needs_a_convolution_in_front() -> None:
    with pytest.raises(UsageError, match="begin with a convolution"):
        make_plan(tiny(init="whitening"))
    assert Whitening().eps == 5e-4
