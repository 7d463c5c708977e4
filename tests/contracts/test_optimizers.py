"""Every optimizer's rule against its torch twin, step by step, in each of its settings."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from fairtrial.engine.numpy_net import BLOCK, NumpyNet
from fairtrial.engine.torch_net import TorchNet
from fairtrial.parts.optimizers import OPTIMIZERS, Muon, Rule, make_rule, orthogonal
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.recipe import Recipe

STEPS, LR = 50, 0.03
OTHERS: dict[str, list[Any]] = {"momentum": [0.0, 0.7], "betas": [(0.8, 0.99), (0.0, 0.5)], "weight_decay": [0.0, 0.2]}


def rules() -> list[Rule]:
    """Every rule as it is by default, with each field changed, and with all fields changed together."""
    made: list[Rule] = []
    for name in OPTIMIZERS:
        kind = OPTIMIZERS[name]
        changes = {f.name: OTHERS[f.name] for f in fields(kind) if f.name in OTHERS}
        made += [kind(), *(kind(**{field: value}) for field, values in changes.items() for value in values)]
        made.append(kind(**{field: values[-1] for field, values in changes.items()}))
    return list(dict.fromkeys(made))


class Spectral(torch.optim.SGD):
    """Muon by another way: matrices stepped in the basis of their singular values, all else by SGD with Nesterov."""

    def __init__(self, leaves: Any, **settings: Any) -> None:
        super().__init__(leaves, nesterov=settings["momentum"] > 0, **settings)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        (group,) = self.param_groups
        for p in [p for p in group["params"] if p.ndim > 1 and p.grad is not None]:
            g, state = p.grad.flatten(1), self.state[p]
            state["momentum_buffer"] = group["momentum"] * state.get("momentum_buffer", 0) + g
            u, s, vt = torch.linalg.svd(g + group["momentum"] * state["momentum_buffer"], full_matrices=False)
            s = s / (s.norm() + 1e-7)
            for _ in range(5):
                s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
            p -= group["lr"] * group["weight_decay"] * p
            p -= group["lr"] * max(1, len(g) / g.shape[1]) ** 0.5 * (u * s @ vt).reshape(p.shape)
            p.grad = None
        super().step()


def oracle(rule: Rule, *leaves: torch.Tensor) -> torch.optim.Optimizer:
    """torch's own optimizer of that name and settings, in its plain form."""
    kinds: dict[str, Any] = {"Momentum": torch.optim.SGD, "Nesterov": torch.optim.SGD, "Muon": Spectral}
    kind = kinds.get(type(rule).__name__) or vars(torch.optim)[type(rule).__name__]
    settings = {field.name: value for field in fields(rule) if (value := vars(rule)[field.name]) is not None}
    if type(rule).__name__ == "Nesterov" and settings["momentum"]:
        settings["nesterov"] = True
    return kind(leaves, lr=LR, foreach=False, **settings)


EVERY = pytest.mark.parametrize("rule", rules(), ids=str)


def trajectory(seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    random = np.random.default_rng(seed)
    return random.normal(size=40), [random.normal(size=40) * random.choice([1e-3, 1, 10]) for _ in range(STEPS)]


@EVERY
def test_every_step_is_that_of_the_torch_twin(rule: Rule) -> None:
    p, gradients = trajectory()
    leaf = torch.from_numpy(p.copy()).requires_grad_()
    twin, slots = oracle(rule, leaf), [np.zeros_like(p) for _ in rule.slots]
    for t, g in enumerate(gradients, 1):
        lr = LR / t  # as under a schedule
        rule.update(p, g, slots, lr, t)
        twin.param_groups[0]["lr"] = lr
        leaf.grad = torch.from_numpy(g)
        twin.step()
        assert_allclose(p, leaf.detach().numpy(), rtol=1e-12, atol=1e-12, err_msg=f"step {t}")


@EVERY
def test_memory_bears_the_names_and_values_of_torch(rule: Rule) -> None:
    p, gradients = trajectory()
    leaf = torch.from_numpy(p.copy()).requires_grad_()
    twin, slots = oracle(rule, leaf), [np.zeros_like(p) for _ in rule.slots]
    for t, g in enumerate(gradients[:5], 1):
        rule.update(p, g, slots, LR, t)
        leaf.grad = torch.from_numpy(g)
        twin.step()
    for name, slot in zip(rule.slots, slots, strict=True):
        theirs = twin.state[leaf].get(name)
        assert_allclose(slot, np.zeros_like(p) if theirs is None else theirs.numpy(), rtol=1e-12, err_msg=name)


@EVERY
def test_the_torch_engine_steps_as_torch_does(rule: Rule) -> None:
    """In float32, with a parameter that some steps leave out: what the engine calls against torch's classes."""
    module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Linear(4, 3))
    twin_of = copy.deepcopy(module)
    net = TorchNet(module, "float32", "cpu")
    ours, theirs = net.optimizer(rule), oracle(rule, *twin_of.parameters())
    for t in range(1, 8):
        for p, q in zip(module.parameters(), twin_of.parameters(), strict=True):
            left_out = p.shape == (3, 4) and t in (1, 4)
            p.grad = q.grad = None if left_out else torch.randn(p.shape, generator=torch.Generator().manual_seed(t))
        ours.step(LR, t)
        theirs.step()
    for p, q in zip(module.parameters(), twin_of.parameters(), strict=True):
        assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=2e-6, atol=2e-7)


@EVERY
def test_the_gradient_is_left_as_it_was(rule: Rule) -> None:
    p, (g, *_) = trajectory()
    before = g.copy()
    rule.update(p, g, [np.zeros_like(p) for _ in rule.slots], LR, 1)
    assert np.array_equal(g, before)


@pytest.mark.parametrize("rule", [rule for rule in rules() if not rule.whole], ids=str)
def test_steps_on_a_net_in_blocks_are_steps_on_the_whole(rule: Rule) -> None:
    net = larger_than_a_block()
    p, optimizer = net.flat_params.copy(), net.optimizer(rule)
    slots, random = [np.zeros_like(p) for _ in rule.slots], np.random.default_rng(1)
    for t in (1, 2, 3):
        net.flat_grads[:] = random.normal(size=p.size)
        rule.update(p, net.flat_grads, slots, LR, t)
        optimizer.step(LR, t)
    assert np.array_equal(net.flat_params, p)


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule.whole], ids=str)
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 3, 2, 2)], ids=str)
def test_steps_on_a_matrix_are_those_of_its_oracle(rule: Rule, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    p = random.normal(size=shape)
    leaf = torch.from_numpy(p.copy()).requires_grad_()
    twin, slots = oracle(rule, leaf), [np.zeros_like(p) for _ in rule.slots]
    for t in range(1, 8):
        g = random.normal(size=shape)
        before = g.copy()
        rule.update(p, g, slots, LR, t)
        leaf.grad = torch.from_numpy(g.copy())
        twin.step()
        assert_allclose(p, leaf.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=f"step {t}")
        assert np.array_equal(g, before)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)], ids=str)
def test_muon_is_that_of_torch_as_far_as_its_16_bits_reach(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    p, rule = random.normal(size=shape), Muon(weight_decay=0.2)
    leaf, slots = torch.from_numpy(p.copy()).requires_grad_(), [np.zeros_like(p)]
    twin = torch.optim.Muon([leaf], lr=LR, momentum=rule.momentum, weight_decay=rule.weight_decay)
    for t in range(1, 8):
        g = random.normal(size=shape)
        rule.update(p, g, slots, LR, t)
        leaf.grad = torch.from_numpy(g)
        twin.step()
    assert_allclose(p, leaf.detach().numpy(), atol=7 * LR * 0.02)


@pytest.mark.parametrize("shape", [(64, 300), (300, 64), (40, 40), (1, 9)], ids=str)
def test_orthogonal_brings_singular_values_near_1(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    near = (u.T @ orthogonal(x) @ vt.T).diagonal()
    assert ((near > 0.6) & (near < 1.25))[s > 0.02 * np.linalg.norm(x)].all()
    assert np.array_equal(orthogonal(np.zeros(shape)), np.zeros(shape))


@EVERY
def test_memory_taken_out_and_put_back_continues_bit_by_bit(rule: Rule) -> None:
    whole, broken = larger_than_a_block(), larger_than_a_block()
    optimizers = [whole.optimizer(rule), broken.optimizer(rule)]
    for t in (1, 2, 3, 4):
        for i, net in enumerate((whole, broken)):
            net.flat_grads[:] = np.random.default_rng(t).normal(size=net.flat_grads.size)
            if i and t == 3:
                memory, optimizers[i] = optimizers[i].tensors(), net.optimizer(rule)
                optimizers[i].load(memory)
            optimizers[i].step(LR, t)
    assert np.array_equal(whole.flat_params, broken.flat_params)


def larger_than_a_block() -> NumpyNet:
    arch, shape = read_arch("linear 200, linear 9"), (200,)
    weights = {
        "linear1.weight": np.ones((200, 200)), "linear1.bias": np.ones(200),
        "linear2.weight": np.ones((9, 200)), "linear2.bias": np.ones(9),
    }  # fmt: skip
    net = NumpyNet(arch, shape, weights, "float64")
    assert net.flat_params.size > BLOCK
    return net


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_recipe_sets_what_it_names_and_leaves_the_rest(name: str) -> None:
    kind = OPTIMIZERS[name]
    assert make_rule(Recipe(optimizer=name)) == kind()
    assert make_rule(Recipe(optimizer=name, weight_decay=0.2)) == kind(weight_decay=0.2)
