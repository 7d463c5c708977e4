"""A run that is there is taken further: as it is, for more epochs, or by a child that starts from its weights."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fairtrial.engine.net import check_fit
from fairtrial.parts.datasets import Dataset, load
from fairtrial.parts.schedules import Moment, make_schedule
from fairtrial.report.wording import run_words, setting
from fairtrial.runner import Quiet, Watch, has_begun, make_folder, make_plan, newest_good
from fairtrial.spec.arch import arch_buffers, arch_params
from fairtrial.spec.errors import DataError, ShapeError, UsageError
from fairtrial.spec.recipe import FIELDS, Recipe
from fairtrial.store import BEST, EVENTS, Record, as_lines
from fairtrial.train.stream import steps_per_epoch

SHORT = 12  # digits of a fingerprint
SPLIT = ("seed", "valid", "images")  # fields that say which images are held out


def go_on(record: Record, recipe: Recipe, watch: Watch) -> None:
    """See to it that `run` goes on with this run, or with what a longer one has in common with it.

    UsageError, with all that differs, where the recipe is another one; DataError where the data are.
    """
    check_own(record)
    if changed := list(differing(record, recipe)):
        raise UsageError(
            f"run {record.name} was begun otherwise: {'; '.join(changed)}\n"
            f"--fork starts from its best weights; from the beginning: {command(record, recipe)}"
        )
    check_data(record, recipe, watch)
    if recipe.epochs > record.recipe.epochs:
        lengthen(record, recipe, watch)


def fork(record: Record, recipe: Recipe) -> Recipe:
    """The recipe of a child that starts from the run's best weights; ShapeError, by the layer, if they do not fit.

    UsageError where images that the run has learnt would be held out, DataError where its data have changed.
    """
    check_own(record)
    if recipe.data == record.recipe.data:
        if moved := [
            f"{field}={getattr(record.recipe, field)}"
            for field in SPLIT
            if getattr(recipe, field) != getattr(record.recipe, field)
        ]:
            raise UsageError(
                f"--fork: with another split the weights of run {record.name} know images that are held out; "
                f"keep {', '.join(moved)}"
            )
        check_data(record, recipe, Quiet())
    plan = make_plan(recipe)
    fitting = {name: w for name, w in record.weights().items() if not name.startswith("input/")}
    try:
        check_fit(fitting, {**arch_params(plan.arch, plan.input), **arch_buffers(plan.arch, plan.input)})
    except ShapeError as error:
        raise ShapeError(f"--fork needs layers of the same shapes as those of run {record.name}: {error}") from None
    digest = hashlib.sha256(record.store.get(record.name, BEST) or b"").hexdigest()
    return recipe.but(parent=f"{id_of(record, record.recipe)}:{digest[:12]}")


def check_data(record: Record, recipe: Recipe, watch: Watch) -> None:
    """DataError, with what differs, if the data are not those that the run was begun with."""
    was = record.made["data"]["fingerprint"]
    data = load(recipe.data, skip_bad=recipe.skip_bad, progress=watch.wait)
    if was != data.fingerprint:
        raise DataError(
            f"data {recipe.data} are others than run {record.name} was begun with: {other_data(record, data)} "
            f"(fingerprint {was[:SHORT]} then, {data.fingerprint[:SHORT]} now)\n"
            f"bring those back; or a run of its own: {command(record, recipe)}"
        )


def other_data(record: Record, data: Dataset) -> str:
    """How these data differ from those of the run, as far as its record tells."""
    then = record.made["data"]
    counts = then["counts"]
    numbers = {"classes": (len(then["classes"]), len(data.classes))}
    if not record.recipe.images:  # else it says nothing of the images that were left out
        numbers["training images"] = (counts["train"] + counts["valid"], data.test_from)
    numbers["test images"] = (counts["test"], len(data.labels) - data.test_from)
    changed = [f"{was} {what} then, {now} now" for what, (was, now) in numbers.items() if was != now]
    return ", ".join(changed) or "as many images and classes, of other pixels, labels or names"


def check_own(record: Record) -> None:
    """UsageError for a run that is not taken further by its name."""
    if not record.made["arch"]:
        raise UsageError(f"run {record.name} trained code of your own; the command that began it goes on with it")
    if not record.name.endswith(f"-{id_of(record, record.recipe)}"):
        raise UsageError(
            f"run {record.name} was renamed; call its folder ...-{id_of(record, record.recipe)} to go on with it"
        )


def id_of(record: Record, recipe: Recipe) -> str:
    """The id of a recipe's run on the data of this one."""
    return recipe.id(record.made["data"]["fingerprint"])


def command(record: Record, recipe: Recipe) -> str:
    """The command that makes the recipe's run in the same store."""
    place = [] if Path(record.store.path) == Path("runs") else ["--store", record.store.path]
    return shlex.join(["fairtrial", "run", *run_words(recipe), *place])


def differing(record: Record, recipe: Recipe) -> Iterator[str]:
    """The fields that keep a recipe's run from going on with this one; more epochs do where no rate so far changes."""
    then, now = record.recipe.model_dump(mode="json"), recipe.model_dump(mode="json")
    changed = {field: f"{field}: {setting(then[field])} -> {setting(now[field])}" for field in FIELDS}
    changed = {field: line for field, line in changed.items() if then[field] != now[field]}
    if list(changed) == ["epochs"] and recipe.epochs > record.recipe.epochs:
        if step := first_other_rate(record, recipe):
            yield f"{changed['epochs']}: schedule={recipe.schedule} depends on them, so step {step} had another rate"
        return
    yield from changed.values()


def first_other_rate(record: Record, recipe: Recipe) -> int:
    """The first of the run's steps, from 1, that has another rate in the longer run of this recipe; 0: none has."""
    schedule = make_schedule(recipe.schedule)
    per_epoch = steps_per_epoch(record.made["data"]["counts"]["train"], recipe.batch)
    losses = tuple(e.scores["valid/loss"] for e in record.epochs if "valid/loss" in e.scores)
    for step in range(record.events[-1].step if record.events else 0):
        past = losses[: step // per_epoch]
        rates = {schedule(Moment(step, n * per_epoch, per_epoch, past)) for n in (record.recipe.epochs, recipe.epochs)}
        if len(rates) > 1:
            return step + 1
    return 0


def lengthen(record: Record, recipe: Recipe, watch: Watch) -> None:
    """Let the longer run of this recipe begin with what the run has made, unless it has steps of its own."""
    store, run_id = record.store, id_of(record, recipe)
    name = store.find(run_id) or f"{record.name.rpartition('-')[0]}-{run_id}"
    with store.hold(record.name), store.hold(name):
        if has_begun(store, name) or not has_begun(store, record.name):
            return
        state, past = newest_good(store, record.name, watch)
        step = state.meta["step"]
        how = {**record.made, "extends": {"run": record.name, "step": step}}
        weights = (file for file in store.files(record.name) if file == BEST or file.startswith("epoch-"))
        kept = ((file, store.get(record.name, file) or b"") for file in (*weights, f"state-{step}.safetensors"))
        make_folder(store, name, recipe, how, chain(kept, [(EVENTS, as_lines(past))]))
