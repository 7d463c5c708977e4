"""A study as a TOML file: a question, what all arms share, the arms, and the larger data that `--full` runs it on."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fairtrial.catalogue import read_base, study_path
from fairtrial.parts.metrics import check_metric
from fairtrial.spec.errors import UnknownName, UsageError
from fairtrial.spec.recipe import Recipe, make_recipe, read_toml
from fairtrial.spec.tuning import TRIALS, read_range
from fairtrial.study.plan import Setting, Study, from_seed, grid, read_levels, study_of

Seeds = Annotated[int, Field(ge=1, le=10_000)]
Trials = Annotated[int, Field(ge=2, le=10_000)]
Margin = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Levels = dict[str, Sequence[Any]]


class Body(BaseModel):
    """What a study compares. Arms are the grid of all levels under `[arms]`, or each an `[[arm]]` with a name."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    recipe: str = Field(default="mlp", description="a shipped recipe, a model, or a recipe's file")
    fields: dict[str, Any] = Field(default={}, description="fields of the recipe that all arms share")
    arms: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default={}, description="levels of each field; several fields make a grid"
    )
    arm: list[dict[str, Any]] = Field(default=[], description="arms with a name and several fields each")
    seeds: Seeds = Field(default=5, description="runs of each arm, paired across arms by seed")
    margin: Margin = Field(default=0.005, description="the difference in the metric that would not matter")
    metric: str = Field(default="test/accuracy", description="the score that decides, or measure/NAME")
    tune: dict[str, str] = Field(default={}, description="ranges of fields that each arm gets its own value of")
    trials: Trials = Field(default=TRIALS, description="short runs of each arm to find these values")


class StudyFile(Body):
    """The question with its origin, and under `[full]` what replaces the above with `--full`."""

    question: str = Field(min_length=1)
    claim: str = Field(min_length=1, description="who says what about it")
    full: Body | None = None


class Source:
    """A file's name, and the line of each of its keys: `seeds`, `fields.epochs`, `arm.0.lr`, `full.arms.lr`."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, _lines(text)

    def at(self, *keys: str | int) -> str:
        """`file:line: ` of the key, or of the nearest table around it."""
        names = [".".join(map(str, keys[:n])) for n in range(len(keys), 0, -1)]
        return f"{self.path}:{next((self.lines[name] for name in names if name in self.lines), 1)}: "

    def under(self, *keys: str | int) -> dict[str, str]:
        """The place of each key of a table, and under `` its own."""
        prefix = ".".join(map(str, keys)) + "."
        own = [name.removeprefix(prefix) for name in self.lines if name.startswith(prefix)]
        return {"": self.at(*keys)} | {name: self.at(*keys, name) for name in own}


_HEAD = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]\]?")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*=")


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if head := _HEAD.match(line):
            table = head[2]
            if head[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{table}.{key[1]}".lstrip("."), number)
    return found


def find_study(target: str) -> Path | None:
    """The file of the study that a word on the command line names; None if it names none.

    A TOML file that asks a question or has arms is a study; one that cannot be read is left to whoever reads it.
    """
    path = Path(target)
    if path.suffix != ".toml":
        return study_path(target)
    try:
        plain = tomllib.loads(path.read_text("utf8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return None
    return None if {"question", "arms", "arm"}.isdisjoint(plain) else path


def describe(path: Path) -> dict[str, Any]:
    """What the file asks, of what, and of what with `--full`; as `show --json` prints it."""
    file = parse(path)[0]
    full = _told(file.full, read_study(path, full=True)) if file.full else None
    own = _told(file, read_study(path))
    return {"study": path.stem, "question": file.question, "claim": file.claim, **own, "full": full}


def _told(body: Body, study: Study) -> dict[str, Any]:
    arms = {arm: study.fields(arm) for arm in study.arms}
    settings: dict[str, Any] = {"seeds": len(study.seeds), "margin": study.margin, "metric": study.metric}
    if study.tune:
        settings |= {"tune": " ".join(map(str, study.tune)), "trials": study.trials}
    return {"recipe": body.recipe, "fields": body.fields, "arms": arms, **settings}


def in_words(plain: Mapping[str, Any]) -> dict[str, str]:
    """What `describe` says, a line for each thing, with fields as one writes them on the command line."""
    said = {key: _words(value) if isinstance(value, dict) else str(value) for key, value in plain.items()}
    said["arms"] = "; ".join(plain["arms"])
    full = plain["full"]
    said["full"] = f"{full['recipe']} {_words(full['fields'])}".strip() if full else "no"
    return said


def _words(fields: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items())


def read_study(
    path: Path, words: Mapping[str, str] | None = None, *, seeds: int | None = None, full: bool = False
) -> Study:
    """The study in the file, at its full size if asked for; `words` set a field for all arms, or give its levels.

    UsageError with file and line for what cannot be meant.
    """
    file, source = parse(path)
    if full and file.full is None:
        raise UsageError(f"{path}: the study has no [full]: it is as large as it gets")
    body, inner = (file.full, ("full",)) if full and file.full else (file, ())
    base = _base(body, source, inner)
    base, levels = from_seed(base, read_levels(base, words or {}))
    settings = _grid(body, source, inner, levels) if body.arms else _named(body, source, inner, levels)
    study = study_of(path.stem, base, settings, body.seeds if seeds is None else seeds)
    tune = tuple(read_range(name, word, source.at(*inner, "tune", name)) for name, word in body.tune.items())
    asked = json.dumps([path.name, file.question, dict(words or {}), full])
    return replace(study, margin=body.margin, metric=body.metric, tune=tune, trials=body.trials, asked=asked)


def parse(path: Path) -> tuple[StudyFile, Source]:
    """The file's contents, checked but for the recipe's fields."""
    text, plain = read_toml(path)
    source = Source(path, text)
    if isinstance(own := plain.get("full"), dict):
        plain["full"] = _filled(plain, own)
    try:
        file = StudyFile.model_validate(plain)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        own = [e for e in errors if e["loc"][0] != "full"] or errors  # `[full]` has most of its keys from the study
        raise UsageError("\n".join(_sentence(e, source) for e in own)) from None
    for body, inner in ((file, ()), (file.full, ("full",))):
        if body and bool(body.arms) == bool(body.arm):
            raise UsageError(f"{source.at(*inner, 'arms')}arms are given by [arms] or by [[arm]], one of the two")
        if body:
            check_metric(body.metric, _where(source, inner, "metric")[""])
    return file, source


def _filled(plain: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`[full]` with what it does not say taken from the study; its recipe comes with that recipe's own fields."""
    dropped = {"question", "claim", "full"} | ({"fields"} if "recipe" in own else set[str]())
    dropped |= {"arms", "arm"} if own.keys() & {"arms", "arm"} else set[str]()
    kept = {key: value for key, value in plain.items() if key not in dropped}
    if "recipe" not in own and isinstance(kept.get("fields"), dict) and isinstance(own.get("fields"), dict):
        return {**kept, **own, "fields": {**kept["fields"], **own["fields"]}}
    return {**kept, **own}


def _sentence(error: Any, source: Source) -> str:
    keys = error["loc"]
    where, name = source.at(*keys), ".".join(map(str, keys))
    if error["type"] == "extra_forbidden":
        known = Body.model_fields if keys[0] == "full" else StudyFile.model_fields
        return str(UnknownName("key", str(keys[-1]), known, where))
    if error["type"] == "missing":
        return f"{where}a study needs its {name}"
    return f"{where}{name}={json.dumps(error['input'], default=str)}: {error['msg'].lower()}"


def _base(body: Body, source: Source, inner: tuple[str, ...]) -> Recipe:
    try:
        base = read_base(body.recipe)[1]
    except UsageError as error:
        raise UsageError(f"{source.at(*inner, 'recipe')}{error}") from None
    fields = {name: _pair(value) for name, value in body.fields.items()}
    return make_recipe({**base.model_dump(), **fields}, _where(source, inner, "fields"))


def _grid(body: Body, source: Source, inner: tuple[str, ...], levels: Levels) -> list[Setting]:
    """The grid of the file's levels, a field's own giving way to those from the command line."""
    own = {name: [_pair(value) for value in values] for name, values in body.arms.items()}
    where = _where(source, inner, "arms")
    return grid({**own, **levels}, {name: place for name, place in where.items() if name not in levels})


def _named(body: Body, source: Source, inner: tuple[str, ...], levels: Levels) -> list[Setting]:
    """Each of the file's arms at all levels from the command line."""
    settings: list[Setting] = []
    for number, arm in enumerate(body.arm):
        where = _where(source, inner, "arm", number)
        name, fields = arm.get("name"), {key: _pair(value) for key, value in arm.items() if key != "name"}
        if not isinstance(name, str) or not name:
            raise UsageError(f"{where['']}an [[arm]] needs a name")
        settings += [Setting(f"{name} {s.name}".strip(), {**fields, **s.fields}, where) for s in grid(levels)]
    return settings


def _where(source: Source, inner: tuple[str, ...], *keys: str | int) -> dict[str, str]:
    """Where a table's keys are: under `[full]`, or where `[full]` took them from."""
    outer, own = source.under(*keys), source.under(*inner, *keys)
    return {**outer, **own} if len(own) > 1 else outer


def _pair(value: Any) -> Any:
    """TOML writes a pair as a list."""
    return tuple(value) if isinstance(value, list) else value
