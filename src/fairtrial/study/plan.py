"""A study is a base recipe, arms that change some of its fields, and seeds: together, the recipes to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from fairtrial.parts.models import MODELS
from fairtrial.spec.errors import UsageError
from fairtrial.spec.recipe import Recipe, from_words, make_recipe
from fairtrial.spec.tuning import TRIALS, Range, Tuned

DEFAULT_SEEDS, AUTO = 5, 30  # of an arm; at most, if they are added until all is settled
MOST_SEEDS = 10_000  # a number beyond it is a slip of the finger
LEAST_TO_SETTLE = 4  # seeds with which the sequential method can decide anything


@dataclass(frozen=True)
class Study:
    """Arms are paired by seed: where they do not differ they share split, start, order and augmentation."""

    name: str
    base: Recipe
    arms: dict[str, Recipe]
    seeds: tuple[int, ...]
    margin: float = 0.005  # the difference in the metric that would not matter
    metric: str = "test/accuracy"
    until_settled: bool = False  # the seeds are the most there can be: fewer will do once every pair is decided
    tune: tuple[Range, ...] = ()  # each arm gets its own value of these fields
    trials: int = TRIALS  # of each arm
    asked: str = ""  # the file and the words that a study was read from

    def recipes(self) -> list[tuple[str, Recipe]]:
        """Every run with its arm; the seeds go round first, so that a study stopped early has all arms."""
        return [(name, recipe.but(seed=seed)) for seed in self.seeds for name, recipe in self.arms.items()]

    def at(self, tuned: Iterable[Tuned]) -> Study:
        """The study with each arm at the values chosen for it."""
        chosen = {each.arm: each.values for each in tuned}
        arms = {arm: recipe.but(**chosen.get(arm, {})) for arm, recipe in self.arms.items()}
        return replace(self, arms=arms)

    def fields(self, arm: str) -> dict[str, Any]:
        """What sets the arm apart from the base recipe's other arms."""
        mine = self.arms[arm].model_dump(mode="json")
        varied = {f for recipe in self.arms.values() for f, v in recipe.model_dump(mode="json").items() if v != mine[f]}
        return {field: mine[field] for field in mine if field in varied}


@dataclass(frozen=True)
class Setting:
    """An arm before it is a recipe: the fields it sets, and in `where` the place in a file of each, `` its own."""

    name: str
    fields: Mapping[str, Any]
    where: Mapping[str, str] = field(default_factory=dict[str, str])

    def make(self, base: Recipe) -> Recipe:
        """The base recipe with the arm's fields."""
        if "seed" in self.fields:
            raise UsageError(
                f"{self.where.get('seed', '')}seed cannot be an arm: every arm runs with the same seeds; "
                "set their number by seeds"
            )
        return make_recipe({**base.model_dump(), **self.fields}, self.where)


def read_seeds(word: str) -> tuple[int | None, bool]:
    """How many seeds, if the word says so, and whether fewer will do once every pair is decided."""
    until_settled, _, most = word.partition(":") if word.startswith("auto") else ("", "", word)
    if until_settled not in ("", "auto") or (most and not most.isdecimal()):
        raise UsageError(f"seeds {word}: a whole number, auto, or auto:N")
    if until_settled and most and int(most) < LEAST_TO_SETTLE:
        raise UsageError(f"seeds {word}: with fewer than {LEAST_TO_SETTLE} nothing can be settled")
    return (int(most) if most else AUTO if until_settled else None), bool(until_settled)


def make_study(name: str, base: Recipe, levels: Mapping[str, Sequence[Any]], seeds: int) -> Study:
    """The grid of all levels; UsageError for an unknown field, no level, or two arms that are the same recipe."""
    base, levels = from_seed(base, levels)
    return study_of(name, base, grid(levels), seeds)


def from_seed(base: Recipe, levels: Mapping[str, Sequence[Any]]) -> tuple[Recipe, dict[str, Sequence[Any]]]:
    """A single seed is where the study's seeds begin; several are left, to be refused as arms."""
    if len(levels.get("seed", ())) != 1:
        return base, dict(levels)
    return base.but(seed=levels["seed"][0]), {name: values for name, values in levels.items() if name != "seed"}


def grid(levels: Mapping[str, Sequence[Any]], where: Mapping[str, str] | None = None) -> list[Setting]:
    """Every combination of the levels, named by the fields that vary; where none does, one without a name."""
    if empty := [name for name, values in levels.items() if not len(values)]:
        raise UsageError(f"{', '.join(empty)}: there is no level to compare")
    varied = [name for name, values in levels.items() if len(values) > 1]
    combinations = [dict(zip(levels, values, strict=True)) for values in product(*levels.values())]
    return [
        Setting(" ".join(_label(name, fields[name], len(varied) > 1) for name in varied), fields, where or {})
        for fields in combinations
    ]


def study_of(name: str, base: Recipe, settings: Sequence[Setting], seeds: int) -> Study:
    """The study of these arms; UsageError for an unknown field, or two arms that are the same recipe."""
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"seeds={seeds}: a whole number from 1 to {MOST_SEEDS}")
    arms: dict[str, Recipe] = {}
    for setting in settings:
        arm, recipe, at = setting.name or base.model, setting.make(base), setting.where.get("", "")
        if recipe in arms.values():
            raise UsageError(f"{at}the arm {arm!r} is the same recipe as another one; leave one of them out")
        if arm in arms:
            raise UsageError(f"{at}two arms are called {arm!r}")
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
