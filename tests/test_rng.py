"""Randomness is a function of its key and of nothing else."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.rng import Purpose, rng

SEEDS, STEPS, PLACES = st.integers(0, 2**32 - 1), st.integers(0, 2**40), st.integers(0, 2**32 - 1)
KEYS = st.tuples(SEEDS, st.sampled_from(get_args(Purpose)), STEPS, PLACES)
settings.register_profile("ours", database=None, derandomize=True, deadline=None)
settings.load_profile("ours")


def bits(key: tuple[int, Purpose, int, int]) -> list[int]:
    return rng(*key).integers(2**63, size=4).tolist()


@given(KEYS)
def test_the_same_key_gives_the_same_bits(key: tuple[int, Purpose, int, int]) -> None:
    assert bits(key) == bits(key)


@given(KEYS, KEYS)
def test_different_keys_give_different_bits(one: tuple[int, Purpose, int, int], other: tuple[int, Purpose, int, int]):
    assert (bits(one) == bits(other)) == (one == other)


def test_neighbouring_keys_share_nothing() -> None:
    """Seed + step, as in many programs, would let seed 0 in step 1 draw what seed 1 draws in step 0."""
    keys = [(s, p, t, q) for s in range(4) for p in get_args(Purpose) for t in range(4) for q in range(4)]
    drawn = [set(rng(*key).integers(2**63, size=16).tolist()) for key in keys]
    assert all(one.isdisjoint(other) for one, other in combinations(drawn, 2))


def test_a_long_draw_does_not_reach_the_next_step() -> None:
    long = rng(0, "shuffle", step=0).integers(2**63, size=100_000)
    after = rng(0, "shuffle", step=1).integers(2**63, size=1000)
    assert not np.isin(after, long).any()


def test_bits_are_those_of_the_first_release() -> None:
    """Saved runs resume on these numbers; a change here makes every old run unrepeatable."""
    assert rng(7, "dropout", 11, 2).integers(1000, size=6).tolist() == [754, 363, 993, 326, 950, 264]


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_draws_look_uniform(purpose: Purpose) -> None:
    """First draws of many steps: the mean of 4,000 uniform numbers lies within 5 standard errors of a half."""
    first = [rng(0, purpose, step).random() for step in range(4000)]
    assert np.mean(first) == pytest.approx(0.5, abs=5 * (1 / 12 / 4000) ** 0.5)
