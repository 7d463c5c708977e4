"""The command line: each command reads its words, makes one call, and shows the outcome."""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import re
import select
import shlex
import signal
import stat
import sys
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperCommand

from fairtrial.spec.errors import DamagedFile, FairtrialError, OutOfResources, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from fairtrial.doctor.findings import Diagnosis
    from fairtrial.inventory import StudyLine
    from fairtrial.report.checks import BatchTest, RateTest
    from fairtrial.report.profile import Profile
    from fairtrial.runner import Clock
    from fairtrial.spec.recipe import Recipe
    from fairtrial.store import FolderStore, Record
    from fairtrial.study.plan import Study

app = typer.Typer(
    help="Every model deserves a fair trial: train image classifiers, compare them honestly.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def store_folder(path: Path | str) -> Path:
    """A folder by its path; an empty one, as of a variable that is not set, would be the working directory."""
    if path == "":
        raise UsageError("--store '' names no folder; give one, as in --store runs")
    return Path(path)


LEAVING = 100  # ms
NAMED = 9  # runs that a word may mean
Fields = Annotated[list[str] | None, typer.Argument(metavar="[field=value ...]", help="recipe fields to set")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object; everything else goes to standard error")]
StorePath = Annotated[
    Path, typer.Option("--store", metavar="DIR", parser=store_folder, help="the folder where runs are kept")
]
Silent = Annotated[bool, typer.Option("--quiet", help="no progress, only the outcome")]
Trust = Annotated[bool, typer.Option("--trust-code", help="let model=path/net.py:Class run the code in that file")]
RUNS = Path("runs")
LOCAL = "127.0.0.1"
DEFAULT = "mlp"
TAKEN = "a script (.py), curves (.csv, .tsv, .json, .jsonl, TensorBoard's event files or a folder of them), or a run"
USAGE = 2  # the exit code for words of the command that cannot be meant
ANEW = "the words that began a damaged run make it anew with --from-scratch, those of a damaged study by themselves"
WrongWords = cast(
    "type[Exception]", typer.BadParameter.mro()[1]
)  # typer's errors are click's, or those of its own copy of it


@app.command()
def run(
    target: Annotated[
        str, typer.Argument(metavar="RECIPE|MODEL|RUN", help="a recipe, a model, a model's line of text, or a run")
    ],
    fields: Fields = None,
    as_json: Json = False,
    store: StorePath = RUNS,
    quiet: Silent = False,
    trust_code: Trust = False,
    fork: Annotated[bool, typer.Option("--fork", help="of RUN: a run of its own from its best weights")] = False,
    from_scratch: Annotated[bool, typer.Option(help="begin a run anew, whatever is there of it")] = False,
    allow_inexact: Annotated[bool, typer.Option(help="go on with a run of another environment; marks it")] = False,
    find_lr: Annotated[
        bool, typer.Option("--find-lr", help="instead, a short run whose rate rises: says where to begin")
    ] = False,
    overfit: Annotated[
        bool, typer.Option("--overfit", help="instead, a short run on one batch: says whether the net can learn it")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="also say where the time went, as table and chart")
    ] = False,
) -> None:
    """Train a net, or go on with a run that was stopped.

    The same command gives the same run, to the bit. A run goes on by its name too, or the beginning of it, also with
    more epochs where its schedule does not depend on them.

    \b
    fairtrial run cnn2 data=mnist epochs=3
    fairtrial run mnist-mlp optimizer=sgd lr=0.1
    fairtrial run "conv 10, pool, act, flatten, linear classes" engine=numpy
    fairtrial run cnn2 data=mnist --find-lr
    fairtrial run cnn2 data=mnist epochs=3 --profile
    fairtrial run mnist-cnn threads=auto
    fairtrial run mlp-0123456789ab epochs=30
    fairtrial run mlp-0123456789ab lr=1e-4 --fork
    """
    if find_lr + overfit + profile > 1:
        raise UsageError("--find-lr, --overfit and --profile are runs of their own: ask for one, then for the other")
    words, probed = without_auto_threads([target, *(fields or [])])
    begun = run_called(words[0], store)
    store = Path(begun.store.path) if begun else store
    if begun and probed:
        raise UsageError(f"threads=auto is for new runs: {begun.name} keeps its threads={begun.recipe.threads}")
    if begun and (find_lr or overfit):
        raise UsageError(
            "--find-lr and --overfit begin at the start: give the words of a recipe, not the name of a run"
        )
    if begun:
        from fairtrial.checks import option_of

        if option := option_of(begun):
            raise UsageError(
                f"run {begun.name} is a check: the words that began it go on with it, {option} among them; "
                f"`fairtrial show {begun.name}` has its numbers"
            )
    if fork and not begun:
        raise UsageError(f"--fork starts from a run's weights, and {words[0]!r} is none; see: fairtrial list runs")
    name, recipe, module = read_again(begun, words[1:], fork) if begun else read_target(words[0], words[1:], trust_code)
    from fairtrial.further import go_on
    from fairtrial.report.contract import record_json
    from fairtrial.report.progress import Progress
    from fairtrial.report.text import show_record, show_table
    from fairtrial.runner import Clock, Quiet
    from fairtrial.runner import run as make_run

    if probed:
        from fairtrial.probe import pick_threads

        with _watching(quiet, Progress, Quiet) as watch:
            recipe = pick_threads(recipe, _store(store), module=module, watch=watch)
        words.append(f"threads={recipe.threads}")
    settings: dict[str, Any] = {"module": module, "name": name}
    settings |= {"from_scratch": from_scratch, "allow_inexact": allow_inexact}
    if find_lr or overfit:
        from fairtrial import checks
        from fairtrial.report.checks import CheckProgress

        with _watching(quiet, CheckProgress, Quiet) as watch:
            test = (checks.find_lr if find_lr else checks.overfit)(recipe, _store(store), watch=watch, **settings)
        print_json(test.plain()) if as_json else print(test.said)
        if test.over and not as_json:
            show_names(next_steps(test, [*words, *["--trust-code"] * trust_code]))
        leave(int(not test.passed) if test.over else exit_code(test.record))
    clock = Clock() if profile else None
    with _watching(quiet, Progress, Quiet) as watch:
        if begun and not fork:
            go_on(begun, recipe, watch)
        record = make_run(recipe, _store(store), watch=watch, clock=clock, **settings)
    draw_curves(record, _store(store))
    spent = time_spent(record, clock, _store(store)) if clock else None
    if as_json:
        print_json(record_json(record) | ({"profile": spent.plain()} if spent else {}))
    else:
        show_record(record, console())
        if spent:
            show_table(spent.table(), console())
    leave(exit_code(record))


def time_spent(record: Record, clock: Clock, store: FolderStore) -> Profile:
    """What a clock says of the run, written down too."""
    from fairtrial.api import write_profile
    from fairtrial.report.profile import profile

    if not clock.images:
        raise UsageError(f"{record.name}: it was trained before, and no time was spent; --from-scratch makes it again")
    made = profile(record, clock.seconds, clock.images, clock.rate)
    write_profile(made, store)
    return made


def leave(code: int) -> NoReturn:
    """End the command; after a signal, with what there is left to do."""
    if code in (130, 143):
        print("fairtrial: stopped; the same command goes on from here", file=sys.stderr)
    raise typer.Exit(code)


def next_steps(test: RateTest | BatchTest, words: list[str]) -> dict[str, str]:
    """Where a check's chart is, and what to do with a rate that it found."""
    from fairtrial.checks import chart_of

    shown = {"chart:": f"{chart_of(test.record)}.svg and .png"}
    lr = test.plain().get("lr")
    if lr is None:
        return shown
    words = [word for word in words if not word.startswith("lr=")]
    shown["to train:"] = shlex.join(["fairtrial", "run", *words, f"lr={lr:g}"])
    if "--trust-code" not in words:  # comparing takes no code of one's own
        tune = f"lr={lr / 10:g}..{lr * 10:g}:log"
        shown["to be sure:"] = shlex.join(["fairtrial", "compare", *words, "--tune", tune])
    return shown


@app.command()
def compare(
    target: Annotated[
        str, typer.Argument(metavar="STUDY|RECIPE|MODEL", help="a study, or what the arms have in common")
    ],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[field=a,b,c ...]", help="several values make arms, a single one is set"),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(
            metavar="N|auto[:N]",
            help="runs of each arm, paired by seed (the study's, else 5); auto: until all is decided, 30 at most",
        ),
    ] = "",
    margin: Annotated[
        float | None, typer.Option(help="the difference in the metric that would not matter (the study's, else 0.005)")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="the score that decides, or measure/NAME (the study's, else test/accuracy)")
    ] = "",
    tune: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=low..high[:log]", help="find each arm its own value first, in this range"),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="short runs of each arm to find it, on the validation part (the study's, else 12)"),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="a study with the report's own data and protocol")] = False,
    jobs: Annotated[int, typer.Option(help="runs at the same time; 0: as many as there are cores for")] = 0,
    executor: Annotated[str, typer.Option(help="processes, serial or ray")] = "processes",
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="of a Ray cluster; none: one on this machine")] = "",
    as_json: Json = False,
    store: StorePath = RUNS,
    quiet: Silent = False,
) -> None:
    """Compare values over several seeds: table, verdicts, page.

    \b
    fairtrial compare optimizers
    fairtrial compare mlp optimizer=adam,momentum,sgd
    fairtrial compare mlp optimizer=adam,sgd lr=0.1,0.01 --seeds 10
    fairtrial compare mlp optimizer=adam,sgd --tune lr=1e-4..1:log
    """
    from fairtrial.study.plan import read_seeds

    count, until_settled = read_seeds(seeds)
    study = read_study_or_levels(target, fields or [], count, full)
    study = with_options(study, until_settled, margin=margin, metric=metric, tune=tune, trials=trials)
    from fairtrial import api
    from fairtrial.report.progress import StudyProgress
    from fairtrial.report.text import show_comparison
    from fairtrial.runner import Quiet

    where: dict[str, Any] = {"executor": executor, "jobs": jobs, "address": address}
    if quiet:
        comparison = api.make(study, _store(store), watch=Quiet(), **where)
    else:
        with StudyProgress() as progress:
            comparison = api.make(study, _store(store), watch=progress.watch, progress=progress, **where)
    plain = api.write_report(comparison, _store(store), shlex.join(["fairtrial", *sys.argv[1:]]))
    if as_json:
        print_json(plain)
    else:
        show_comparison(comparison, console())
        print(f"report: {plain['report']}")
    if comparison.damaged:
        raise typer.Exit(DamagedFile.exit_code)


@app.command()
def show(
    target: Annotated[
        str, typer.Argument(metavar="MODEL|RECIPE|STUDY|RUN", help="a model, a recipe, a study, or a run of the store")
    ],
    fields: Fields = None,
    as_json: Json = False,
    store: StorePath = RUNS,
) -> None:
    """Print a net layer by layer, a study, or how a run ended.

    For a net: output shape, parameters, multiply-adds and memory of each layer. A study that was made is printed as it
    came out; of several with one name the newest, or the one that the beginning of its folder's name picks.
    """
    from fairtrial.made import studies_called
    from fairtrial.report.contract import arch_json, record_json
    from fairtrial.report.text import show_arch, show_record
    from fairtrial.runner import make_plan
    from fairtrial.spec.arrays import as_dtype
    from fairtrial.study.file import describe, find_study, in_words

    if not fields and (made := studies_called(_store(store), target)):
        show_study(made, _store(store), as_json)
        return
    if path := find_study(target):
        plain = describe(path)
        print_json(plain) if as_json else show_names(in_words(plain))
        return
    if record := run_called(target, store):
        print_json(record_json(record)) if as_json else show_record(record, console())
        return
    _, recipe, _ = read_target(target, fields or [], False)
    plan = make_plan(recipe)
    plain = arch_json(recipe.model, plan.arch, plan.input, as_dtype(recipe.precision).itemsize)
    print_json(plain) if as_json else show_arch(plain, console())


@app.command()
def data(
    word: Annotated[str, typer.Argument(metavar="[DATA]", help="a data set's name or an image folder")] = "",
    fetch: Annotated[bool, typer.Option(help="download it, verified, into the data folder")] = False,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="write sample pictures of each class")
    ] = None,
    as_json: Json = False,
) -> None:
    """List data sets, or inspect one: counts, duplicates, bad files."""
    from fairtrial.catalogue import listing
    from fairtrial.parts import datasets
    from fairtrial.report.data import inspection_json, show_inspection

    if not word:
        listed = listing("data") | dict.fromkeys(datasets.folders_found(), "image folder in the data folder")
        print_json({"data": listed}) if as_json else show_names(listed)
        return
    if fetch:
        print(f"{word}: {datasets.fetch(word)}", file=sys.stderr)
    found = datasets.inspect(word)
    if pictures is not None:
        datasets.sample_sheet(datasets.load(word), pictures)
    print_json(inspection_json(found)) if as_json else show_inspection(found, console())
    raise typer.Exit(3 if found.faults or found.bad else 0)


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="models, recipes, optimizers, losses, ... or runs")] = "",
    clean: Annotated[bool, typer.Option("--clean", help="remove incomplete runs: those that never began")] = False,
    as_json: Json = False,
    store: StorePath = RUNS,
) -> None:
    """List what there is by name: models, recipes, studies, optimizers, losses, schedules, runs and so on.

    Runs and studies of the store come with what they were and how they ended, the newest last.
    """
    if clean and kind != "runs":
        raise UsageError("--clean is for runs: `fairtrial list runs --clean`")
    if kind == "runs":
        list_runs(store, as_json, _store(store).clean() if clean else [])
        return
    from fairtrial.catalogue import KINDS, listing

    listed = listing(kind) if kind else dict.fromkeys((*KINDS, "runs"), "")
    if kind == "studies":
        list_studies(listed, store, as_json)
    else:
        print_json({kind or "kinds": listed}) if as_json else show_names(listed)


@app.command()
def predict(
    name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run's name or folder")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE ...", help="picture files")],
    as_json: Json = False,
    store: StorePath = RUNS,
) -> None:
    """Name the class of pictures by a run's best weights."""
    import numpy as np

    from fairtrial.parts.datasets import picture
    from fairtrial.store import read_rest

    record = read_rest(*find_run(name, store))  # what counts is in its weights
    pixels = np.concatenate([picture(path, tuple(record.made["image"])) for path in images])
    classes = record.made["data"]["classes"]
    rows: list[dict[str, Any]] = [
        {
            "image": str(path),
            "class": classes[int(p.argmax())],
            "probabilities": dict(zip(classes, p.tolist(), strict=True)),
        }
        for path, p in zip(images, record.predict(pixels), strict=True)
    ]
    if as_json:
        print_json({"run": record.name, "predictions": rows})
        return
    for row in rows:
        likely = sorted(row["probabilities"].items(), key=lambda item: -item[1])[:3]
        print(f"{row['image']}: {row['class']}  ({', '.join(f'{name} {p:.1%}' for name, p in likely)})")


@app.command()
def serve(
    port: Annotated[int, typer.Option(metavar="N", help="the port; 0: any that is free")] = 8642,
    host: Annotated[str, typer.Option(metavar="H", help="another address than this machine's own, with care")] = LOCAL,
    as_json: Json = False,
    store: StorePath = RUNS,
) -> None:
    """Show runs and studies in the browser, while they train and after.

    Prints the address to open, with a token that lets that browser in. Ctrl-C ends it; runs that the page started are
    saved, and go on when they are started again, from the page or by their command. No other run notices.
    """
    from fairtrial.serve.server import is_loopback, open_port
    from fairtrial.serve.server import serve as answer

    opened = open_port(host, port)
    if not is_loopback(host):
        print(f"fairtrial: {host} can be reached from other machines, and nothing is encrypted", file=sys.stderr)
    if as_json:
        print_json({"address": opened.address, "host": opened.host, "port": opened.port, "store": str(store)})
    else:
        empty = "" if store.is_dir() else ", which is not there yet"
        print(f"{opened.address}\nshows {store}{empty}; Ctrl-C ends it")
    sys.stdout.flush()
    answer(opened, store)


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run's name or folder")],
    to: Annotated[str, typer.Option(metavar="FORM", help="onnx, torch, numpy or html")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="where to; else into this folder, under the run's name")
    ] = None,
    script: Annotated[
        bool, typer.Option("--script", help="with --to torch: the whole training as one script, to the same bits")
    ] = False,
    as_json: Json = False,
    store: StorePath = RUNS,
) -> None:
    """Write a run's net in a form that needs no fairtrial, and run it again there.

    It is kept only if it names the same classes as the run.

    \b
    fairtrial export mlp-0123456789ab --to torch
    fairtrial export mlp-0123456789ab --to torch --script --out train.py
    fairtrial export mlp-0123456789ab --to html --out mlp.html
    """
    from fairtrial.export.exporting import export as write
    from fairtrial.store import read_record

    if script and to != "torch":
        raise UsageError(f"--script writes PyTorch, and goes with --to torch, not with --to {to}")
    made = write(read_record(*find_run(name, store)), "torch --script" if script else to, out)
    print_json(made.plain()) if as_json else print(made.said)


@app.command()
def reproduce(
    name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run's name")],
    as_json: Json = False,
    store: StorePath = RUNS,
    quiet: Silent = False,
) -> None:
    """Make a run again and compare it with itself, bit by bit.

    Says bit-identical, or how far off and what differs; ends with 1 if anything does.
    """
    from dataclasses import asdict

    from fairtrial import reproduce as again
    from fairtrial.report.progress import Progress
    from fairtrial.runner import Quiet
    from fairtrial.store import read_record

    record = read_record(*find_run(name, store))
    with _watching(quiet, Progress, Quiet) as watch:
        made = again.reproduce(record, watch)
    if as_json:
        print_json(asdict(made))
    elif made.identical:
        print(f"{made.run}: bit-identical, weights and every score")
    else:
        by = "" if made.largest_difference is None else f" by up to {made.largest_difference:.3g}"
        print(f"{made.run}: not identical; weights differ{by} ({made.tensor})")
        show_names({key: f"{then!r} then, {now!r} now" for key, (then, now) in made.scores.items()})
        print("\n".join(made.differs or ["versions, machine and device are the same"]))
    raise typer.Exit(0 if made.identical else 1)


def list_runs(store: Path, as_json: bool, removed: list[str]) -> None:
    """The runs of the store, and those that were removed just now."""
    from fairtrial.inventory import run_lines
    from fairtrial.report.listing import runs_json, runs_text

    lines = run_lines(store)
    if as_json:
        print_json({"runs": runs_json(lines), "removed": removed})
        return
    for name in removed:
        print(f"removed {name}, which never began", file=sys.stderr)
    if lines:
        print_lines(runs_text(lines, room()))
    else:
        print(f"no runs in {store}", file=sys.stderr)


def list_studies(shipped: dict[str, str], store: Path, as_json: bool) -> None:
    """The shipped studies with their questions, and those that the store holds with what came out."""
    from fairtrial.inventory import study_lines
    from fairtrial.report.listing import studies_json, studies_text

    lines = study_lines(store)
    if as_json:
        print_json({"studies": shipped, "made": studies_json(lines)})
        return
    show_names(shipped)
    if lines:
        print_lines(["", f"in {store}:", *studies_text(lines, room())])


def show_study(made: list[StudyLine], store: FolderStore, as_json: bool) -> None:
    """The newest of the studies that were made, as `compare` printed it; where there are others, they are named."""
    from fairtrial.made import reread, result
    from fairtrial.report.text import show_comparison

    *others, newest = made
    plain = result(store, newest.folder)
    if as_json:
        print_json(plain)
    else:
        show_comparison(reread(store, newest.folder), console())
        print(f"report: {plain['report']}")
    if others:
        print(f"older ones: {', '.join(line.folder for line in reversed(others))}", file=sys.stderr)


class DoctorWords(TyperCommand):
    """What stands behind a script is the script's own; behind curves or a run, options of ours may follow."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave alone what follows a script or a module."""
        ctx.allow_interspersed_args = not any(word == "-m" or word.endswith(".py") for word in args)
        return super().parse_args(ctx, args)


@app.command(cls=DoctorWords)
def doctor(
    target: Annotated[
        str,
        typer.Argument(metavar="SCRIPT.py|CURVES.csv|RUN", help="a training script, its curves, or one of our runs"),
    ],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARG...]", help="the script's own words")] = None,
    steps: Annotated[int, typer.Option(metavar="N", min=0, help="stop the script after N steps; 0: never")] = 0,
    static: Annotated[bool, typer.Option("--static", help="read the script's source, and run nothing of it")] = False,
    module: Annotated[bool, typer.Option("-m", help="what is named is a module: as `python -m` runs it")] = False,
    classes: Annotated[int | None, typer.Option(metavar="K", help="of curves: the number of classes")] = None,
    images: Annotated[
        int | None, typer.Option(metavar="N", help="of curves: images in the part that is scored")
    ] = None,
    as_json: Json = False,
    store: StorePath = RUNS,
) -> None:
    """Say what is wrong with a training: fault, line, evidence, fix.

    A PyTorch script is run under watch, as `python SCRIPT.py` would run it; curves and runs are read.

    \b
    fairtrial doctor train.py --epochs 3
    fairtrial doctor --json --steps 100 train.py
    fairtrial doctor --static train.py
    fairtrial doctor -m package.train --epochs 3
    fairtrial doctor curves.csv --classes 10 --images 10000

    Exit code: 1 for a `fail` or a script that ended with an error, 130 or 143 for one that a signal stopped, else 0.
    """
    code = 0
    is_script = module or target.endswith(".py")
    if is_script and (classes or images):
        raise UsageError(f"--classes and --images are for curves, and {target} is a script")
    if steps and (static or not is_script):
        raise UsageError(f"--steps is for a script that is run, not for {target}")
    if target.endswith(".ipynb"):
        raise UsageError(
            f"{target} is a notebook: put `with ft.watch() as seen:` around the training in it, and look at `seen`; or "
            f"make a script of it, which the doctor can run: jupyter nbconvert --to script {shlex.quote(target)}"
        )
    if static:
        from fairtrial.doctor.static.reading import examine_source

        if module or not target.endswith(".py"):
            raise UsageError(f"{target}: --static reads the source of a script (.py)")
        diagnosis = examine_source(Path(target))
        as_json = as_json or "--json" in (arguments or [])  # no words of the script's own: nothing of it runs
    elif is_script:
        from fairtrial.doctor.examine import examine, unread

        for option in () if module else unread(target, arguments or [], ("--static", "--steps", "--json")):
            said = f"{option} behind {target} is given to the script; put it before {target} to ask the doctor"
            print(f"fairtrial: {said}", file=sys.stderr)
        words = [*(["-m"] if module else []), target, *(arguments or [])]
        seen = examine(words[0], words[1:], steps, aside=as_json)
        diagnosis, code = seen.diagnosis, seen.status
    elif arguments:
        raise UsageError(f"{' '.join(arguments)!r}: only a script takes words of its own")
    else:
        diagnosis = _of_what_was_kept(target, classes, images, store)
    tell(diagnosis, as_json, apart=is_script and not static)
    raise typer.Exit(1 if diagnosis.failed else code)


def tell(diagnosis: Diagnosis, as_json: bool, apart: bool) -> None:
    """Print a diagnosis, `apart` from the words of a script; on standard error if who read our output has gone."""
    from fairtrial.doctor.told import diagnosis_json, show_diagnosis

    try:
        if as_json:
            print_json(diagnosis_json(diagnosis))
        else:
            with (page := console()).capture() as told:
                show_diagnosis(diagnosis, page)
            print_lines([*[""] * apart, *told.get().splitlines()])
        sys.stdout.flush()
        if _reader_left():
            raise BrokenPipeError
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"fairtrial: standard output was closed too early for the diagnosis:\n{diagnosis}", file=sys.stderr)


def _reader_left() -> bool:
    """Whether who read our output has gone: `head` does so a moment after its last line."""
    try:
        number = sys.stdout.fileno()
    except OSError:  # no file
        return False
    if not stat.S_ISFIFO(os.fstat(number).st_mode):
        return False
    watched = select.poll()
    watched.register(number, 0)
    return any(event & select.POLLERR for _, event in watched.poll(LEAVING))


def _of_what_was_kept(target: str, classes: int | None, images: int | None, store: Path) -> Diagnosis:
    """The diagnosis of a file of curves, or of a run."""
    from fairtrial.doctor.read_curves import ENDINGS, is_curves, read_curves
    from fairtrial.spec.files import RECIPE

    if is_curves(Path(target)):
        from fairtrial.doctor.fingerprints import diagnose_curves

        try:
            return diagnose_curves(read_curves(Path(target), classes, images))
        except UsageError as error:
            if Path(target).suffix.lower() in ENDINGS or Path(target).is_dir():
                raise
            raise UsageError(f"{error}; what is taken is {TAKEN}") from None
    if not (Path(target) / RECIPE).is_file() and (Path(target).exists() or not _store(store).list()):
        kind = "a folder, and no run" if Path(target).is_dir() else "no such file, and no run"
        raise UsageError(f"{target}: {kind}; what is taken is {TAKEN}")
    if classes or images:
        raise UsageError(f"--classes and --images are for curves, and {target} is a run")
    from fairtrial.doctor.records import diagnose
    from fairtrial.store import read_record

    return diagnose(read_record(*find_run(target, store)))


def read_study_or_levels(target: str, words: list[str], seeds: int | None, full: bool) -> Study:
    """The study that a file holds, changed by the words; or the one that the words make of a recipe."""
    from fairtrial.study.file import find_study, read_study
    from fairtrial.study.plan import DEFAULT_SEEDS, make_study, read_levels

    if without_auto_threads([target, *words])[1]:
        raise UsageError(
            "threads=auto is for a single run: a study keeps the cores busy with several runs of one thread, which "
            "is nearly always quicker; give it a number"
        )
    target, words = split_target(target, words)
    if path := find_study(target):
        return read_study(path, split_words(words), seeds=seeds, full=full)
    name, base, _ = read_target(target, [], False)
    if full:
        raise UsageError(f"--full is for studies, and {target!r} is none; see: fairtrial list studies")
    return make_study(name, base, read_levels(base, split_words(words)), DEFAULT_SEEDS if seeds is None else seeds)


def with_options(study: Study, until_settled: bool, *, tune: list[str] | None, **options: Any) -> Study:
    """The study with the options that were given in the place of its own."""
    from dataclasses import replace

    from fairtrial.spec.tuning import read_range

    given = {name: value for name, value in options.items() if value not in (None, "")}
    if tune:
        words = [(field, word) for field, _, word in (each.partition("=") for each in tune)]
        if len(dict(words)) < len(words):
            raise UsageError("--tune: two ranges of the same field")
        given["tune"] = tuple(read_range(field, word, "--tune ") for field, word in words)
    elif "trials" in given and not study.tune:
        raise UsageError("--trials are made in a range: --tune FIELD=low..high")
    asked = json.dumps([study.asked, str(given)]) if study.asked and given else study.asked
    return replace(study, until_settled=until_settled, asked=asked, **given)


def read_target(target: str, words: list[str], trust_code: bool) -> tuple[str, Recipe, Any]:
    """Name, recipe and, for model=path/net.py:Class, the class: defaults, then the recipe's file, then the words."""
    from fairtrial.catalogue import read_base
    from fairtrial.spec.recipe import from_words

    target, words = split_target(target, words)
    fields = split_words(words)
    name, base = read_base(target)
    recipe = from_words(base, fields)
    path, _, class_name = recipe.model.rpartition(":")
    if not path.endswith(".py"):
        return name, recipe, None
    if not trust_code:
        raise UsageError(f"model={recipe.model} is code of your own; `fairtrial run ... --trust-code` lets it run")
    from fairtrial.engine.own import load_class

    return Path(path).stem, recipe, load_class(Path(path), class_name)


def run_called(word: str, store: Path) -> Record | None:
    """The run that this word means, less events that are damaged; None for what makes one: a recipe, a model, a field.

    UnknownName for what is nothing of these.
    """
    from fairtrial.catalogue import read_base
    from fairtrial.spec.errors import UnknownName
    from fairtrial.store import read_rest

    try:
        read_base(split_target(word, [])[0], _store(store).list)
    except UsageError as wrong:
        try:
            return read_rest(*find_run(word, store))
        except (UnknownName, OSError):  # a line of text may be too long for a path
            raise wrong from None
    return None


def read_again(begun: Record, words: list[str], fork: bool) -> tuple[str, Recipe, Any]:
    """As `read_target`, of a run that is there, or of a child of it."""
    from fairtrial import further
    from fairtrial.spec.recipe import from_words

    recipe = from_words(begun.recipe, split_words(words))
    return begun.name.rpartition("-")[0], further.fork(begun, recipe) if fork else recipe, None


def without_auto_threads(words: list[str]) -> tuple[list[str], bool]:
    """The words without threads=auto, and whether that was one of them."""
    split_words([word for word in words if word.startswith("threads=")])
    others = [word for word in words if word != "threads=auto"]
    return others or [DEFAULT], others != words


def split_target(target: str, words: list[str]) -> tuple[str, list[str]]:
    """The target and the fields; a command that begins with field=value changes the default recipe."""
    return (DEFAULT, [target, *words]) if re.match(r"[a-z_0-9]+=", target) else (target, words)


def split_words(words: list[str]) -> dict[str, str]:
    """Fields and values of `field=value` words; UsageError for any other word, and for a field that is set twice."""
    given: dict[str, str] = {}
    for word in words:
        field, sign, value = word.partition("=")
        if not sign:
            raise UsageError(f"{word!r}: fields are set as field=value")
        if field in given:
            raise UsageError(f"{field}={given[field]} and {word}: a field is set once; give one of them")
        given[field] = value
    return given


def _store(path: Path) -> FolderStore:
    from fairtrial.store import FolderStore

    return FolderStore(path)


def find_run(word: str, store: Path) -> tuple[FolderStore, str]:
    """Store and name of the run that this word means: its folder, its name, the only one that begins so, or its id.

    UsageError for what several begin with, and for a run that never began; UnknownName for what is none.
    """
    from fairtrial.inventory import folders, run_line
    from fairtrial.spec.errors import UnknownName

    if Path(word).is_dir():
        folder = Path(word).resolve()
        store, word = store if folder.parent == store.resolve() else folder.parent, folder.name
    names = _store(store).list()
    matching = [name for name in names if word and (name.startswith(word) or name.endswith(f"-{word}"))]
    if len(matching) > 1 and word not in names:
        some = ", ".join([*matching[:NAMED], *["..."] * (len(matching) > NAMED)])
        raise UsageError(f"{store}: {len(matching)} runs begin with {word!r}; give more of one's name: {some}")
    name = matching[0] if len(matching) == 1 else word
    line = run_line(f"{store}/{name}", name) if name in folders(store) else None
    if line is None:
        raise UnknownName("run", name, names, f"{store}: ")
    if line.ended == "incomplete":
        raise UsageError(
            f"run {name} never began; the words of its recipe begin it, `fairtrial list runs --clean` removes it"
        )
    return _store(store), name


def draw_curves(record: Record, store: FolderStore) -> None:
    """Draw the curves of a run that is over, unless they are there."""
    from fairtrial.api import run_charts

    if record.end and record.epochs and "curves.svg" not in store.files(record.name):
        run_charts(record, store)


@contextlib.contextmanager
def _watching(quiet: bool, progress: Any, silent: Any) -> Generator[Any]:
    if quiet:
        yield silent()
        return
    with progress() as watch:
        yield watch


def show_names(listed: dict[str, str]) -> None:
    """Names with what they are."""
    width = max(map(len, listed), default=0)
    for name, about in listed.items():
        print(f"{name:{width}}  {about}".rstrip())


def print_lines(lines: list[str]) -> None:
    """Lines of text at once, with what the output's encoding lacks as a question mark."""
    encoding = sys.stdout.encoding
    print("\n".join([*lines, ""]).encode(encoding, "replace").decode(encoding), end="")


def room() -> int | None:
    """The width of the terminal; None where the output goes elsewhere."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def print_json(value: dict[str, Any]) -> None:
    """One object on standard output."""
    print(f"{json.dumps(value, indent=2, allow_nan=False)}\n", end="")  # at once: who reads it may go then


def console() -> Console:
    """Standard output, for tables."""
    from rich.console import Console

    return Console(soft_wrap=False, highlight=False)


def exit_code(record: Record) -> int:
    """0 for a run that came to its end, 5 for one that diverged, 130 or 143 for one that a signal stopped."""
    from fairtrial.spec.events import Ended

    last = record.events[-1]
    if not isinstance(last, Ended) or last.reason == "interrupted":
        return 143 if isinstance(last, Ended) and last.detail == "SIGTERM" else 130
    return 5 if last.reason == "diverged" else 0


class Stopped(BaseException):
    """SIGINT or SIGTERM, where nothing better is done with it; typer would end a KeyboardInterrupt without a word."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def main() -> None:
    """The command `fairtrial`: errors that a user can cause end it with one line and their exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell has it for what runs in the background
            signal.signal(number, _stop)
    atexit.register(gc.freeze)  # the process ends without a last look for cycles in all of torch: 0.4 s of each command
    try:
        code = app(sys.argv[1:] or ["--help"], "fairtrial", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()  # here, where it is no error that who read our output has gone
        sys.exit(code)
    except WrongWords as error:
        _fail(_said(error), USAGE)
    except DamagedFile as error:
        _fail(str(error) if "\n" in str(error) else f"{error}\n{ANEW}", error.exit_code)
    except FairtrialError as error:
        _fail(str(error), error.exit_code)
    except Stopped as stopped:
        _fail("stopped; the same command goes on from the last save", 128 + stopped.args[0])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read our output has gone
        sys.exit(0)
    except OSError as error:  # a path in a folder that may not be entered, or with a name that is too long
        if error.filename:
            _fail(f"{error.filename}: {error.strerror}; give another path", USAGE)
        _fail(f"{error}; free what is short here, memory or disk", OutOfResources.exit_code)


def _said(error: Any) -> str:
    """What typer has to say of the words of the command, as we say it."""
    from fairtrial.spec.recipe import FIELDS

    text: str = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else "fairtrial"
    field = getattr(error, "option_name", "").strip("-").replace("-", "_")
    hint = f"; a field is set as {field}=..." if field in FIELDS else ""
    return f"{text[0].lower()}{text[1:]}{hint}\n`{command} -h` shows what it takes"


def _fail(text: str, code: int) -> None:
    text = re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", lambda found: repr(found[0])[1:-1], text)  # what moves a terminal
    print(f"fairtrial: {text}", file=sys.stderr)
    if "--json" in sys.argv:
        print_json({"error": text, "exit_code": code})
    sys.exit(code)
