"""run(recipe, store) gives the record of a run: what is done is returned, what is begun goes on, to the same bits."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from math import inf, log
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np

from fairtrial.engine.memory import available, keep_freed_memory
from fairtrial.engine.net import Net
from fairtrial.parts.augments import make_augments
from fairtrial.parts.averages import make_average
from fairtrial.parts.datasets import Dataset, Facts, Split, facts, load, row_names
from fairtrial.parts.initialisers import Whitening, make_draw, start
from fairtrial.parts.inputs import apply, make_input
from fairtrial.parts.losses import Criterion, make_criterion
from fairtrial.parts.memory import of_a_step
from fairtrial.parts.models import build
from fairtrial.parts.optimizers import make_rule
from fairtrial.parts.schedules import make_schedule
from fairtrial.spec.arch import Arch, BatchNorm, Conv, Shape, text, walk
from fairtrial.spec.arrays import NumpyArray, Tensors, as_dtype
from fairtrial.spec.errors import (
    DamagedFile,
    DataError,
    DiskFailed,
    EnvironmentDiffers,
    OutOfResources,
    UsageError,
)
from fairtrial.spec.events import PAUSED, Ended, Event, Saved, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.spec.version import SCHEMA, version_of
from fairtrial.store import (
    BEST,
    EVENTS,
    MADE,
    RECIPE,
    FolderStore,
    Record,
    Store,
    as_lines,
    events_of,
    generations,
    in_bytes,
    json_of,
    recipe_and_made,
    whole_events,
)
from fairtrial.train.clock import Clock, Lap, awake, untimed
from fairtrial.train.loop import Diverged, Growth, Progress, progress_of, score, train
from fairtrial.train.state import State, StateFile, read_state
from fairtrial.train.stream import Stream, check_split, make_stream

_OURS = re.compile(
    r"(made|recipe)\.json|events\.jsonl|((state|epoch)-\d+|best)\.safetensors(\.bad)?|(curves|check|profile)\..*"
)
SAMPLE = 5000  # training images that an initialisation may look at
NAMED = 3  # images of a batch that went wrong
GENERATIONS = 2  # states kept: a damaged newest one falls back to the one before
LINE = 256  # bytes of an event, about
PAUSES = "20 20 20"  # seconds before a write is tried again for which the disk has no room; $FAIRTRIAL_RETRY_SECONDS
NAP = 0.1  # seconds in which a signal is noticed


class Watch(Protocol):
    """Someone who looks on while a run is made."""

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None:
        """A run of so many steps starts, so many of them done before."""
        ...

    def see(self, event: Event) -> None: ...

    def wait(self, what: str, done: int, total: int) -> None:
        """Data are being read or downloaded, so far `done` of `total`."""
        ...

    def say(self, text: str) -> None:
        """Something a user should know."""
        ...


class Quiet:
    """Looks on silently; what a user should know goes to Python's logging."""

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None: ...

    def see(self, event: Event) -> None: ...

    def wait(self, what: str, done: int, total: int) -> None: ...

    def say(self, text: str) -> None:
        logging.getLogger("fairtrial").warning(text)


@dataclass(frozen=True)
class Plan:
    """A recipe checked against its data's shape before any image is read."""

    recipe: Recipe
    criterion: Criterion
    image: Shape  # (channels, height, width)
    input: Shape  # what the net sees
    arch: Arch  # empty for a user's own module


def make_plan(recipe: Recipe, own_module: bool = False, known: Facts | None = None) -> Plan:
    """Everything that can be wrong with a recipe is found here: UsageError or DataError, in milliseconds.

    `known` is what is known of the data; if it is not given, what can be seen without reading the images.
    """
    known = known or facts(recipe.data)
    criterion = make_criterion(recipe, known.classes)
    shape = make_input(recipe.input).shape(known.shape)
    make_schedule(recipe.schedule)
    make_rule(recipe)
    make_augments(recipe.augment)
    make_average(recipe.average)
    draw = make_draw(recipe.init)
    special = recipe.precision == "tf32" or recipe.device in ("cuda", "mps") or recipe.compile
    if recipe.engine == "numpy" and (special or recipe.precision == "bf16" or own_module):
        raise UsageError(
            "engine=numpy computes on the CPU, in float32 or float64, nets of fairtrial's own layers, uncompiled; "
            "engine=torch can do the rest"
        )
    if special:
        from fairtrial.engine.torch_net import check_able  # torch itself knows what devices there are

        check_able(recipe)
    if not recipe.valid and (recipe.patience or "plateau" in recipe.schedule):
        raise UsageError("patience and the plateau schedule need a validation part; give it a share, as in valid=0.2")
    if recipe.test_flip and len(shape) != 3:
        raise UsageError(f"test_flip: input={recipe.input} leaves no image that could be mirrored")
    arch = () if own_module else build(recipe, shape, criterion.outputs)
    if recipe.batch == 1 and any(isinstance(layer, BatchNorm) and len(s) == 1 for _, layer, s in walk(arch, shape)):
        raise UsageError("batch=1: batch norm after a linear layer needs at least two images in a batch")
    if isinstance(draw, Whitening) and arch and not isinstance(arch[0], Conv):
        raise UsageError(f"init={recipe.init}: the net must begin with a convolution, whose kernels are to whiten")
    if recipe.compile and "dropout" in text(arch):
        raise UsageError("compile=true: torch.compile cannot take in `dropout`, whose masks are drawn by NumPy")
    return Plan(recipe, criterion, known.shape, shape, arch)


def effective(plan: Plan) -> Recipe:
    """The recipe with every word replaced by what it came to: equal ones make equal runs, whatever the words were."""
    fields = Recipe.model_fields
    unread = {
        name: fields[name].default for name in ("activation", "norm", "dropout", "momentum", "betas", "weight_decay")
    }
    rule = repr(make_rule(plan.recipe))
    return plan.recipe.model_copy(update={**unread, "model": text(plan.arch), "optimizer": rule})


def run(
    recipe: Recipe,
    store: Store | Path | str | None = None,
    *,
    module: Callable[[], Any] | None = None,
    name: str = "",
    watch: Watch | None = None,
    until: int = 0,
    from_scratch: bool = False,
    allow_inexact: bool = False,
    clock: Clock | None = None,
) -> Record:
    """Train as the recipe says, or return what was trained before; the folder is `<name>-<id>`.

    `module` makes a `torch.nn.Module` of your own for images (n, channels, height, width); it takes the place of
    `model`. Ctrl-C finishes the step and saves: the same call goes on to the same bits. `until` pauses the run when
    that epoch is over; a later call goes on. `allow_inexact` lets a run go on in another environment, `from_scratch`
    begins it anew. `watch` looks on; where none is given, a notebook shows table and curves that grow. `clock` is told
    what the time of this call is spent on. Raises the errors of `fairtrial.spec.errors`.
    """
    watch = watch or onlooker()
    store = FolderStore(store or "runs") if isinstance(store, str | Path | None) else store
    plan = whole_plan(recipe, module, facts(recipe.data))
    data = load(recipe.data, skip_bad=recipe.skip_bad, progress=watch.wait)
    if data.shape != plan.image:  # pictures of several sizes: what counts is the one that all were brought to
        plan = whole_plan(recipe, module, Facts(data.shape, len(data.classes)))
    recipe = plan.recipe
    name = folder_of(recipe, data, store, name)
    if not from_scratch and has_reached(store, name, until):
        return store.read(name)
    with interrupts() as signals, memory_errors(), new_start_offered(name), store.hold(name), engine_threads(recipe):
        job = begin(plan, data, store, name, module, from_scratch)
        past = resume(job, watch, allow_inexact)
        watch.begin(name, recipe, recipe.epochs * job.stream.per_epoch, job.state.step)
        first_step = job.state.step
        if clock:
            clock.wait = job.state.net.wait
            clock.lap("start")
        work(job, past, watch, until, signals, clock.lap if clock else untimed)
        if clock:
            clock.images = (job.state.step - first_step) * len(job.split.train) // job.stream.per_epoch
            clock.measure(job.state.net)
    return store.read(name)


def onlooker() -> Watch:
    """Who looks on if nobody was named: in a notebook, an output of the cell."""
    if "IPython" not in sys.modules:
        return Quiet()
    from fairtrial.report.notebook import RunOutput, in_notebook  # what a notebook shows is drawn on demand

    return RunOutput() if in_notebook() else Quiet()


def folder_of(recipe: Recipe, data: Dataset, store: Store, name: str) -> str:
    """Where the store has the recipe's run, or where it will be: under this name, or its model's."""
    run_id = recipe.id(data.fingerprint)
    return store.find(run_id) or f"{slug(name or recipe.model)}-{run_id}"


def whole_plan(recipe: Recipe, module: Callable[[], Any] | None, known: Facts) -> Plan:
    """The plan of a recipe, or of a user's own module in the place of its model."""
    plan = make_plan(recipe, module is not None, known)
    return plan if module is None else with_module(plan, module)


def has_reached(store: Store, name: str, until: int = 0) -> bool:
    """Whether the run came to its end, or to the end of epoch `until`."""
    last = whole_events(store, name)[-1:]
    return any(
        isinstance(e, Ended) and (e.reason != "interrupted" or (_paused(e) and 0 < until <= e.epoch)) for e in last
    )


def check_files(store: Store, name: str) -> None:
    """DamagedFile if a run that was saved lacks what it has to go on from."""
    missing = {MADE, EVENTS} - set(store.files(name))
    if missing and generations(store, name):
        raise DamagedFile(f"{name}/{min(missing)} is missing")


def was_stopped(record: Record) -> bool:
    """Whether a signal ended the run, and not its recipe or a pause that was asked for."""
    return record.end is None and not _paused(record.events[-1])


def _paused(event: Event) -> bool:
    return isinstance(event, Ended) and event.detail == PAUSED


@dataclass(frozen=True)
class Job:
    """A run under way, with the store that takes its events."""

    plan: Plan
    store: Store
    name: str
    state: State
    stream: Stream
    data: Dataset
    split: Split
    fitted: Tensors


def begin(
    plan: Plan, data: Dataset, store: Store, name: str, module: Callable[[], Any] | None, from_scratch: bool
) -> Job:
    """The state before the first step, and a folder that is a run, unless something forbids to start."""
    recipe = plan.recipe
    if not from_scratch:
        check_version(store, name)
    split = data.split(recipe.seed, recipe.valid, recipe.images)
    check_split(split, recipe)
    check_memory(plan, min(recipe.batch, len(split.train)))
    precision = as_dtype(recipe.precision)
    fitted = {k: v.astype(precision) for k, v in make_input(recipe.input).fit(data.images[split.train]).items()}
    sample = split.train[:: -(-len(split.train) // SAMPLE)]  # in even steps: images may lie class by class
    net = make_net(plan, module, lambda: apply(data.images[sample], fitted))
    fresh = from_scratch or not has_begun(store, name)
    origin = adopt(net, store, recipe) if fresh and recipe.parent else {}
    state = State(net, net.optimizer(make_rule(recipe)), make_average(recipe.average))
    job = Job(plan, store, name, state, make_stream(recipe, data, split, net, fitted), data, split, fitted)
    if fresh:
        check_room(job)
        make_folder(store, name, recipe, made(plan, data, split, net) | origin)
    return job


def check_memory(plan: Plan, batch: int) -> None:
    """OutOfResources where a step on the CPU needs more memory than there is; it takes more than is reckoned here."""
    recipe, free = plan.recipe, available()
    if free is None or not plan.arch or recipe.precision == "bf16" or not on_cpu(recipe):
        return
    needed = of_a_step(recipe, plan.arch, plan.input, batch)
    if needed <= free:
        return
    powers = [2**k for k in range(batch.bit_length())]
    fitting = [size for size in powers if of_a_step(recipe, plan.arch, plan.input, size) <= free]
    helps = f"batch={fitting[-1]} is the largest power of two that may fit" if fitting else "a smaller net needs less"
    raise OutOfResources(
        f"a step with {batch} images takes {needed / 1e9:,.1f} GB of memory at least, and {free / 1e9:,.1f} GB are "
        f"free; {helps}"
    )


def on_cpu(recipe: Recipe) -> bool:
    """Whether the run computes in the machine's own memory."""
    if recipe.engine == "numpy":
        return True
    from fairtrial.engine.torch_net import pick_device

    return pick_device(recipe.device) == "cpu"


def has_begun(store: Store, name: str) -> bool:
    """Whether there is a run whose steps need not be made again."""
    return store.get(name, RECIPE) is not None and bool(generations(store, name))


def check_version(store: Store, name: str) -> None:
    """NewerVersion for a run that a later fairtrial wrote; one that is damaged is judged where it matters."""
    with contextlib.suppress(DamagedFile):
        recipe_and_made(store, name)


def adopt(net: Net, store: Store, recipe: Recipe) -> dict[str, Any]:
    """Let the net begin with its parent's weights; returns what the record says of them."""
    name, data = parent_weights(store, recipe.parent)
    load_weights(net, data, name)
    engine = json_of(store, name, RECIPE).get("engine")
    digest = hashlib.sha256(data).hexdigest()
    return {"parent": {"run": name, "weights": digest, "cross_engine": engine != recipe.engine}}


def parent_weights(store: Store, parent: str) -> tuple[str, bytes]:
    """The run that a recipe's `parent` means, and its best weights' file; DataError if they are not to be had."""
    run_id, _, digest = parent.partition(":")
    name = store.find(run_id)
    data = store.get(name, BEST) if name else None
    if data is None:
        raise DataError(f"parent={parent}: {store.path} has no weights of a run {run_id}; bring its folder back")
    if not hashlib.sha256(data).hexdigest().startswith(digest):
        raise DataError(
            f"parent={parent}: run {name} has other weights now; fork it again: fairtrial run {name} --fork"
        )
    return name, data


def make_folder(
    store: Store, name: str, recipe: Recipe, how: dict[str, Any], files: Iterable[tuple[str, bytes]] = ()
) -> None:
    """Empty the folder and make it a run: it is one as long as it holds its recipe, which goes first and comes last."""
    store.drop(name, RECIPE)
    for file in filter(_OURS.fullmatch, store.files(name)):
        store.drop(name, file)
    for file, data in files:
        store.put(name, file, data)
    store.put(name, MADE, as_json(how))
    store.put(name, RECIPE, as_json(recipe.model_dump(mode="json")))


def make_net(plan: Plan, module: Callable[[], Any] | None, seen: Callable[[], NumpyArray]) -> Net:
    """The net before training, on the recipe's engine; torch is imported only where it is asked for."""
    recipe = plan.recipe
    if recipe.engine == "numpy":
        from fairtrial.engine.numpy_net import NumpyNet

        return NumpyNet(plan.arch, plan.input, first(plan, seen), recipe.precision)
    from fairtrial.engine import torch_net

    device = torch_net.pick_device(recipe.device)
    if module is not None:
        return torch_net.ModuleNet.make(module, recipe.seed, recipe.precision, device, recipe.compile)
    numbers = first(plan, seen)
    return torch_net.TorchNet.build(plan.arch, plan.input, numbers, recipe.precision, device, recipe.compile)


def first(plan: Plan, seen: Callable[[], NumpyArray]) -> Tensors:
    """The numbers that the net starts from; `seen` gives training images as the net sees them."""
    return start(plan.arch, plan.input, plan.recipe.init, plan.recipe.seed, seen)


def resume(job: Job, watch: Watch, allow_inexact: bool) -> tuple[Event, ...]:
    """Bring the job to the newest good state on disk, and the events to what they were then; returns these."""
    if not generations(job.store, job.name):
        return ()
    check_layers(job)
    check_environment(job, watch, allow_inexact)
    file, past = newest_good(job.store, job.name, watch)
    job.state.load(file)
    if not has_reached(job.store, job.name, until=1):  # a pause was asked for: nobody wonders that it goes on
        watch.say(f"{job.name}: resumed after step {job.state.step}")
    lines = as_lines(past)
    if (job.store.get(job.name, EVENTS) or b"") != lines:  # as bytes: a torn line must not stay, the next would join it
        job.store.put(job.name, EVENTS, lines)
    check_room(job)
    return past


def newest_good(store: Store, name: str, watch: Watch) -> tuple[StateFile, tuple[Event, ...]]:
    """The newest state whose bits and events are whole, and these events; damaged ones are set aside as `.bad`."""
    states, events = generations(store, name), whole_events(store, name)
    reasons: list[str] = []
    for file in states:
        data = store.get(name, file) or b""
        try:
            state = read_state(data, f"{name}/{file}")
            if len(events) < state.meta["events"]:
                list(events_of(store, name))  # a line that is damaged is what to tell
                raise DamagedFile(f"{name}/{file}: {EVENTS} ends before it")
            if any(isinstance(e, Scored) and e.best for e in events[: state.meta["events"]]):
                unpack(store.get(name, BEST) or b"", f"{name}/{BEST}")
        except DamagedFile as error:
            reasons.append(str(error))
            continue
        for reason in reasons:
            watch.say(f"{reason}; going back to {file}")
        for bad in states[: len(reasons)]:
            store.put(name, f"{bad}.bad", store.get(name, bad) or b"")
            store.drop(name, bad)
        return state, events[: state.meta["events"]]
    raise DamagedFile("; ".join([*dict.fromkeys(reasons), "no saved state can be gone on from"]))


def check_layers(job: Job) -> None:
    """DamagedFile if the recipe's words stand for other layers than those that were saved; old runs do not say."""
    was, now = json_of(job.store, job.name, MADE), layers(job.plan, job.state.net)
    if was.get("layers", now) != now:
        raise DamagedFile(
            f"{job.name}: its layers were {was['layers']} ({was.get('arch')}), "
            f"model={job.plan.recipe.model} stands for {now} now ({text(job.plan.arch)})"
        )


def check_environment(job: Job, watch: Watch, allow_inexact: bool) -> None:
    """EnvironmentDiffers if the bits would not come back here; with `allow_inexact` the record is marked instead."""
    was, now = json_of(job.store, job.name, MADE), environment(job.state.net)
    then = was["environment"]
    differing = [f"{key}: {then.get(key)} then, {value} now" for key, value in now.items() if then.get(key) != value]
    if not differing:
        return
    if not allow_inexact:
        raise EnvironmentDiffers(
            f"run {job.name} was begun elsewhere ({'; '.join(differing)}); its bits would not come back. "
            "--allow-inexact goes on all the same and marks the run"
        )
    watch.say(f"{job.name}: going on inexactly ({'; '.join(differing)})")
    job.store.put(job.name, MADE, as_json({**was, "inexact": sorted({*was.get("inexact", []), *differing})}))


def check_room(job: Job) -> None:
    """OutOfResources, before a step is made, if the disk has no room for all that the run will write."""
    recipe, state = job.plan.recipe, job.state
    weights = sum(values.nbytes for values in [*state.net.params.values(), *state.net.buffers.values()])
    whole = sum(values.nbytes for values in state.changing().values())
    kept = recipe.epochs if recipe.keep == "all" else 0
    steps = recipe.epochs * job.stream.per_epoch
    lines = 12 * recipe.epochs + sum(steps // every for every in (recipe.score_every, recipe.save_every) if every)
    taken, there = job.store.room(job.name)
    needed = (GENERATIONS + 1) * whole + (1 + kept) * weights + LINE * lines - taken
    if needed > there:
        raise OutOfResources(
            f"{job.store.path}/{job.name}: {in_bytes(needed, there)}; make room, or give another folder with --store"
        )


class Desk:
    """Writes a run's events as they come, with the weights and states that belong to them; waits for a full disk."""

    def __init__(self, job: Job, past: tuple[Event, ...], watch: Watch, signals: list[int]) -> None:
        self.job, self.watch, self.signals = job, watch, signals
        self.events = list(past)
        self.progress = progress_of(job.plan.recipe, past)
        self.growth = Growth(log(job.plan.criterion.classes) if job.plan.recipe.loss == "cross-entropy" else 0.0)
        for event in past:
            self.growth.see(event)
        self.pauses = pauses()

    def write(self, event: Event) -> None:
        """When this returns, the disk holds what the event promises."""
        store, name = self.job.store, self.job.name
        self.events.append(event)
        self.patiently(
            lambda: store.append(name, event),
            # Whole: it may end in half a line by now, and lines that could not be synced may never come to the disk
            again=lambda: store.put(name, EVENTS, as_lines(self.events)),
        )
        if isinstance(event, Scored):
            self.progress = self.progress.after(event)
            self.patiently(lambda: keep_weights(self.job, event))
        elif isinstance(event, Saved):
            self.save()

    def save(self) -> None:
        """Write the state that these events have led to."""
        self.patiently(lambda: save(self.job, len(self.events)))

    def patiently(self, write: Callable[[], None], again: Callable[[], None] | None = None) -> None:
        """Write, and where the disk fails, wait and write `again`; DiskFailed after the last time, or on a signal."""
        for seconds in self.pauses:
            try:
                write()
            except DiskFailed as error:
                if self.signals:
                    raise
                self.watch.say(f"waiting {seconds:g} s to write again: {error}")
            else:
                return
            until = time.monotonic() + seconds
            while not self.signals and time.monotonic() < until:
                time.sleep(min(NAP, seconds))
            write = again or write
        write()

    def take(self, event: Event) -> None:
        """Write the event and tell of it."""
        self.write(event)
        self.watch.see(event)
        grown = self.growth.see(event)
        if grown and not self.job.plan.recipe.schedule.startswith("sweep"):  # which is to go too far
            self.watch.say(f"{self.job.name}: {grown}")

    def close(self, diverged: Diverged | None, lap: Lap = untimed) -> None:
        """Write how the run ended; one that a signal ended is saved first."""
        if not diverged and self.signals:
            self.save()
        detail = f"{diverged}; {batch_in_words(self.job, diverged.step)}" if diverged else ""
        ended = ending(self.job, self.progress, detail, self.signals)
        lap("evaluation")
        self.take(ended)
        lap("disk")


def work(job: Job, past: tuple[Event, ...], watch: Watch, until: int, signals: list[int], lap: Lap = untimed) -> None:
    """Make what is left of the run, writing each event as it comes."""
    desk, diverged = Desk(job, past, watch, signals), None

    def stop() -> bool:
        return bool(signals) or 0 < until <= job.state.step / job.stream.per_epoch

    try:
        for event in train(job.plan.recipe, job.state, job.stream, job.plan.criterion, past, stop, lap):
            desk.take(event)
    except Diverged as error:
        diverged = error
    desk.close(diverged, lap)


def pauses() -> list[float]:
    """Seconds to wait, time after time, for a disk that does not take what is written."""
    given = os.environ.get("FAIRTRIAL_RETRY_SECONDS", PAUSES)
    with contextlib.suppress(ValueError):
        seconds = [float(word) for word in given.split()]
        if all(0 <= each < inf for each in seconds):
            return seconds
    raise UsageError(f"FAIRTRIAL_RETRY_SECONDS={given!r}: it must be numbers of seconds, as in {PAUSES!r}")


def batch_in_words(job: Job, step: int) -> str:
    """The images of this step, counted from 1: the first few by name, and how many there are."""
    rows, names = job.state.net.numpy(job.stream.index(step - 1)), row_names(job.plan.recipe.data, job.data)
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f"its batch: {', '.join(names[row] for row in rows[:NAMED])}{more}"


def ending(job: Job, progress: Progress, diverged: str, signals: list[int]) -> Ended:
    """How the run ended. Only a run that came to its end is scored on the test part, with its best weights."""
    recipe, step = job.plan.recipe, job.state.step
    ended = Ended(step, progress.epoch, "diverged", progress.best_epoch, {}, diverged)
    if diverged:
        return ended
    if progress.epoch and not progress.best_epoch:
        return replace(ended, detail=f"the {recipe.monitor} of no epoch was a finite number")
    complete = step == recipe.epochs * job.stream.per_epoch or 0 < recipe.patience <= progress.waited
    if not complete:
        return replace(ended, reason="interrupted", detail=signal.Signals(signals[0]).name if signals else PAUSED)
    reason = "finished" if step == recipe.epochs * job.stream.per_epoch else "early-stopped"
    return replace(ended, reason=reason, scores=test_scores(job) if recipe.score_test else {})


def test_scores(job: Job) -> dict[str, float]:
    """Of the best weights on the test part."""
    load_weights(job.state.net, job.store.get(job.name, BEST) or b"", job.name)
    return score(job.state.net, job.stream, job.plan.criterion, "test", job.split.test)


def load_weights(net: Net, data: bytes, name: str) -> None:
    """Let the net have the best weights of a run, from their file; what was fitted to its input stays there."""
    weights = unpack(data, f"{name}/{BEST}")[0]
    net.load({k: v for k, v in weights.items() if not k.startswith("input/")})


def keep_weights(job: Job, event: Scored) -> None:
    """Write the weights of an epoch that is the best so far, and of every epoch where the recipe says so."""
    every = job.plan.recipe.keep == "all" and event.at_end
    files = [BEST] * event.best + [f"epoch-{event.epoch}.safetensors"] * every
    if not files:
        return
    with job.state.averaged():
        tensors = job.state.net.tensors()
    tensors |= {f"input/{k}": v for k, v in job.fitted.items()}
    data = pack(tensors, {"step": event.step, "epoch": event.epoch})
    for file in files:
        job.store.put(job.name, file, data)


def save(job: Job, events: int) -> None:
    """Write the state, then let go of all but the newest generations."""
    job.store.put(job.name, f"state-{job.state.step}.safetensors", job.state.save(events))
    for old in generations(job.store, job.name)[GENERATIONS:]:
        job.store.drop(job.name, old)


@contextlib.contextmanager
def interrupts() -> Generator[list[int]]:
    """The list receives the first SIGINT or SIGTERM, so that the step can be finished; a second one acts as usual.

    Meanwhile the time in which the process is stopped is nobody's.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught  # only the main thread may set handlers
        return

    def remember(number: int, _: FrameType | None) -> None:
        caught.append(number)
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        signal.signal(signal.SIGTERM, before[signal.SIGTERM])

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    if sys.platform != "win32":
        before[signal.SIGCONT] = signal.signal(signal.SIGCONT, awake.go_on)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def new_start_offered(name: str) -> Generator[None]:
    """Damage that a run cannot get over, with the one thing that is left to do."""
    try:
        yield
    except DamagedFile as error:
        raise DamagedFile(f"{error}\n--from-scratch begins run {name} anew") from error


@contextlib.contextmanager
def engine_threads(recipe: Recipe) -> Generator[None]:
    """The recipe's threads and kind of products while the run lasts, and memory that is kept from step to step."""
    keep_freed_memory()
    if recipe.engine == "torch":
        from fairtrial.engine.torch_net import settings

        held = settings(recipe.threads, recipe.precision)
    else:
        from threadpoolctl import threadpool_limits

        held = threadpool_limits(recipe.threads)
    with held:
        yield


@contextlib.contextmanager
def memory_errors() -> Generator[None]:
    """Running out of memory as OutOfResources, whichever engine it happens in."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        raise OutOfResources(f"out of memory: {error}; a smaller batch needs less") from error


def slug(text: str) -> str:
    """The text as the beginning of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "run"


def with_module(plan: Plan, module: Callable[[], Any]) -> Plan:
    """The plan with a user's own module by its name, made and tried once; UsageError if it cannot be the net."""
    from fairtrial.engine import own, torch_net

    net = torch_net.ModuleNet.make(module, plan.recipe.seed, plan.recipe.precision, "cpu")
    recipe = plan.recipe.model_copy(update={"model": own.own_name(module, net.module)})
    net.rehearse(own.called(module), plan.input, plan.criterion.outputs)
    return replace(plan, recipe=recipe)


def made(plan: Plan, data: Dataset, split: Split, net: Net) -> dict[str, Any]:
    """How and from what the run was made; what must be equal for its bits to come back is under `environment`."""
    rows = {"train": split.train, "valid": split.valid, "test": split.test}
    return {
        "schema": SCHEMA,
        "environment": environment(net),
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "classes": list(data.classes),
            "notes": list(data.notes),
            "skipped": [[bad.path, bad.reason] for bad in data.skipped],
            "counts": {part: len(index) for part, index in rows.items()},
            "split": hashlib.sha256(b"".join(index.tobytes() for index in rows.values())).hexdigest(),
        },
        "image": plan.image,
        "input": plan.input,
        "arch": text(plan.arch),
        "layers": layers(plan, net),
    }


def layers(plan: Plan, net: Net) -> str:
    """Twelve hex digits of SHA-256 over the layers and the names and shapes of their numbers."""
    shapes = sorted((name, tuple(values.shape)) for name, values in {**net.params, **net.buffers}.items())
    return hashlib.sha256(repr((text(plan.arch), shapes)).encode()).hexdigest()[:12]


def environment(net: Net) -> dict[str, str]:
    """What the bits of a run depend on beside its recipe and data."""
    torch = net.xp.__name__ == "torch"
    packages = ("fairtrial", "numpy", "torch" if torch else "scipy")
    versions = {package: version_of(package) for package in packages}
    simd = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # as wide as they are, sums are grouped
    cpu = [platform.machine(), *simd[-1:], *([net.xp.backends.cpu.get_cpu_capability()] if torch else [])]
    return {"python": platform.python_version(), **versions, "cpu": " ".join(cpu), "device": net.place}


def as_json(value: dict[str, Any]) -> bytes:
    """Readable with `cat`."""
    return (json.dumps(value, indent=2) + "\n").encode()
