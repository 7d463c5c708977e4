"""Every augmentation shows pixels of its own image, the same ones for the same draw; what it moves is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import tiny
from fairtrial.parts.augments import AUGMENTS, Plan, gather, identity, make_augments
from fairtrial.parts.datasets import load
from fairtrial.rng import rng
from fairtrial.runner import begin, make_plan
from fairtrial.spec.recipe import Recipe
from fairtrial.store import MemoryStore
from fairtrial.train.stream import Stream

HEIGHT, WIDTH, N = 8, 6, 12
IMAGES = np.arange(N * HEIGHT * WIDTH).reshape(N, HEIGHT, WIDTH, 1) + 1  # every pixel another number, none black


def planned(text: str, turns: np.ndarray, step: int = 0) -> Plan:
    plan, random = identity(turns, HEIGHT, WIDTH), rng(0, "augment", step)
    for augment in make_augments(text):
        plan = augment(random, plan)
    return plan


def seen(text: str, turns: np.ndarray | None = None, step: int = 0) -> np.ndarray:
    index = np.arange(N)
    return gather(IMAGES, index, planned(text, index if turns is None else turns, step), np.asarray)


@pytest.mark.parametrize("name", list(AUGMENTS))
def test_pixels_are_black_or_of_their_own_image(name: str) -> None:
    images = seen(name)
    assert images.shape == IMAGES.shape
    assert all(np.isin(image, [0, *own.ravel()]).all() for image, own in zip(images, IMAGES, strict=True))
    assert np.array_equal(images, seen(name))


@pytest.mark.parametrize("name", [name for name in AUGMENTS if name not in ("none", "alternating-flip")])
def test_another_step_draws_anew(name: str) -> None:
    assert not np.array_equal(seen(name), seen(name, step=1))


def test_alternating_flip_mirrors_each_image_in_every_other_turn() -> None:
    turns = np.arange(N)
    images = seen("alternating-flip", turns)
    assert np.array_equal(images[::2], IMAGES[::2])
    assert np.array_equal(images[1::2], IMAGES[1::2, :, ::-1])
    assert np.array_equal(seen("alternating-flip", turns + 1)[::2], IMAGES[::2, :, ::-1])
    assert np.array_equal(seen("crop 1, alternating-flip", turns)[1::2], seen("crop 1", turns)[1::2, :, ::-1])


def stream_of(recipe: Recipe) -> Stream:
    return begin(make_plan(recipe), load(recipe.data), MemoryStore(), "run", None, False).stream


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_in_a_run_an_image_faces_the_other_way_in_every_epoch(engine: str) -> None:
    recipe = tiny(augment="alternating-flip", engine=engine)
    stream, data = stream_of(recipe), load("digits")
    mirrored = [mirrored_in(stream, data.images, epoch) for epoch in (0, 1, 2)]
    asymmetric = [row for row in stream.split.train if (data.images[row] != data.images[row][:, ::-1]).any()]
    assert np.array_equal(mirrored[0], mirrored[2])
    assert np.array_equal(mirrored[0][asymmetric], ~mirrored[1][asymmetric])
    assert mirrored[0][asymmetric].mean() == pytest.approx(0.5, abs=5 * 0.5 / len(asymmetric) ** 0.5)
    assert not np.array_equal(mirrored_in(stream_of(recipe.but(seed=1)), data.images, 0), mirrored[0])


def mirrored_in(stream: Stream, images: np.ndarray, epoch: int) -> np.ndarray:
    """Which images of the data the epoch shows mirrored."""
    found = np.zeros(len(images), bool)
    for step in range(epoch * stream.per_epoch, (epoch + 1) * stream.per_epoch):
        x = np.rint(np.asarray(stream.batch(step)[0]) * 255)
        place = (step % stream.per_epoch) * stream.recipe.batch
        rows = rng(stream.recipe.seed, "shuffle", epoch).permutation(stream.split.train)[place : place + len(x)]
        found[rows] = (x != images[rows]).any((1, 2, 3))
        assert np.array_equal(x[found[rows]], images[rows][found[rows]][:, :, ::-1])
    return found
