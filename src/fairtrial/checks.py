"""Two short runs before the long one: a range test of learning rates, and a single batch to be learnt by heart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from fairtrial.parts.datasets import facts, load
from fairtrial.report.checks import BatchTest, RateTest, batch_test, rate_test
from fairtrial.runner import Quiet, Watch, run, was_stopped, whole_plan
from fairtrial.spec.events import Event
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, Record, Store
from fairtrial.train.stream import steps_per_epoch

LOWEST, HIGHEST = 1e-5, 10.0  # rates: from where little learns to where little holds, whatever the optimizer
SWEEP = 400  # steps of a range test: with fewer, slow nets diverge before they have learnt anything
ROUND = 20  # steps of its epochs, at most: a point in its curve is a tenth of one
PAUSES = (25, 50, 100, 200, 400)  # steps on one batch, after which it is looked whether they are enough
CHART = "check"
RATE, BATCH = "find-lr", "overfit"  # how the names of their runs begin


class Settings(TypedDict, total=False):
    """What `run` takes beside a recipe and a store."""

    module: Callable[[], Any] | None
    name: str
    watch: Watch | None
    from_scratch: bool
    allow_inexact: bool


def find_lr(recipe: Recipe, store: Store | None = None, **settings: Unpack[Settings]) -> RateTest:
    """Raise the rate step by step over six decades and see where the loss falls (Smith 2017).

    What it suggests is a place to begin; `compare` with several rates decides. Takes what `run` takes; the curve is in
    the run's folder. The validation and the test part are left alone.
    """
    store = FolderStore() if store is None else store
    record = _made(range_recipe(recipe, training_images(recipe, settings)), store, RATE, settings)
    test = rate_test(record)
    if test.over and test.points and isinstance(store, FolderStore):
        from fairtrial.report.charts import rate_chart, write_chart

        write_chart(rate_chart(test), chart_of(record))
    return test


def overfit(recipe: Recipe, store: Store | None = None, **settings: Unpack[Settings]) -> BatchTest:
    """Train on one batch, again and again, without anything that works against learning it by heart (Karpathy 2019).

    Ends when the batch is learnt, after 400 steps at most: a net that cannot do it is broken, or its loss or its rate
    is. Takes what `run` takes; the curves are in the run's folder.
    """
    store = FolderStore() if store is None else store
    test = _learning(batch_recipe(recipe, training_images(recipe, settings)), store, settings)
    if test.over and test.steps and isinstance(store, FolderStore):
        from fairtrial.report.charts import batch_chart, write_chart

        write_chart(batch_chart(test), chart_of(test.record))
    return test


def _learning(recipe: Recipe, store: Store, settings: Settings) -> BatchTest:
    """Go on from pause to pause, until the batch is learnt or the run is over or was stopped."""
    test = batch_test(_made(recipe, store, BATCH, settings, PAUSES[0]))
    for pause in PAUSES[1:]:
        if test.over or was_stopped(test.record):
            break
        going_on: Settings = {**settings, "from_scratch": False, "watch": _GoesOn(settings.get("watch") or Quiet())}
        test = batch_test(_made(recipe, store, BATCH, going_on, pause))
    return test


@dataclass(frozen=True)
class _GoesOn(Quiet):
    """Looks on at a run after a pause of our own, of which nobody needs to be told."""

    watch: Watch

    def see(self, event: Event) -> None:
        self.watch.see(event)

    def say(self, text: str) -> None: ...


def range_recipe(recipe: Recipe, images: int) -> Recipe:
    """The recipe with a rate that rises through all of its steps; of large data, so many that curves have points."""
    used = min(images, ROUND * recipe.batch)
    return _short(recipe).but(
        images=used, epochs=-(-SWEEP // steps_per_epoch(used, recipe.batch)), score_train=False,
        lr=HIGHEST, schedule=f"sweep {LOWEST / HIGHEST:g}",
    )  # fmt: skip


def batch_recipe(recipe: Recipe, images: int) -> Recipe:
    """The recipe with one batch for all training data; two images are the least that batch norm can use."""
    batch = min(max(recipe.batch, 2), images)
    return _short(recipe).but(
        images=batch, batch=batch, epochs=PAUSES[-1], score_train=True, schedule="constant", dropout=0.0,
        augment="none", average="none", l1=0.0, l2=0.0, weight_decay=0.0, label_smoothing=0.0,
    )  # fmt: skip


def _short(recipe: Recipe) -> Recipe:
    """The recipe of a run that looks at nothing but training images."""
    return recipe.but(valid=0.0, patience=0, score_every=0, test_every=0, score_test=False, save_every=0, keep="best")


def training_images(recipe: Recipe, settings: Settings) -> int:
    """How many there are; what is wrong with the recipe is found before they are read."""
    whole_plan(recipe, settings.get("module"), facts(recipe.data))
    watch = settings.get("watch") or Quiet()
    return recipe.images or load(recipe.data, skip_bad=recipe.skip_bad, progress=watch.wait).test_from


def _made(recipe: Recipe, store: Store, check: str, settings: Settings, until: int = 0) -> Record:
    own = "own" if settings.get("module") else recipe.model
    named: Settings = {**settings, "name": f"{check} {settings.get('name') or own}"}
    return run(recipe, store, until=until, **named)


def option_of(record: Record) -> str:
    """The option that made this run as a check; nothing for any other run."""
    checked = not record.recipe.valid and not record.recipe.score_test
    return next((f"--{name}" for name in (RATE, BATCH) if checked and record.name.startswith(f"{name}-")), "")


def chart_of(record: Record) -> Path:
    """Where a check's chart is, without the endings .svg and .png."""
    return Path(record.store.path) / record.name / CHART
