"""Count how often runs that were made together come to other bits than the same runs made alone.

    OMP_NUM_THREADS=1 python campaigns/together.py [--bundles 100] [--seed 0]

Each bundle is drawn: a net of linear layers of any widths, activation, norm, dropout, loss, batch size, precision, and
two to twelve runs of it with rules, rates, penalties and seeds of their own, three epochs on the digits. A bundle is
made together wherever the trial before it finds equal bits, quicker or not. Compared are states, best weights, events.
Ends with 1 if any differ.
"""

from __future__ import annotations

import argparse
import random
import sys
from typing import Any

from kills import timeless

from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import BEST, EVENTS, MemoryStore, generations
from fairtrial.together import run_together
from fairtrial.train.stack import Trial

RULES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
ACTIVATIONS = ("relu", "leaky-relu", "silu", "gelu", "sigmoid", "tanh")


def bundle(draw: random.Random) -> list[Recipe]:
    """Runs that are alike."""
    layers = ["flatten"]
    for _ in range(draw.choice((0, 1, 1, 2, 3))):
        layers.append(f"linear {draw.choice((3, 8, 10, 16, 20, 32, 33, 50, 64, 100, 128))}")
        layers += ["norm"] * draw.choice((0, 1)) + ["act"] + ["dropout 0.2"] * draw.choice((0, 0, 1))
    shared: dict[str, Any] = {
        "model": ", ".join([*layers, "linear classes"]),
        "activation": draw.choice(ACTIVATIONS),
        "epochs": 3,
        "batch": draw.choice((16, 30, 64, 100, 128, 300)),
        "loss": draw.choice(("cross-entropy", "cross-entropy", "mse", "bce")),
        "precision": draw.choice(("float32", "float32", "float64")),
        "input": draw.choice(("unit", "standardise", "pca 9")),
        "score_every": draw.choice((0, 7)),
    }
    return [
        Recipe(
            **shared, seed=seed, optimizer=draw.choice(RULES), lr=draw.choice((0.001, 0.01, 0.1)),
            l2=draw.choice((0.0, 0.0, 1e-3)), average=draw.choice(("none", "none", "ema 0.9")),
            schedule=draw.choice(("constant", "cosine", "one-cycle")), patience=draw.choice((0, 0, 1)),
        )
        for seed in range(draw.randint(2, 12))
    ]  # fmt: skip


def bits(store: MemoryStore, name: str) -> list[bytes]:
    """All of a run but its times."""
    files = [BEST, *generations(store, name)]
    return [timeless(store.get(name, EVENTS) or b""), *(store.get(name, file) or b"" for file in files)]


def main() -> None:
    """Print the count."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--bundles", type=int, default=100)
    words.add_argument("--seed", type=int, default=0)
    asked = words.parse_args()
    draw = random.Random(asked.seed)
    # What was quicker is left to chance on a busy machine, and is not asked here
    Trial.pays = property(lambda trial: trial.same)  # type: ignore[method-assign, assignment]
    stacked = runs = other = 0
    for _ in range(asked.bundles):
        recipes = bundle(draw)
        together, alone = MemoryStore(), MemoryStore()
        records = run_together(recipes, together)
        if len(records) < len(recipes):
            continue
        stacked += 1
        for recipe, record in records.items():
            runs += 1
            if bits(together, record.name) != bits(alone, run(recipe, alone).name):
                other += 1
                print(f"other bits: {recipe.canonical()}", flush=True)
    print(f"{stacked} of {asked.bundles} bundles made together; of their {runs} runs {other} came to other bits")
    sys.exit(other > 0)


if __name__ == "__main__":
    main()
