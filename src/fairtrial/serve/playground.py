"""The playground: two settings side by side, trained as runs of the store, and the study that tells them apart.

Nothing from the browser is run: its words make a recipe, and what is started is the command that makes that recipe.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.api import check
from fairtrial.catalogue import listing
from fairtrial.parts.datasets import DATASETS, Dataset, Facts, data_folder, folders_found, load
from fairtrial.parts.models import MODELS
from fairtrial.parts.optimizers import make_rule
from fairtrial.report.contract import arch_json
from fairtrial.report.wording import run_words, setting
from fairtrial.runner import folder_of, make_plan
from fairtrial.serve import runs
from fairtrial.serve.live import stream
from fairtrial.serve.site import Page, Site, read_json
from fairtrial.serve.studies import is_done
from fairtrial.spec.arrays import as_dtype
from fairtrial.spec.errors import UnknownName, UsageError
from fairtrial.spec.files import PLAN, STUDIES
from fairtrial.spec.recipe import Recipe, from_words
from fairtrial.study.ledger import folder_of as study_folder
from fairtrial.study.plan import DEFAULT_SEEDS, Study, make_study, read_levels, read_seeds

PAGES = (Page("/playground", "playground", "Playground"),)
KINDS = {
    "optimizer": "optimizers", "loss": "losses", "activation": "activations", "init": "initialisations",
}  # fmt: skip
# What a browser may ask for: the values of its sliders, of which the first and the last bound what it may type
NUMBERS: dict[str, str] = {
    "images": "0 100 200 500 1000 2000 5000 10000 20000 50000",
    "lr": "0.00001 0.00003 0.0001 0.0003 0.001 0.003 0.01 0.03 0.1 0.3 1 3 10",
    "batch": "1 4 8 16 32 64 128 256 512 1024",
    "epochs": "1 2 3 5 10 20 30 50 100 200 500",
    "dropout": "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9",
    "weight_decay": "0 0.00001 0.0001 0.001 0.01 0.03 0.1 1",
    "l2": "0 0.00001 0.0001 0.001 0.01 0.1 1",
    "l1": "0 0.00001 0.0001 0.001 0.01 0.1 1",
    "seed": "0 1 2 3 4 5 6 7 8 9 999999",
}
ORDER = (
    "data", "images", "model", "activation", "init", "dropout", "optimizer", "lr", "batch", "epochs", "loss",
    "weight_decay", "l2", "l1", "seed",
)  # fmt: skip
SEEDS = ("3", "5", "10", "20", "auto")
LONGEST_MODEL = 2000  # characters
MOST_PARAMETERS = 20_000_000
MOST_BYTES = 2 << 30  # outputs of all layers for one batch
MOST_DIFFERING = 3  # fields: each doubles the arms
FRESH = 30.0  # seconds for which a folder of pictures is taken to be as it was


def routes(site: Site) -> list[BaseRoute]:
    """What can be chosen; a setting checked, trained, stopped; two compared; how all that gets on."""
    data = Opened()

    def choices(request: Request) -> Response:
        return JSONResponse(choices_json(site))

    async def checked(request: Request) -> Response:
        recipe = read_setting((await read_json(request)).get("fields"))
        return JSONResponse(await run_in_threadpool(setting_json, site, data, recipe))

    async def train(request: Request) -> Response:
        recipe = read_setting((await read_json(request)).get("fields"))
        return JSONResponse(await run_in_threadpool(start_run, site, data, recipe), 202)

    async def compared(request: Request) -> Response:
        body = await read_json(request)
        both = [read_setting(body.get(side)) for side in ("a", "b")]
        return JSONResponse(await run_in_threadpool(comparison_json, site, data, both, body.get("seeds"), False))

    async def compare(request: Request) -> Response:
        body = await read_json(request)
        both = [read_setting(body.get(side)) for side in ("a", "b")]
        return JSONResponse(await run_in_threadpool(comparison_json, site, data, both, body.get("seeds"), True), 202)

    async def stop(request: Request) -> Response:
        name = (await read_json(request)).get("name")
        site.jobs.stop(name if isinstance(name, str) else "nothing")
        return JSONResponse({}, 202)

    def changes(request: Request) -> Response:
        return stream(site, Work(site).look)

    return [
        Route("/api/1/playground", choices),
        Route("/api/1/playground/check", checked, methods=["POST"]),
        Route("/api/1/playground/train", train, methods=["POST"]),
        Route("/api/1/playground/compared", compared, methods=["POST"]),
        Route("/api/1/playground/compare", compare, methods=["POST"]),
        Route("/api/1/playground/stop", stop, methods=["POST"]),
        Route("/api/1/playground/changes", changes),
    ]


# What can be chosen


def choices_json(site: Site) -> dict[str, Any]:
    """The fields of the form in its order, each with its default and what it may be."""
    default, described = Recipe(), Recipe.model_fields
    fields: list[dict[str, Any]] = []
    for name in ORDER:
        value = vars(default)[name]
        field = {"name": name, "about": described[name].description, "default": "" if value is None else setting(value)}
        if name in NUMBERS:
            fields.append({**field, "numbers": NUMBERS[name].split()})
        else:
            fields.append({**field, "choices": _choices(name)})
    return {"fields": fields, "seeds": SEEDS, "cores": site.jobs.cores}


def _choices(field: str) -> list[dict[str, Any]]:
    if field == "model":
        return [{"name": name, "about": MODELS[name].about, "line": MODELS[name].line} for name in MODELS]
    if field == "data":
        known = listing("data") | dict.fromkeys(folders_found(), "your image folder")
        here = data_here()
        return [{"name": name, "about": about, "here": name in here} for name, about in known.items()]
    return [{"name": name, "about": about} for name, about in listing(KINDS[field]).items()]


def data_here() -> list[str]:
    """Data that can be read without a download: a browser cannot have anything fetched."""
    whole = [name for name in DATASETS if not DATASETS[name].missing(data_folder() / DATASETS[name].name)]
    return [*whole, *folders_found()]


def read_setting(fields: Any) -> Recipe:
    """The recipe of a setting, text by field; UsageError for all that the form does not offer."""
    if not isinstance(fields, dict) or not all(isinstance(word, str) for word in fields.values()):
        raise UsageError("a setting is text by field")
    for name, word in fields.items():
        if name not in ORDER:
            raise UnknownName("field", name, ORDER)
        if name in KINDS and word not in listing(KINDS[name]):
            raise UnknownName(name, word, listing(KINDS[name]))
    if (name := fields.get("data", Recipe().data)) not in data_here():
        raise UnknownName("data", name, data_here())
    if len(fields.get("model", "")) > LONGEST_MODEL:
        raise UsageError(f"model: at most {LONGEST_MODEL} characters here")
    recipe = from_words(Recipe(), fields)
    for name, steps in NUMBERS.items():
        low, *_, high = map(float, steps.split())
        value = vars(recipe)[name]
        if value is not None and not low <= value <= high:
            raise UsageError(f"{name}={setting(value)}: {name} is from {low:g} to {high:g} here")
    return recipe


class Opened:
    """Data sets that were opened a moment ago."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Dataset]] = {}

    def __getitem__(self, name: str) -> Dataset:
        then, data = self._known.get(name, (-FRESH, None))
        if data is None or time.monotonic() - then > FRESH:
            data = load(name)
            self._known[name] = time.monotonic(), data
        return data


# A setting


def setting_json(site: Site, opened: Opened, recipe: Recipe) -> dict[str, Any]:
    """What a setting comes to: its net, its run, and what makes the same elsewhere."""
    data = opened[recipe.data]
    plan = make_plan(recipe, known=Facts(data.shape, len(data.classes)))
    net = arch_json(recipe.model, plan.arch, plan.input, as_dtype(recipe.precision).itemsize)
    if net["parameters"] > MOST_PARAMETERS:
        raise UsageError(f"model: {net['parameters']:,} parameters, at most {MOST_PARAMETERS:,} here")
    if recipe.batch * net["output_bytes"] > MOST_BYTES:
        raise UsageError(f"batch={recipe.batch}: a batch takes more than {MOST_BYTES >> 30} GiB, take a smaller one")
    name = folder_of(recipe, data, site.store, "")
    return {
        "run": name,
        "begun": name in site.index.rows,
        "net": net,
        "command": runs.command(recipe),
        "python": runs.python(recipe),
        "recipe": {field: setting(vars(recipe)[field]) for field in ORDER},
    }


def start_run(site: Site, opened: Opened, recipe: Recipe) -> dict[str, Any]:
    """Have the run made, or go on with it."""
    told = setting_json(site, opened, recipe)
    site.jobs.start(told["run"], _words(site, "run", *run_words(recipe)))
    return {"run": told["run"]}


def _words(site: Site, command: str, *words: str) -> list[str]:
    return [command, "--store", str(site.store.root), "--quiet", *words]


# Two settings


def differing(a: Recipe, b: Recipe) -> list[str]:
    """Fields in which two settings differ; the seed is a study's own."""
    return [field for field in ORDER if field != "seed" and vars(a)[field] != vars(b)[field]]


def levels(a: Recipe, b: Recipe) -> dict[str, str]:
    """The words after `fairtrial compare MODEL`: what both have in common, and of each other field both values."""
    apart = differing(a, b)
    common = [word.split("=", 1) for word in run_words(a)[1:]]
    both = {field: (";" if field == "model" else ",").join(_written(each, field) for each in (a, b)) for field in apart}
    return {field: word for field, word in common if field not in apart} | both


def _written(recipe: Recipe, field: str) -> str:
    """The field's value; where the optimizer has its own, that."""
    value = vars(recipe)[field]
    return setting(vars(make_rule(recipe))[field] if value is None else value)


def make_comparison(a: Recipe, b: Recipe, seeds: Any) -> tuple[Study, list[str]]:
    """The study that tells two settings apart, and the words that make it; UsageError if there can be none."""
    if seeds not in SEEDS:
        raise UnknownName("number of seeds", str(seeds), SEEDS)
    apart = differing(a, b)
    if not apart:
        raise UsageError("the two settings are the same: change a field of one of them")
    if len(apart) > MOST_DIFFERING:
        raise UsageError(
            f"the settings differ in {len(apart)} fields, whose combinations are {2 ** len(apart)} arms: at most "
            f"{MOST_DIFFERING} can be told apart here"
        )
    fields = levels(a, b)
    base = Recipe(model=a.model)
    count, until_settled = read_seeds(seeds)
    study = make_study(a.model, base, read_levels(base, fields), DEFAULT_SEEDS if count is None else count)
    check(study)
    words = [a.model, *(f"{field}={word}" for field, word in fields.items()), "--seeds", seeds]
    return replace(study, until_settled=until_settled), words


def comparison_json(site: Site, opened: Opened, both: list[Recipe], seeds: Any, begin: bool) -> dict[str, Any]:
    """The study of two settings, and how many runs it takes; `begin` has it made."""
    for recipe in both:
        setting_json(site, opened, recipe)
    study, words = make_comparison(both[0], both[1], seeds)
    sources = {recipe.data for recipe in study.arms.values()}
    folder = study_folder(study, {name: opened[name].fingerprint for name in sources})
    name = folder.removeprefix(f"{STUDIES}/")
    done = is_done(site, name)
    if begin and not done:
        site.jobs.start(folder, _words(site, "compare", *words), site.jobs.cores)
    return {
        "study": name,
        "done": done,
        "arms": list(study.arms),
        "seeds": len(study.seeds),
        "until_settled": study.until_settled,
        "command": shlex.join(["fairtrial", "compare", *words]),
    }


class Work:
    """What is waiting, at work and over, told whenever that changes."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.said: list[dict[str, Any]] | None = None

    def look(self) -> dict[str, Any] | None:
        """All that the page started; None if nothing happened."""
        now = [
            {"name": job.name, "state": job.state, "said": job.said, "begun": self._begun(job.name)}
            for job in self.site.jobs.look()
        ]
        if now == self.said:
            return None
        self.said = now
        return {"jobs": now}

    def _begun(self, name: str) -> bool:
        """Whether its page can be shown."""
        if name.startswith(f"{STUDIES}/"):
            return self.site.store.get(name, PLAN) is not None
        return name in self.site.index.rows
