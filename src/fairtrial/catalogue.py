"""What there is by name, with a line about each; and the recipe behind a name on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from fairtrial.parts.augments import AUGMENTS
from fairtrial.parts.averages import AVERAGES
from fairtrial.parts.datasets import DATASETS, Facts
from fairtrial.parts.initialisers import INITIALISERS
from fairtrial.parts.inputs import INPUTS
from fairtrial.parts.losses import LOSSES
from fairtrial.parts.metrics import MEASURES
from fairtrial.parts.models import MODELS, model_text
from fairtrial.parts.optimizers import OPTIMIZERS
from fairtrial.parts.schedules import SCHEDULES
from fairtrial.spec.arch import ACTIVATIONS, WORDS
from fairtrial.spec.errors import UnknownName
from fairtrial.spec.recipe import Recipe, read_recipe

_RECIPES = files("fairtrial.recipes")
_STUDIES = files("fairtrial.studies")


def _documented(parts: Mapping[str, Any] | Any) -> dict[str, str]:
    return {name: (parts[name].__doc__ or "").split("\n")[0] for name in parts}


def _facts(facts: Facts) -> str:
    channels, height, width = facts.shape
    return f"{facts.classes} classes, {'colour' if channels == 3 else 'grey'} images {height}x{width}"


def recipes() -> dict[str, str]:
    """The shipped recipes, with what their first line says."""
    found = sorted(path.name for path in _RECIPES.iterdir() if path.name.endswith(".toml"))
    return {name[:-5]: (_RECIPES / name).read_text("utf8").split("\n")[0].lstrip("# ") for name in found}


def studies() -> dict[str, str]:
    """The shipped studies, with their questions."""
    found = sorted(path.name for path in _STUDIES.iterdir() if path.name.endswith(".toml"))
    return {name[:-5]: tomllib.loads((_STUDIES / name).read_text("utf8"))["question"] for name in found}


def study_path(target: str) -> Path | None:
    """The file of a shipped study; None for any other word."""
    return Path(str(_STUDIES / f"{target}.toml")) if target in studies() else None


def fields() -> dict[str, str]:
    """The fields of a recipe."""
    return {name: f"{field.description} (default: {field.default})" for name, field in Recipe.model_fields.items()}


KINDS: dict[str, Callable[[], dict[str, str]]] = {
    "models": lambda: {name: MODELS[name].about for name in MODELS},
    "layers": lambda: {word: (kind.__doc__ or "").split("\n")[0] for kind, word in WORDS.items()},
    "recipes": recipes,
    "studies": studies,
    "fields": fields,
    "optimizers": lambda: _documented(OPTIMIZERS),
    "losses": lambda: _documented(LOSSES),
    "schedules": lambda: _documented(SCHEDULES),
    "initialisations": lambda: _documented(INITIALISERS),
    "activations": lambda: _documented(ACTIVATIONS),
    "averages": lambda: _documented(AVERAGES),
    "augmentations": lambda: _documented(AUGMENTS),
    "inputs": lambda: _documented(INPUTS),
    "measures": lambda: _documented(MEASURES),
    "data": lambda: {name: _facts(DATASETS[name].facts) for name in DATASETS},
}


def listing(kind: str) -> dict[str, str]:
    """Names of one kind, with a line about each; UnknownName for a kind that there is not."""
    if kind not in KINDS:
        raise UnknownName("kind", kind, [*KINDS, "runs"])
    return KINDS[kind]()


def read_base(target: str, runs: Callable[[], list[str]] = list) -> tuple[str, Recipe]:
    """A name for runs, and the recipe that `target` stands for: a TOML file, a shipped recipe, or a model.

    UsageError for anything else, with the nearest names, those of `runs` among them.
    """
    if target.endswith(".toml"):
        return Path(target).stem, read_recipe(Path(target))
    shipped = _RECIPES / f"{target}.toml"
    if target.isidentifier() or target.replace("-", "").isalnum():
        if shipped in _RECIPES.iterdir():  # a name may be too long to ask the system for
            return target, read_recipe(Path(str(shipped)))
        if target not in MODELS and target not in WORDS.values():
            begun = runs()
            kinds = "study, recipe, model or run" if begun else "study, recipe or model"
            raise UnknownName(kinds, target, [*studies(), *recipes(), *MODELS, *begun])
    if not target.rpartition(":")[0].endswith(".py"):
        model_text(target, 1)
    return target, Recipe(model=target)
