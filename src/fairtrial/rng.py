"""Randomness is a function of (seed, purpose, step, place): no global generator, nothing to store."""

from typing import Literal

import numpy as np

Purpose = Literal["init", "split", "shuffle", "dropout", "augment", "module", "pick", "outliers", "turn"]
_PURPOSES: dict[Purpose, int] = {
    "init": 1, "split": 2, "shuffle": 3, "dropout": 4, "augment": 5, "module": 6, "pick": 7, "outliers": 8,
    "turn": 9,
}  # fmt: skip


def rng(seed: int, purpose: Purpose, step: int = 0, place: int = 0) -> np.random.Generator:
    """A generator of its own for every key.

    The key is Philox's two words (seed, purpose and place) and the highest word of its counter (step), always all of
    them: streams never overlap, and no key is padded into another one.
    """
    key = np.array([seed, (_PURPOSES[purpose] << 32) | place], dtype=np.uint64)
    counter = np.array([0, 0, 0, step], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
