"""A recipe is everything that decides a run, as one frozen value; two runs with equal recipes give equal records."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fairtrial.spec.errors import UnknownName, UsageError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
CountOrNone = Annotated[int, Field(ge=0, le=10_000_000)]


class RecipeError(UsageError):
    """Fields of a recipe that cannot be, each with a sentence of its own."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(problems.values()))
        self.problems = problems


class Recipe(BaseModel):
    """Every field has a default; parts are named by words, their numbers behind them (`schedule="step 10 0.5"`)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", protected_namespaces=())

    model: str = Field(default="mlp", description="a name, one line of text, or path/net.py:Class with --trust-code")
    data: str = Field(default="digits", description="a data set's name, or the path of an image folder")
    skip_bad: bool = Field(default=False, description="leave out unusable files of an image folder, and list them")
    engine: Literal["torch", "numpy"] = Field(default="torch", description="PyTorch, or the readable NumPy engine")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="where the torch engine computes")
    precision: Literal["float32", "float64", "bf16", "tf32"] = Field(
        default="float32", description="number format of the net; bf16 and tf32 only in products, weights are float32"
    )
    compile: bool = Field(default=False, description="make a program of the net's own by torch.compile")
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1,
        description="threads of one run, part of its identity; `fairtrial run ... threads=auto` picks by a probe",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="decides split, start, order, dropout, augment"
    )

    epochs: Count = Field(default=10, description="passes over the training part")
    batch: Count = Field(default=64, description="images in one step")
    lr: Positive = Field(default=0.001, description="learning rate before the schedule")
    optimizer: str = Field(default="adam", description="see: fairtrial list optimizers")
    momentum: Share | None = Field(
        default=None, description="of sgd, momentum, nesterov, muon, rmsprop; the optimizer's own if not given"
    )
    betas: tuple[Share, Share] = Field(default=(0.9, 0.999), description="of adam and adamw")
    weight_decay: NotNegative | None = Field(
        default=None, description="decay of all weights; the optimizer's own if not given"
    )
    l1: NotNegative = Field(default=0.0, description="adds l1 * sum |w| over the weights")
    l2: NotNegative = Field(default=0.0, description="adds l2 * sum w^2 over the weights")
    clip: NotNegative = Field(default=0.0, description="largest norm of all gradients together; 0: no clipping")
    schedule: str = Field(default="constant", description="learning rate over time, see: fairtrial list schedules")
    average: str = Field(
        default="none", description="of the weights, scored and kept in their place, see: fairtrial list averages"
    )

    loss: str = Field(default="cross-entropy", description="see: fairtrial list losses")
    targets: Literal["auto", "index", "one-hot", "number"] = Field(
        default="auto", description="how the labels are coded"
    )
    label_smoothing: Share = Field(
        default=0.0, description="share of each target spread over all classes (cross-entropy)"
    )
    outliers: Share = Field(
        default=0.0, description="share of the training targets that are wrong: wild numbers, or else other classes"
    )
    init: str = Field(default="pytorch", description="how weights start, see: fairtrial list initialisations")
    parent: Annotated[str, Field(pattern="^([0-9a-f]{12}:[0-9a-f]{12})?$")] = Field(
        default="", description="whose best weights it starts from, RUN:WEIGHTS; `fairtrial run RUN --fork` sets it"
    )
    activation: str = Field(default="relu", description="what `act` stands for in the model")
    norm: Literal["batch", "none"] = Field(default="batch", description="what `norm` stands for in the model")
    dropout: Share = Field(default=0.3, description="rate of a `dropout` without number in the model")
    augment: str = Field(default="none", description="changes of training images, see: fairtrial list augmentations")
    input: str = Field(default="unit", description="what the net sees of a pixel, see: fairtrial list inputs")

    valid: NotNegative | CountOrNone = Field(
        default=0.2, description="share or count of the training images kept for validation"
    )
    images: CountOrNone = Field(
        default=0, description="train on so many images only, drawn by seed, each class in proportion; 0: on all"
    )
    monitor: Literal["valid/loss", "valid/accuracy"] = Field(
        default="valid/loss", description="what decides the best epoch"
    )
    patience: CountOrNone = Field(default=0, description="stop after so many epochs without a better one; 0: never")
    min_delta: NotNegative = Field(default=0.0, description="how much better counts as better")
    score_train: bool = Field(default=True, description="score the training part in eval mode after each epoch")
    score_every: CountOrNone = Field(default=0, description="also score the validation part every so many steps")
    test_every: CountOrNone = Field(
        default=0, description="also score the test part every so many epochs; 0: once, at the end"
    )
    score_test: bool = Field(
        default=True, description="score the test part with the best weights at the end; tuning leaves it alone"
    )
    test_flip: bool = Field(
        default=False, description="score and predict by the mean output of each image and its mirror image"
    )
    save_every: CountOrNone = Field(
        default=0, description="also save every so many steps; the end of an epoch always saves"
    )
    keep: Literal["best", "all"] = Field(default="best", description="all: keep every epoch's weights")

    if not TYPE_CHECKING:  # for type checkers the fields are the arguments, as pydantic tells them

        def __init__(self, **fields: Any) -> None:
            for name in fields:
                if name not in FIELDS:
                    raise UnknownName("field", name, FIELDS)
            try:
                super().__init__(**{name: _plain(value) for name, value in fields.items()})
            except ValidationError as error:
                first = {str(e["loc"][0]): e for e in reversed(error.errors(include_url=False))}
                raise RecipeError({name: _sentence(name, e, fields[name]) for name, e in first.items()}) from None

    def canonical(self) -> str:
        """The recipe as JSON that is equal exactly when the recipes are."""
        fields = self.model_dump(mode="json")
        told = {name: value for name, value in fields.items() if name not in LATER or value != LATER[name]}
        return json.dumps(told, sort_keys=True, separators=(",", ":"))

    def id(self, fingerprint: str) -> str:
        """Twelve hex digits of SHA-256 over the recipe and its data's fingerprint; the data's path does not matter."""
        plain = self.model_copy(update={"data": fingerprint})
        return hashlib.sha256(plain.canonical().encode()).hexdigest()[:12]

    def but(self, **fields: Any) -> Recipe:
        """This recipe with some fields changed, checked again."""
        return make_recipe({**self.model_dump(), **fields})


FIELDS = tuple(Recipe.model_fields)
# Fields that the first stored recipes did not have; at the value that those ran with they are not told: ids stay
LATER: dict[str, Any] = {
    "score_test": True, "images": 0, "outliers": 0.0, "average": "none", "test_flip": False,
    "compile": False, "parent": "", "skip_bad": False,
}  # fmt: skip


def make_recipe(fields: Mapping[str, Any], where: Mapping[str, str] | None = None) -> Recipe:
    """The recipe with these typed fields; a UsageError names each wrong field, and its place if `where` knows it."""
    places = where or {}
    for name in fields:
        if name not in FIELDS:
            raise UnknownName("field", name, FIELDS, places.get(name, ""))
    try:
        return Recipe(**fields)
    except RecipeError as error:
        raise RecipeError({n: places.get(n, "") + sentence for n, sentence in error.problems.items()}) from None


def from_words(base: Recipe, words: Mapping[str, str]) -> Recipe:
    """`base` with fields set from text, as on a command line: numbers and true/false are read from the word."""
    typed = {name: _typed(name, word) for name, word in words.items()}
    return make_recipe({**base.model_dump(), **typed})


def _typed(name: str, word: str) -> Any:
    """The word as the field's type; where it fits none, the word itself, so that the error can quote it."""
    field = Recipe.model_fields.get(name)
    if field is None:
        raise UnknownName("field", name, FIELDS)
    if field.annotation is str:
        return word
    if name == "betas":
        return tuple(_literal(part) for part in word.split(","))
    return _literal(word)


def _literal(word: str) -> Any:
    try:
        value: Any = json.loads(word)
    except (ValueError, RecursionError):
        try:
            value = float(word)  # 1e-3 and .5, which JSON writes otherwise
        except ValueError:
            value = word
    return value if isinstance(value, int | float | bool) else word


def _plain(value: Any) -> Any:
    """Lists are JSON's and TOML's pairs, paths are text."""
    return tuple(value) if isinstance(value, list) else str(value) if isinstance(value, Path) else value


def _sentence(name: str, error: Any, value: Any) -> str:
    if error["type"] == "literal_error":
        known = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return str(UnknownName(name, str(value), known))
    allowed = " or ".join(dict.fromkeys(_allowed(name)))
    return f"{name}={_shown(value)}: {error['msg'].lower()}; {name} is {allowed}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


_KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _allowed(name: str) -> list[str]:
    """What the field may be, from its JSON schema."""
    schema = Recipe.model_json_schema()["properties"][name]
    said: list[str] = []
    for option in schema.get("anyOf", [schema]):
        if option.get("type") == "array":
            return ["two numbers >= 0 and < 1, as in 0.9,0.999"]
        if kind := _KINDS.get(option.get("type", "")):
            bounds = " and ".join(f"{sign} {option[key]}" for key, sign in _BOUNDS.items() if key in option)
            said.append(f"{kind} {bounds}".strip())
    return said


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file and what it says; UsageError for one that cannot be read."""
    try:
        source = path.read_text("utf8")
        return source, tomllib.loads(source)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; paths begin in the folder that you are in") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.object[error.start]:#04x} is no text; save the file as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}; write it as in: lr = 0.1") from None


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; errors name file and line."""
    source, fields = read_toml(path)
    lines = {line.split("=")[0].strip().strip("\"'"): n for n, line in enumerate(source.splitlines(), 1) if "=" in line}
    for name, value in fields.items():
        if isinstance(value, dict):
            raise UsageError(f"{path}: [{name}]: the fields of a recipe stand at the top level, without a table")
    return make_recipe(fields, {name: f"{path}:{lines.get(name, 1)}: " for name in fields})
