"""Which images a step sees, and in what form: a pure function of the recipe and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.engine.net import Net
from fairtrial.parts.augments import gather, identity, make_augments
from fairtrial.parts.datasets import Dataset, Split
from fairtrial.parts.inputs import apply
from fairtrial.parts.losses import make_criterion
from fairtrial.rng import rng
from fairtrial.spec.arrays import Array, NumpyArray, Tensors
from fairtrial.spec.errors import DataError
from fairtrial.spec.recipe import Recipe

SCORE_BATCH = 512  # images scored at once; a part of the result's bits, therefore not a setting


def steps_per_epoch(images: int, batch: int) -> int:
    """Batches in an epoch; a last batch of one image is left out, because batch norm cannot use it."""
    return images // batch + (images % batch > 1 or images < batch)


@dataclass
class Stream:
    """The data on the net's device, with what was fitted on the training part."""

    recipe: Recipe
    split: Split
    net: Net
    images: Array
    labels: Array
    fitted: dict[str, Array]

    def __post_init__(self) -> None:
        self.per_epoch = steps_per_epoch(len(self.split.train), self.recipe.batch)
        self._augments = make_augments(self.recipe.augment)
        self._coins = rng(self.recipe.seed, "turn").integers(0, 2, len(self.labels))  # of each image
        self._epoch = -1

    @property
    def plain(self) -> bool:
        """Whether a batch is nothing but rows of the images, scaled."""
        return not self._augments and "components" not in self.fitted

    def index(self, step: int) -> Array:
        """Which images the net sees in this step (counted from 0), as their rows."""
        epoch, place = divmod(step, self.per_epoch)
        if self._epoch != epoch:
            order = rng(self.recipe.seed, "shuffle", epoch).permutation(self.split.train)
            self._epoch, self._order, self._on_device = epoch, order, self.net.array(order)
        self._part = slice(place * self.recipe.batch, (place + 1) * self.recipe.batch)
        return self._on_device[self._part]

    def batch(self, step: int) -> tuple[Array, Array]:
        """What the net sees in this step, and the labels."""
        index = self.index(step)
        images = self._augmented(index, step) if self._augments else self.net.take(self.images, index)
        return apply(images, self.fitted), self.net.take(self.labels, index)

    def _augmented(self, index: Array, step: int) -> Array:
        plan = identity(self._epoch + self._coins[self._order[self._part]], *self.images.shape[1:3])
        random = rng(self.recipe.seed, "augment", step)
        for augment in self._augments:
            plan = augment(random, plan)
        return gather(self.images, index, plan, self.net.array)

    def whole(self, rows: NumpyArray) -> Iterator[tuple[Array, Array]]:
        """A part of the data as it is, in large batches, with its labels."""
        for start in range(0, len(rows), SCORE_BATCH):
            index = self.net.array(rows[start : start + SCORE_BATCH])
            yield apply(self.net.take(self.images, index), self.fitted), self.net.take(self.labels, index)


def make_stream(recipe: Recipe, data: Dataset, split: Split, net: Net, fitted: Tensors) -> Stream:
    """The data brought to the net's device, once for the whole run."""
    on_device = {name: net.array(values) for name, values in fitted.items()}
    labels = with_outliers(data, split, recipe) if recipe.outliers else data.labels
    return Stream(recipe, split, net, net.array(data.images), net.array(labels), on_device)


def with_outliers(data: Dataset, split: Split, recipe: Recipe) -> NumpyArray:
    """The labels with the recipe's share of the training part's made wrong; those to be scored on stay as they are.

    Of one seed, a smaller share is a part of a larger one.
    """
    random = rng(recipe.seed, "outliers")
    rows = random.permutation(split.train)
    wrong = make_criterion(recipe, len(data.classes)).wrong(data.labels[rows], random)
    labels, count = np.array(data.labels), round(recipe.outliers * len(rows))
    labels[rows[:count]] = wrong[:count]
    return labels


def check_split(split: Split, recipe: Recipe) -> None:
    """DataError where the training part cannot make a single step."""
    if len(split.train) < 2:
        raise DataError(f"data {recipe.data}: {len(split.train)} training images are left; two are the least")
