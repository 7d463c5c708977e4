"""How each registered part is written in a training script, and which runs have parts that none is written for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fairtrial.export import carried_training as c
from fairtrial.export.trained import Trained
from fairtrial.parts.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSprop, Rule
from fairtrial.spec.errors import UsageError

Table = dict[str, tuple[Any, ...]]  # by a part's name its line, and what the numbers in it are if not given
STARTS: Table = {
    "zeros": ("np.zeros(w.shape)",),
    "constant": ("np.full(w.shape, {})", 0.1),
    "uniform": ("random.uniform(-{0}, {0}, w.shape)", 0.1),
    "normal": ("random.normal(0, {}, w.shape)", 0.01),
    "xavier-uniform": ("random.uniform(-1, 1, w.shape) * sqrt(6 / (fan_in + fan_out))",),
    "xavier-normal": ("random.normal(0, sqrt(2 / (fan_in + fan_out)), w.shape)",),
    "kaiming-uniform": ("random.uniform(-1, 1, w.shape) * sqrt(6 / fan_in)",),
    "kaiming-normal": ("random.normal(0, sqrt(2 / fan_in), w.shape)",),
    "pytorch": ("random.uniform(-1, 1, w.shape) / sqrt(fan_in)",),
}
SCHEDULES: Table = {
    "constant": ("1.0",),
    "step": ("{1} ** (step // STEPS // int({0}))", 10.0, 0.1),
    "exponential": ("{} ** (step // STEPS)", 0.95),
    "cosine": ("half_cosine(1.0, {}, step / (EPOCHS * STEPS))", 0.0),
    "one-cycle": ("one_cycle(step, EPOCHS * STEPS, {}, {}, {})", 0.3, 25.0, 10_000.0),
    "plateau": ("plateau(losses, {}, {})", 0.1, 10.0),
    "sweep": ("{} ** (1 - step / max(EPOCHS * STEPS - 1, 1))", 1e-6),
    "warmup": ("min(1.0, (step + 1) / {})", 100.0),
}
AUGMENTS: Table = {
    "flip": ("cols = np.where(random.random((len(cols), 1)) < {}, cols[:, ::-1], cols)", 0.5),
    "alternating-flip": ("cols = np.where(turns[:, None] % 2, cols[:, ::-1], cols)",),
    "crop": ("rows, cols = cropped(random, rows, {0:.0f}), cropped(random, cols, {0:.0f})", 4.0),
    "shift": ("rows, cols = shifted(random, rows, {0:.0f}), shifted(random, cols, {0:.0f})", 2.0),
    "cutout": ("holes |= span(random, rows, {0:.0f})[:, :, None] & span(random, cols, {0:.0f})[:, None, :]", 8.0),
}
DELTAS: Table = {"huber": ("{}", 1.0)}
LOSSES = {
    "cross-entropy": c.cross_entropy, "nll": c.nll, "bce": c.bce, "mse": c.mse, "mae": c.mae, "huber": c.huber,
}  # fmt: skip
# Torch's class of each rule, its kernel that the engine calls too, and the settings that it has by itself
PLAIN: dict[str, Any] = {"momentum": 0.0, "weight_decay": 0.0}
ADAM: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-8}
TWINS: dict[type[Rule], tuple[str, str, dict[str, Any]]] = {
    **dict.fromkeys((SGD, Momentum, Nesterov), ("SGD", "fused=True", PLAIN)),
    Adam: ("Adam", "fused=True", {**ADAM, "weight_decay": 0.0}),
    AdamW: ("AdamW", "fused=True", {**ADAM, "weight_decay": 0.01}),
    Adagrad: ("Adagrad", "fused=True", {"eps": 1e-10, "weight_decay": 0.0}),
    RMSprop: ("RMSprop", "foreach=True", {**PLAIN, "alpha": 0.99, "eps": 1e-8}),
}
INPUTS = ("unit", "mean-std", "standardise", "pca")


def said(table: Table, text: str) -> str:
    """The line of a part that is written as its name and the numbers behind it."""
    name, *words = text.split()
    line, *defaults = table[name]
    given = list(map(float, words))
    return line.format(*given, *defaults[len(given) :])


def check(net: Trained) -> None:
    """UsageError, in one line, for all that is not written."""
    if found := list(refused(net)):
        raise UsageError(f"run {net.name}: no training script is written for {', '.join(found)}")


def refused(net: Trained) -> Iterator[str]:
    """What of a run no script is written for."""
    recipe = net.recipe
    only: dict[str, tuple[Any, Any]] = {
        "engine": (recipe.engine, "torch"),
        "precision": (recipe.precision, "float32"),
        "device": (net.environment["device"], "cpu"),
        "compile": (recipe.compile, False),
        "average": (recipe.average.strip(), "none"),
        "outliers": (recipe.outliers, 0),
        "test_flip": (recipe.test_flip, False),
        "parent": (recipe.parent, ""),
    }
    yield from (f"{field}={value}" for field, (value, written) in only.items() if value != written)
    known: dict[str, tuple[str, Any]] = {
        "optimizer": (recipe.optimizer, [name for name in OPTIMIZERS if OPTIMIZERS[name] in TWINS]),
        "loss": (recipe.loss, LOSSES),
        "schedule": (recipe.schedule, SCHEDULES),
        "init": (recipe.init, STARTS),
        "augment": (recipe.augment, ("none", *AUGMENTS)),
        "input": (recipe.input, INPUTS),
    }
    for field, (text, names) in known.items():
        if any(part.split()[0] not in names for part in text.split(",")):
            yield f"{field}={text}"


def optimizer(rule: Rule) -> str:
    """Torch's class for a rule, with what differs from its own settings."""
    kind, way, usual = TWINS[type(rule)]
    settings = vars(rule)
    words = [f"{name}={settings[name]}" for name, value in usual.items() if settings[name] != value]
    words += ["nesterov=True"] * (isinstance(rule, Nesterov) and rule.momentum > 0)
    return f"torch.optim.{kind}({', '.join(['net.parameters()', 'lr=LR', *words, way])})"
