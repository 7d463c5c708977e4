"""A study is a base recipe, arms that change some of its fields, and seeds: together, the recipes to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from fairtrial.parts.models import MODELS
from fairtrial.spec.errors import UnknownName, UsageError
from fairtrial.spec.recipe import FIELDS, Recipe, from_words


@dataclass(frozen=True)
class Study:
    """Arms are paired by seed: where they do not differ they share split, start, order and augmentation."""

    name: str
    base: Recipe
    arms: dict[str, Recipe]
    seeds: tuple[int, ...]

    def recipes(self) -> list[tuple[str, Recipe]]:
        """Every run with its arm; the seeds go round first, so that a study stopped early has all arms."""
        return [(name, recipe.but(seed=seed)) for seed in self.seeds for name, recipe in self.arms.items()]

    def fields(self, arm: str) -> dict[str, Any]:
        """What sets the arm apart from the base recipe's other arms."""
        mine = self.arms[arm].model_dump(mode="json")
        varied = {f for recipe in self.arms.values() for f, v in recipe.model_dump(mode="json").items() if v != mine[f]}
        return {field: mine[field] for field in mine if field in varied}


def make_study(name: str, base: Recipe, levels: Mapping[str, Sequence[Any]], seeds: int) -> Study:
    """The grid of all levels; UsageError for an unknown field, no level, or two arms that are the same recipe."""
    for field in levels:
        if field not in FIELDS:
            raise UnknownName("field", field, FIELDS)
        if field == "seed":
            raise UsageError("seed cannot be an arm: every arm runs with the same seeds; set their number by seeds")
    if seeds < 1:
        raise UsageError(f"seeds={seeds}: at least one")
    varied = [field for field, values in levels.items() if len(values) > 1]
    arms: dict[str, Recipe] = {}
    for values in product(*levels.values()):
        fields = dict(zip(levels, values, strict=True))
        recipe = base.but(**fields)
        arm = " ".join(_label(field, fields[field], len(varied) > 1) for field in varied) or base.model
        if recipe in arms.values():
            raise UsageError(f"the arm {arm!r} is the same recipe as another one")
        arms[arm] = recipe
    return Study(name, base, arms, tuple(range(base.seed, base.seed + seeds)))


def _label(field: str, value: Any, several: bool) -> str:
    shown = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{field}={shown}" if several or not isinstance(value, str) else shown


def read_levels(base: Recipe, words: Mapping[str, str]) -> dict[str, list[Any]]:
    """Levels of each field from text: `adam,sgd` is two; a semicolon separates values that hold commas themselves.

    A value whose pieces are not all values of their own (`0.9,0.999` for betas, a model's line of text) is one level.
    """
    return {field: [_read(base, field, piece) for piece in _pieces(base, field, word)] for field, word in words.items()}


def _read(base: Recipe, field: str, word: str) -> Any:
    return getattr(from_words(base, {field: word}), field)


def _pieces(base: Recipe, field: str, word: str) -> list[str]:
    if ";" in word:
        return [piece.strip() for piece in word.split(";") if piece.strip()]
    pieces = [piece.strip() for piece in word.split(",")]
    if field == "model" and len(pieces) > 1 and not all(piece in MODELS for piece in pieces):
        return [word]
    if field == "schedule" and pieces[0].split()[:1] == ["warmup"]:
        return [word]
    if field == "betas":
        return [word]
    return pieces
