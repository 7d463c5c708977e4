"""What an export writes down: a run's architecture and best weights, how pixels reach it and what its outputs mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fairtrial.parts.models import MODELS
from fairtrial.predict import arch_of
from fairtrial.spec.arch import Arch, Shape, out_shape
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record

Meaning: TypeAlias = Literal["logits", "yes-no", "shares", "number"]
INPUT = "input/"  # in front of the names of what was fitted to the input


@dataclass(frozen=True)
class Trained:
    """A run that came to its end, as far as predicting needs it."""

    name: str
    about: str  # in words: what was trained on what
    data: str  # the name of the data
    arch: Arch
    image: Shape  # (channels, height, width)
    input: Shape  # of what the net sees
    weights: Tensors
    scale: NumpyArray  # of each channel
    shift: NumpyArray | None
    projection: Tensors  # `components` (pixels, k) and `centre` (pixels,), or nothing
    classes: tuple[str, ...]
    meaning: Meaning
    flip: bool  # whether what it says of the mirror image counts as well
    double: bool  # whether it computes in float64
    recipe: Recipe
    counts: dict[str, int]  # of images: train, valid, test
    environment: dict[str, str]  # versions and machine that it was trained with

    @property
    def pixels(self) -> Shape:
        """(height, width, channels)"""
        return *self.image[1:], self.image[0]


def trained(record: Record) -> Trained:
    """What is to be exported; UsageError for a run that has not ended, diverged, or is of code of the user's own."""
    if record.end is None or record.end.reason == "diverged":
        how = "has not come to its end" if record.end is None else "diverged"
        raise UsageError(f"run {record.name} {how}: only a finished run is exported")
    recipe, tensors, arch, shape = (
        record.recipe,
        dict(sorted(record.weights().items())),
        arch_of(record),
        tuple(record.made["input"]),
    )
    fitted = {name.removeprefix(INPUT): tensors.pop(name) for name in list(tensors) if name.startswith(INPUT)}
    model = recipe.model if recipe.model in MODELS else "net"
    return Trained(
        name=record.name,
        about=f"{model} on {record.made['data']['name']}",
        data=record.made["data"]["name"],
        arch=arch,
        image=tuple(record.made["image"]),
        input=shape,
        weights=tensors,
        scale=fitted.pop("scale"),
        shift=fitted.pop("shift", None),
        projection=fitted,
        classes=tuple(record.made["data"]["classes"]),
        meaning=meaning(record, *out_shape(arch, shape)),
        flip=recipe.test_flip,
        double=recipe.precision == "float64",
        recipe=recipe,
        counts=record.made["data"]["counts"],
        environment=record.made["environment"],
    )


def meaning(record: Record, outputs: int) -> Meaning:
    """What so many outputs say about the classes, as `predict.as_probabilities` reads them."""
    if outputs == 1 < len(record.made["data"]["classes"]):
        return "number"
    if record.recipe.loss.startswith("bce"):
        return "yes-no"
    return "shares" if record.recipe.loss.startswith(("mse", "mae", "huber")) else "logits"
