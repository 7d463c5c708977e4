"""Every layer of every kind: its outputs and gradients against torch's autograd and against difference quotients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from oracle import LAYERS, Oracle, parse, weights

from fairtrial.engine.net import At
from fairtrial.engine.numpy_layers import OPS
from fairtrial.engine.numpy_net import NumpyNet
from fairtrial.engine.torch_net import TorchNet
from fairtrial.parts.models import build
from fairtrial.spec import arch as a
from fairtrial.spec.recipe import Recipe

# torch says that it copies the input; what it computes is what is asked for
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

AT = At(seed=3, step=5)
IMAGE, ROW, BATCH = (2, 7, 9), (6,), 5
EXAMPLES: dict[type[a.Layer], list[str]] = {
    a.Conv: [
        "conv 4", "conv 4 1", "conv 4 2", "conv 4 4", "conv 4 5 reflect", "conv 4 4 reflect", "conv 4 valid",
        "conv 4 stride 2", "conv 4 4 stride 3", "conv 4 3 stride 2 valid", "conv 4 pad 2", "conv 4 pad 2 reflect",
        "conv 4 2 stride 3 pad 1 reflect", "conv 4 no-bias", "conv 3, conv 4 5 reflect, conv 2 2 stride 2 no-bias",
    ],
    a.MaxPool: ["pool", "pool 3", "pool 3 stride 2", "pool 2 stride 3", "pool 3 stride 1", "pool 1"],
    a.AvgPool: ["avg-pool", "avg-pool 3", "avg-pool 3 stride 2", "avg-pool 2 stride 3", "avg-pool 3 stride 1"],
    a.GlobalAvgPool: ["global-pool", "global-pool, linear 3"],
    a.Flatten: ["flatten", "flatten, linear 3"],
    a.Linear: ["flatten, linear 4", "flatten, linear 4 no-bias", "flatten, linear 4, linear 3"],
    a.BatchNorm: ["batch-norm", "flatten, batch-norm", "batch-norm, pool, batch-norm"],
    a.Dropout: ["dropout 0.4", "flatten, dropout 0.4", "dropout 0.2, dropout 0.2", "dropout 0"],
    a.LeakyReLU: ["leaky-relu", "leaky-relu 0.3", "leaky-relu 2", "leaky-relu -1"],
    a.Residual: [
        "residual(conv 3)", "residual(tanh | silu)", "residual(conv 4 stride 2 | conv 4 1 stride 2)",
        "residual(residual(conv 3, batch-norm, relu), dropout 0.3 | residual(conv 3 | dropout 0.3)), dropout 0.3",
    ],
}  # fmt: skip


def examples() -> list[tuple[str, a.Shape]]:
    """Lines for every kind of layer, with something to learn in front, to which its input's gradient must reach."""
    cases: list[tuple[str, a.Shape]] = []
    for kind in LAYERS:
        for line in EXAMPLES.get(kind, [a.WORDS[kind]]):
            cases.append((f"conv 3 2, {line}", IMAGE))
            if kind not in (a.Conv, a.MaxPool, a.AvgPool, a.GlobalAvgPool, a.Residual) and "pool" not in line:
                cases.append((f"linear 5, {line}", ROW))
    return cases


def images(shape: a.Shape, n: int = BATCH, seed: int = 1) -> np.ndarray:
    """Random inputs as a net takes them: (n, h, w, c) or (n, units)."""
    return np.random.default_rng(seed).normal(size=(n, *shape[1:], shape[0]) if len(shape) == 3 else (n, *shape))


def net_of(line: str, shape: a.Shape, seed: int = 0) -> tuple[NumpyNet, Oracle]:
    arch = parse(line)
    start = weights(arch, shape, seed)
    return NumpyNet(arch, shape, start, "float64"), Oracle(arch, start)


def random_like(y: np.ndarray) -> np.ndarray:
    return np.random.default_rng(2).normal(size=y.shape)


def test_every_layer_has_its_operation() -> None:
    assert set(OPS) == set(LAYERS)


@pytest.mark.parametrize(("line", "shape"), examples(), ids=str)
@pytest.mark.parametrize("at", [None, AT], ids=["eval", "train"])
def test_outputs_are_those_of_torch(line: str, shape: a.Shape, at: At | None) -> None:
    net, oracle = net_of(line, shape)
    x = images(shape)
    assert_allclose(net.forward(x, at), oracle.forward(x, at).detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("line", "shape"), examples(), ids=str)
def test_gradients_are_those_of_autograd(line: str, shape: a.Shape) -> None:
    net, oracle = net_of(line, shape)
    x = images(shape)
    dy = random_like(net.forward(x, AT))
    net.backward(dy)
    expected = oracle.gradients(x, dy, AT)
    for name, gradient in net.grads.items():
        assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("line", "shape"), examples(), ids=str)
def test_gradients_are_difference_quotients(line: str, shape: a.Shape) -> None:
    net, _ = net_of(line, shape)
    x = images(shape)
    dy = random_like(net.forward(x, AT))
    net.backward(dy)
    gradients = {name: gradient.copy() for name, gradient in net.grads.items()}
    largest = max(np.abs(gradient).max() for gradient in gradients.values())
    for name, p in net.params.items():
        direction = random_like(p)
        slope = quotient(lambda: (net.forward(x, AT) * dy).sum(), p, direction)
        assert (gradients[name] * direction).sum() == pytest.approx(slope, rel=1e-7, abs=1e-7 * largest), name


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("line", "shape"), examples(), ids=str)
def test_a_chain_by_hand_has_the_bits_of_autograd(line: str, shape: a.Shape, precision: str) -> None:
    arch = parse(line.replace("conv 3 2, ", "conv 3, "))  # an even kernel is padded unevenly: left to autograd
    start = weights(arch, shape, 0)
    by_hand, graph = (TorchNet.build(arch, shape, start, precision, "cpu") for _ in range(2))
    graph.chain = None
    for step in range(2):  # what one step leaves behind must not reach the next
        x = torch.from_numpy(images(shape, seed=step)).to(by_hand.dtype)
        y, expected = (net.forward(x, At(3, step)) for net in (by_hand, graph))
        assert torch.equal(y, expected)
        dy = torch.from_numpy(random_like(y.numpy())).to(by_hand.dtype)
        for net in (by_hand, graph):
            net.backward(dy)
        assert list(by_hand.grads) == list(graph.grads)
        for name, g in by_hand.grads.items():
            assert torch.equal(g, graph.grads[name]), name
            assert g.stride() == graph.grads[name].stride(), name
    for name, values in by_hand.tensors().items():
        assert np.array_equal(values, graph.tensors()[name]), name


@pytest.mark.parametrize("name", ["cnn2", "lenet", "linear", "mlp", "small-mlp", "strided-cnn"])
def test_small_nets_go_by_hand(name: str) -> None:
    arch = build(Recipe(model=name), (1, 28, 28), 10)
    assert TorchNet.build(arch, (1, 28, 28), weights(arch, (1, 28, 28), 0), "float32", "cpu").chain


def quotient(value, p: np.ndarray, direction: np.ndarray) -> float:
    """Derivative along a direction, by the difference quotient whose error is of fourth order in h."""
    h, old, values = 1e-5, p.copy(), []  # small, so that hardly any kink of relu or max lies between the four points
    for k in (-2, -1, 1, 2):
        p[...] = old + k * h * direction
        values.append(value())
    p[...] = old
    return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)


@pytest.mark.parametrize(("line", "shape"), [case for case in examples() if "batch-norm" in case[0]], ids=str)
def test_running_statistics_follow_as_in_torch(line: str, shape: a.Shape) -> None:
    net, oracle = net_of(line, shape)
    for seed in range(3):
        x = images(shape, seed=seed)
        net.forward(x, At(0, seed))
        oracle.forward(x, At(0, seed))
    for name, values in net.buffers.items():
        assert_allclose(values, oracle.tensors[name].numpy(), rtol=1e-12, err_msg=name)


def test_eval_mode_leaves_running_statistics_alone() -> None:
    net, _ = net_of("conv 3, batch-norm", IMAGE)
    before = net.tensors()
    net.forward(images(IMAGE))
    for name, values in net.tensors().items():
        assert np.array_equal(values, before[name])


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[a.Conv, a.Shape]:
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    pad = draw(st.sampled_from(["same", "valid", 0, 1, 2, 3]))
    mode = draw(st.sampled_from(["zeros", "reflect"]))
    layer = a.Conv(draw(st.integers(1, 4)), kernel, stride, pad, mode, draw(st.booleans()))
    least = max(kernel - sum(layer.margins), (max(layer.margins) + 1) if mode == "reflect" else 1, 1)
    height, width = draw(st.integers(least, 9)), draw(st.integers(least, 9))
    return layer, (draw(st.integers(1, 3)), height, width)


@st.composite
def pools(draw: st.DrawFn) -> tuple[a.Layer, a.Shape]:
    kernel, kind = draw(st.integers(1, 4)), draw(st.sampled_from([a.MaxPool, a.AvgPool]))
    side = st.integers(kernel, 9)
    return kind(kernel, draw(st.integers(0, 5))), (draw(st.integers(1, 3)), draw(side), draw(side))


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(st.one_of(convolutions(), pools()), st.integers(1, 4))
def test_any_window_has_the_gradient_of_torch(case: tuple[a.Layer, a.Shape], n: int) -> None:
    layer, shape = case
    arch = (a.Conv(shape[0], 1), layer)  # the first one passes its input's gradient on to its weight
    start = weights(arch, shape)
    net, oracle, x = NumpyNet(arch, shape, start, "float64"), Oracle(arch, start), images(shape, n)
    y = net.forward(x, AT)
    dy = random_like(y)
    net.backward(dy)
    assert_allclose(y, oracle.forward(x, AT).detach().numpy(), rtol=1e-12, atol=1e-12)
    expected = oracle.gradients(x, dy, AT)
    for name, gradient in net.grads.items():
        assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("n", [200, 600, 2500, 12_000], ids="{} images".format)
def test_tiles_of_several_rows_one_row_and_less_make_the_same_convolution(n: int) -> None:
    net, oracle = net_of("conv 3 2, conv 4 3 reflect", IMAGE)
    x = images(IMAGE, n)
    y = net.forward(x, AT)
    assert len(list(net.chain.ops["conv2"].tiles())) > 1
    dy = random_like(y)
    net.backward(dy)
    assert_allclose(y, oracle.forward(x, AT).detach().numpy(), rtol=1e-12, atol=1e-12)
    expected = oracle.gradients(x, dy, AT)
    for name, gradient in net.grads.items():
        assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("line", ["pool", "pool 3 stride 2", "pool 3 stride 1"])
def test_among_equal_pixels_the_first_gets_the_gradient(line: str) -> None:
    net, oracle = net_of(line, IMAGE)
    x = np.random.default_rng(0).integers(0, 2, (BATCH, 7, 9, 2)).astype(float)
    dy = random_like(net.forward(x, AT))
    dx = net.chain.backward(np.moveaxis(dy, 0, -1)).transpose(3, 1, 2, 0)
    assert_allclose(dx, oracle.gradients(x, dy, AT)["x"], rtol=1e-12)


@pytest.mark.parametrize("kind", a.ACTIVATIONS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_activations_stay_finite_at_extremes(kind: str, precision: str) -> None:
    arch = parse(f"linear 4, {kind}")
    net = NumpyNet(arch, (4,), {"linear1.weight": np.eye(4), "linear1.bias": np.zeros(4)}, precision)
    x = net.array(np.array([[1e4, -1e4, 0.0, 1.0], [-1e4, -1e4, -1e4, -1e4]]))
    y = net.forward(x, AT)
    net.backward(np.ones_like(y))
    assert np.isfinite(y).all()
    assert np.isfinite(net.grads["linear1.weight"]).all()


@pytest.mark.parametrize(("line", "shape"), examples(), ids=str)
def test_float32_stays_float32(line: str, shape: a.Shape) -> None:
    arch = parse(line)
    net = NumpyNet(arch, shape, weights(arch, shape), "float32")
    keep: dict[str, np.ndarray] = {}
    y = net.forward(net.array(images(shape)), AT, keep)
    assert {y.dtype, *(z.dtype for z in keep.values())} == {np.dtype(np.float32)}


def test_dropout_layers_differ_by_place_and_step() -> None:
    net, _ = net_of("dropout 0.5, dropout 0.5", ROW)
    ones = np.ones((400, 6))
    kept = [net.forward(ones, at).mean() / 4 for at in (At(0, 0), At(0, 1), At(1, 0))]
    assert len(set(kept)) == 3
    assert kept == pytest.approx([0.25] * 3, abs=5 * (0.25 * 0.75 / 2400) ** 0.5)  # two equal masks would keep half
