"""Architectures: read from text and printed back, their shapes and names, and what is refused."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.parts.models import MODELS
from fairtrial.spec import arch as a
from fairtrial.spec.arch_text import read_arch, resolve
from fairtrial.spec.errors import ShapeError, UnknownName, UsageError

settings.register_profile("ours", database=None, derandomize=True, deadline=None)
settings.load_profile("ours")

COUNTS = st.integers(1, 512)
SIMPLE = [kind for kind in a.WORDS if kind not in (a.Conv, a.MaxPool, a.AvgPool, a.Linear, a.Residual)]
LEAVES = st.one_of(
    st.builds(
        a.Conv, COUNTS, st.integers(1, 9), st.integers(1, 4), st.sampled_from(["same", "valid", 0, 1, 5]),
        st.sampled_from(["zeros", "reflect"]), st.booleans(),
    ),
    st.builds(a.MaxPool, st.integers(1, 5), st.integers(0, 5)),
    st.builds(a.AvgPool, st.integers(1, 5), st.integers(0, 5)),
    st.builds(a.Linear, st.one_of(COUNTS, st.just("classes")), st.booleans()),
    st.builds(a.Dropout, st.one_of(st.none(), st.floats(0, 0.999))),
    st.builds(a.LeakyReLU, st.floats(-2, 2)),
    st.sampled_from([kind() for kind in SIMPLE]),
)  # fmt: skip


def arches(layers: st.SearchStrategy[a.Layer], least: int = 1) -> st.SearchStrategy[a.Arch]:
    return st.lists(layers, min_size=least, max_size=4).map(tuple)


LAYERS = st.recursive(LEAVES, lambda inner: st.builds(a.Residual, arches(inner), arches(inner, 0)), max_leaves=12)


@given(arches(LAYERS))
def test_what_is_printed_is_read_back(arch: a.Arch) -> None:
    assert read_arch(a.text(arch)) == arch


@given(arches(LAYERS))
def test_blanks_do_not_matter(arch: a.Arch) -> None:
    loose = re.sub(r"([(),|])", r"  \1  ", a.text(arch))
    assert read_arch(f"  {loose} ") == arch


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_prints_as_it_is_written(name: str) -> None:
    for channels in (1, 3):
        arch = read_arch(MODELS[name].text(channels))
        assert read_arch(a.text(arch)) == arch


@given(st.text(alphabet="conv polact linear dropout residual flatten ,|()0123456789.-se", max_size=60))
def test_any_text_is_an_architecture_or_a_usage_error(line: str) -> None:
    with suppress(UsageError):
        assert read_arch(line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "missing"), ("conv 3,, relu", "missing"), ("conv 3,", "missing"), ("conv", "number of kernels"),
        ("conv 0", "from 1 to 1000000"), ("conv 3.5", "whole"), ("conv -3", "whole number"), ("conv 3 0", "kernel"),
        ("conv 3 stride 0", "stride"), ("conv 3 stride", "stride"), ("conv 3 pad", "pad"), ("conv 3 pad x", "pad"),
        ("conv 99999999999", "whole number"), ("pool 0", "window"), ("linear", "units"), ("linear x", "units"),
        ("linear 3 bias", "bias"), ("relu 3", "does not take '3'"), ("flatten 2", "does not take"),
        ("dropout 1", "[0, 1)"), ("dropout -0.1", "[0, 1)"), ("dropout x", "not a number"), ("dropout nan", "number"),
        ("leaky-relu inf", "not a number"), ("residual", "residual"), ("residual(relu", "closed"), ("relu)", "')'"),
        ("residual(relu | tanh | silu)", "closed"), ("relu | tanh", "'|'"), ("(relu)", "missing"),
        ("residual()", "missing"), ("residual(" * 50 + "relu" + ")" * 50, "more than 8"), ("conv 3 relu", "kernel"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        read_arch(line)


@pytest.mark.parametrize(("word", "near"), [("cnov", "conv"), ("Linear", "linear"), ("batchnorm", "batch-norm")])
def test_an_unknown_layer_brings_the_nearest_words(word: str, near: str) -> None:
    with pytest.raises(UnknownName) as caught:
        read_arch(f"{word} 3")
    assert near in caught.value.near


@pytest.mark.parametrize(
    ("line", "layer"),
    [
        ("conv 3, linear 5", "linear1"), ("flatten, conv 3", "conv1"), ("conv 3 9 valid", "conv1"),
        ("conv 3, pool, pool, pool, pool", "pool4"), ("conv 3 5, conv 3 pad 8 reflect", "conv2"),
        ("conv 3, flatten, global-pool", "global_pool1"), ("conv 3, residual(conv 4)", "residual1"),
        ("residual(conv 1, linear 3)", "residual1"), ("relu, residual(relu, pool 9)", "pool1"),
        ("flatten, avg-pool", "avg_pool1"), ("linear classes", "linear1"), ("flatten, linear classes", "linear1"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_name_the_layer(line: str, layer: str) -> None:
    with pytest.raises(ShapeError, match=rf"layer {layer}:"):
        a.out_shape(read_arch(line), (1, 8, 8))


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("conv 5", (5, 8, 9)), ("conv 5 4", (5, 8, 9)), ("conv 5 stride 2", (5, 4, 5)), ("conv 5 valid", (5, 6, 7)),
        ("conv 5 pad 2", (5, 10, 11)), ("pool", (3, 4, 4)), ("pool 3 stride 2", (3, 3, 4)), ("avg-pool 3", (3, 2, 3)),
        ("global-pool", (3,)), ("flatten", (216,)), ("flatten, linear 7", (7,)), ("batch-norm, silu", (3, 8, 9)),
        ("residual(conv 6 stride 2 | conv 6 1 stride 2)", (6, 4, 5)),
    ],
)  # fmt: skip
def test_shapes_follow(line: str, out: a.Shape) -> None:
    assert a.out_shape(read_arch(line), (3, 8, 9)) == out


def test_names_count_each_word_by_itself() -> None:
    arch = read_arch("conv 1, leaky-relu, conv 1, batch-norm, leaky-relu, flatten")
    assert a.names(arch) == ["conv1", "leaky_relu1", "conv2", "batch_norm1", "leaky_relu2", "flatten1"]


def test_params_and_buffers_have_the_names_and_shapes_of_torch() -> None:
    arch = read_arch("conv 4 no-bias, residual(conv 4, batch-norm | conv 4 1), flatten, linear 2")
    assert a.arch_params(arch, (3, 2, 2)) == {
        "conv1.weight": (4, 3, 3, 3),
        "residual1.body.conv1.weight": (4, 4, 3, 3), "residual1.body.conv1.bias": (4,),
        "residual1.body.batch_norm1.weight": (4,), "residual1.body.batch_norm1.bias": (4,),
        "residual1.shortcut.conv1.weight": (4, 4, 1, 1), "residual1.shortcut.conv1.bias": (4,),
        "linear1.weight": (2, 16), "linear1.bias": (2,),
    }  # fmt: skip
    assert set(a.arch_buffers(arch, (3, 2, 2))) == {
        "residual1.body.batch_norm1.running_mean", "residual1.body.batch_norm1.running_var",
    }  # fmt: skip


def test_summary_adds_up() -> None:
    """The CNN of system A on MNIST by hand: parameters, multiply-adds and bytes of each layer that has any."""
    arch = resolve(read_arch(MODELS["cnn2"].text(1)), activation="relu", norm="batch", dropout=0.3, outputs=10)
    rows = {row.name: row for row in a.summary(arch, (1, 28, 28))}
    assert (rows["conv1"].params, rows["conv1"].work, rows["conv1"].bytes) == (100, 70_560, 31_360)
    assert (rows["conv2"].params, rows["conv2"].work) == (2_912, 564_480)
    assert (rows["linear1"].params, rows["linear1"].work) == (156_900, 156_800)
    assert sum(row.params for row in rows.values()) == 160_922


@pytest.mark.parametrize(
    ("line", "filled"),
    [
        ("act", "gelu"), ("norm", "batch-norm"), ("dropout", "dropout 0.2"), ("dropout 0.4", "dropout 0.4"),
        ("linear classes", "linear 7"), ("linear classes no-bias", "linear 7 no-bias"), ("linear 3", "linear 3"),
        ("residual(act, norm | linear classes)", "residual(gelu, batch-norm | linear 7)"),
    ],
)  # fmt: skip
def test_a_recipe_fills_what_is_left_open(line: str, filled: str) -> None:
    made = resolve(read_arch(line), activation="gelu", norm="batch", dropout=0.2, outputs=7)
    assert a.text(made) == filled


@pytest.mark.parametrize(("line", "left"), [("relu, dropout", "relu"), ("relu, norm, relu", "relu, relu")])
def test_nothing_is_left_of_no_dropout_and_no_norm(line: str, left: str) -> None:
    assert a.text(resolve(read_arch(line), activation="relu", norm="none", dropout=0, outputs=7)) == left


@pytest.mark.parametrize("activation", ["leaky-relu 0.2", *a.ACTIVATIONS])
def test_an_activation_may_bring_its_number(activation: str) -> None:
    assert a.text(resolve(read_arch("act"), activation=activation, norm="none", dropout=0, outputs=7)) == activation


@pytest.mark.parametrize("activation", ["", "reul", "relu 1", "leaky-relu x", "linear 3", "conv 3", "act", "residual"])
def test_an_activation_that_is_none_is_a_usage_error(activation: str) -> None:
    with pytest.raises(UsageError):
        resolve(read_arch("act"), activation=activation, norm="none", dropout=0, outputs=7)
