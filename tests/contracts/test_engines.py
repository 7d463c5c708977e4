"""The two engines compute one net: outputs, gradients and whole trainings agree, in float64, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from fairtrial.engine.net import At, Net
from fairtrial.engine.numpy_net import NumpyNet
from fairtrial.engine.torch_net import TorchNet
from fairtrial.parts.initialisers import start
from fairtrial.parts.losses import make_criterion
from fairtrial.parts.models import MODELS, build
from fairtrial.parts.optimizers import OPTIMIZERS, make_rule
from fairtrial.rng import rng
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import ShapeError, UsageError
from fairtrial.spec.recipe import Recipe

SHAPE, CLASSES, STEPS = (1, 16, 16), 10, 100
LARGE = ("vgg", "resnet20")  # their batches are smaller, for the time they take
# A bias in front of batch norm has no effect, and a gradient of 0 but for rounding. Adam divides by the gradient's size
# and turns such last digits, in which engines differ, into steps; momentum does not. resnet20 has no such bias.
SETTINGS: dict[str, dict[str, Any]] = {
    "mlp": {"optimizer": "momentum", "lr": 0.01},
    "bn-cnn": {"optimizer": "momentum", "lr": 0.01},
    "vgg": {"optimizer": "momentum", "lr": 0.001},
}
EXTRAS: dict[str, dict[str, Any]] = {  # beside every model of the catalogue with the recipe's defaults
    "mlp leaky": {"model": "mlp", "activation": "leaky-relu", "optimizer": "nesterov", "lr": 0.01},
    "cnn2 tanh": {"model": "cnn2", "activation": "tanh", "dropout": 0.5, "optimizer": "rmsprop", "weight_decay": 0.01},
    "cnn2 silu": {"model": "cnn2", "activation": "silu", "optimizer": "adagrad", "lr": 0.01},
    "cnn2 muon": {"model": "cnn2", "optimizer": "muon", "lr": 0.01, "weight_decay": 0.1},
    "softmax twice": {"model": "conv 4, relu, pool 3 stride 2, flatten, linear classes, softmax"},
    "nll": {"model": "conv 4 4 stride 2 reflect, gelu, avg-pool 3 stride 1, flatten, linear classes", "loss": "nll"},
    "bce": {"model": "conv 4 valid, sigmoid, global-pool, linear classes", "loss": "bce", "optimizer": "adamw"},
    "number": {"model": "small-mlp", "loss": "huber", "targets": "number", "optimizer": "momentum", "lr": 0.01},
}
RECIPES = {name: {"model": name} | SETTINGS.get(name, {}) for name in MODELS} | EXTRAS
ENGINES = pytest.mark.parametrize("engine", ["numpy", "torch"])
EVERY = pytest.mark.parametrize("name", list(RECIPES))


def make_net(engine: str, recipe: Recipe, precision: str = "float64") -> Net:
    arch = build(recipe, SHAPE, make_criterion(recipe, CLASSES).outputs)
    begin = start(arch, SHAPE, recipe.init, recipe.seed)
    if engine == "numpy":
        return NumpyNet(arch, SHAPE, begin, precision)
    return TorchNet.build(arch, SHAPE, begin, precision, "cpu")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The digits at twice their size, so that every net of the catalogue fits; values from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    return np.kron(images.reshape(-1, 8, 8, 1), np.ones((1, 2, 2, 1))) / 16, labels


def batches(recipe: Recipe, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    images, labels = digits()
    size = 4 if recipe.model in LARGE else 16
    rows = [rng(recipe.seed, "shuffle", step).choice(len(images), size, replace=False) for step in range(steps)]
    return [(images[row], labels[row]) for row in rows]


def train(net: Net, recipe: Recipe, steps: int) -> list[float]:
    """The losses of that many steps."""
    criterion, optimizer, losses = make_criterion(recipe, CLASSES), net.optimizer(make_rule(recipe)), []
    for step, (x, labels) in enumerate(batches(recipe, steps)):
        y = net.forward(net.array(x), At(recipe.seed, step))
        loss, dy = criterion.loss(net.xp, y, net.array(criterion.table[labels]))
        net.backward(dy)
        optimizer.step(recipe.lr, step + 1)
        losses.append(float(loss))
    return losses


def both(make: Callable[[str], Tensors]) -> None:
    """The same names, and numbers equal to 1e-10 of the largest of their array."""
    ours, theirs = make("numpy"), make("torch")
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert_allclose(values, theirs[name], rtol=1e-10, atol=1e-10 * max(1.0, np.abs(values).max()), err_msg=name)


@EVERY
def test_trainings_are_equal_after_100_steps(name: str) -> None:
    recipe = Recipe(**RECIPES[name])

    def result(engine: str) -> Tensors:
        net = make_net(engine, recipe)
        losses = train(net, recipe, STEPS)
        assert losses[-1] < losses[0]
        return net.tensors() | {"losses": np.array(losses)}

    both(result)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_memories_of_the_optimizer_are_equal(optimizer: str) -> None:
    recipe = Recipe(model="cnn2", optimizer=optimizer, momentum=0.8)

    def result(engine: str) -> Tensors:
        net, (x, labels) = make_net(engine, recipe), batches(recipe, 1)[0]
        criterion, memory = make_criterion(recipe, CLASSES), net.optimizer(make_rule(recipe))
        for step in range(3):
            y = net.forward(net.array(x), At(0, step))
            net.backward(criterion.loss(net.xp, y, net.array(criterion.table[labels]))[1])
            memory.step(0.01, step + 1)
        return {name: values for name, values in memory.tensors().items() if not name.startswith("step/")}

    both(result)  # beside these arrays torch counts the steps of each parameter, which NumPy's rules are told


@EVERY
def test_outputs_in_eval_mode_are_equal(name: str) -> None:
    recipe = Recipe(**RECIPES[name])
    x, _ = batches(recipe, 1)[0]
    outputs = []
    for engine in ("numpy", "torch"):
        net = make_net(engine, recipe)
        net.forward(net.array(x), At(0, 0))  # so that batch norm has something to remember
        outputs.append(net.numpy(net.forward(net.array(x))))
    assert_allclose(*outputs, rtol=1e-12, atol=1e-12 * np.abs(outputs[0]).max())


@EVERY
def test_every_layer_has_the_same_output_and_every_weight_the_same_gradient(name: str) -> None:
    recipe = Recipe(**RECIPES[name])
    x, labels = batches(recipe, 1)[0]

    def result(engine: str) -> Tensors:
        net, criterion = make_net(engine, recipe), make_criterion(recipe, CLASSES)
        keep: dict[str, Any] = {}
        y = net.forward(net.array(x), At(0, 0), keep)
        net.backward(criterion.loss(net.xp, y, net.array(criterion.table[labels]))[1])
        norm = {"norm": np.array(net.norm())}
        return norm | {k: net.numpy(v) for k, v in [*keep.items(), *net.grads.items()]}

    both(result)


@ENGINES
def test_the_same_seed_gives_the_same_bits_twice(engine: str) -> None:
    recipe = Recipe(model="cnn2")
    one, two = (make_net(engine, recipe, "float32") for _ in range(2))
    assert train(one, recipe, 10) == train(two, recipe, 10)
    assert all(np.array_equal(one.tensors()[name], two.tensors()[name]) for name in one.tensors())


@ENGINES
def test_what_was_taken_out_can_be_put_into_a_fresh_net(engine: str) -> None:
    recipe = Recipe(model="bn-cnn")
    trained, fresh = make_net(engine, recipe), make_net(engine, recipe.but(seed=1))
    train(trained, recipe, 3)
    fresh.load(trained.tensors())
    x = trained.array(batches(recipe, 1)[0][0])
    assert np.array_equal(trained.numpy(trained.forward(x)), fresh.numpy(fresh.forward(x)))


@ENGINES
def test_tensors_are_copies(engine: str) -> None:
    recipe = Recipe(model="small-mlp")
    net = make_net(engine, recipe)
    before = net.tensors()
    kept = {name: values.copy() for name, values in before.items()}
    train(net, recipe, 1)
    assert all(np.array_equal(before[name], kept[name]) for name in before)


@ENGINES
def test_kept_outputs_and_logits_survive_the_next_step(engine: str) -> None:
    recipe = Recipe(model="cnn2")
    net = make_net(engine, recipe)
    keep: dict[str, Any] = {}
    first, second = (net.array(x) for x, _ in batches(recipe, 2))
    y = net.forward(first, At(0, 0), keep)
    seen = {name: net.numpy(values).copy() for name, values in (keep | {"y": y}).items()}
    net.forward(second, At(0, 1))
    for name, values in seen.items():
        assert np.array_equal(values, net.numpy((keep | {"y": y})[name])), name


@ENGINES
@pytest.mark.parametrize("wrong", ["missing", "shape", "unknown"])
def test_numbers_that_do_not_fit_are_refused_by_name(engine: str, wrong: str) -> None:
    net = make_net(engine, Recipe(model="small-mlp"))
    tensors = net.tensors()
    if wrong == "unknown":
        tensors["linear9.weight"] = np.zeros(3)
    else:
        tensors["linear1.weight"] = np.zeros((1, 1))
        if wrong == "missing":
            del tensors["linear1.weight"]
    with pytest.raises(ShapeError, match=r"linear[19]\.weight"):
        net.load(tensors)


def test_numpy_has_no_bf16() -> None:
    with pytest.raises(UsageError, match="bf16"):
        make_net("numpy", Recipe(model="linear"), "bf16")


@ENGINES
def test_diverged_numbers_raise_no_warning(engine: str) -> None:
    """The loop finds them by itself; an overflow on the way is not an error of its own."""
    recipe = Recipe(model="cnn2", optimizer="sgd", lr=1e30)
    net = make_net(engine, recipe, "float32")
    assert not np.isfinite(train(net, recipe, 4)[-1])
    assert not np.isfinite(net.norm())


def test_outputs_given_away_may_be_changed() -> None:
    recipe = Recipe(model="small-mlp", loss="nll")  # ends in log-softmax, whose way back needs its outputs
    x, _ = batches(recipe, 1)[0]
    dy = np.random.default_rng(0).normal(size=(len(x), CLASSES))
    untouched, changed = make_net("numpy", recipe), make_net("numpy", recipe)
    untouched.forward(x, At(0, 0))
    changed.forward(x, At(0, 0))[...] = 0
    untouched.backward(dy)
    changed.backward(dy)
    assert all(np.array_equal(gradient, changed.grads[name]) for name, gradient in untouched.grads.items())


def test_batch_norm_refuses_a_single_number() -> None:
    net = make_net("numpy", Recipe(model="mlp"))
    with pytest.raises(UsageError, match="batch"):
        net.forward(batches(Recipe(), 1)[0][0][:1], At(0, 0))
