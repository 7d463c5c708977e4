"""Studies: what was compared, and what came out; of one that is under way, what has come out so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairtrial.inventory import study_lines
from fairtrial.made import reread, result
from fairtrial.report import tables, views
from fairtrial.report.arm_findings import study_findings
from fairtrial.report.listing import studies_json
from fairtrial.serve.curves import finite, line_json
from fairtrial.serve.index import OVER
from fairtrial.serve.live import stream
from fairtrial.serve.site import Page, Site
from fairtrial.spec.errors import DamagedFile, UnknownName
from fairtrial.spec.files import CHART, PAGE, PLAN, RESULT, SCORES, STUDIES
from fairtrial.spec.recipe import make_recipe
from fairtrial.store import Record, json_of
from fairtrial.verdicts import Comparison, Damaged, compare_records, readable

PAGES = (Page("/studies/{name:name}", "study"),)
FILES = (PAGE, f"{CHART}.svg", f"{CHART}.png", SCORES, RESULT)  # of the report that compare wrote


def routes(site: Site) -> list[BaseRoute]:
    """The studies of the store; one, its changes, findings and files."""

    def every(request: Request) -> Response:
        return JSONResponse({"studies": studies_json(study_lines(site.store.root))})

    def one(request: Request) -> Response:
        return JSONResponse(study_json(site, _known(site, request)))

    def changes(request: Request) -> Response:
        return stream(site, Progress(site, _known(site, request)).look)

    def findings(request: Request) -> Response:
        comparison = so_far(site, _known(site, request))
        if comparison is None:
            return JSONResponse({"table": None})
        found = [each for arm in study_findings(comparison).values() for each in arm]
        return JSONResponse({"table": table_json(tables.findings_table("What the doctor says", found))})

    def file(request: Request) -> Response:
        name, wanted = _known(site, request), request.path_params["file"]
        data = site.store.get(f"{STUDIES}/{name}", wanted) if wanted in FILES else None
        if data is None:
            raise UnknownName("file", wanted, FILES)
        return Response(data, headers={"content-disposition": f'attachment; filename="{wanted}"'})

    return [
        Route("/api/1/studies", every),
        Route("/api/1/studies/{name:name}", one),
        Route("/api/1/studies/{name:name}/changes", changes),
        Route("/api/1/studies/{name:name}/findings", findings),
        Route("/api/1/studies/{name:name}/files/{file:name}", file),
    ]


def _known(site: Site, request: Request) -> str:
    name = request.path_params["name"]
    if not (is_done(site, name) or site.store.get(f"{STUDIES}/{name}", PLAN)):
        raise UnknownName("study", name, ["those in the list"])
    return name


def is_done(site: Site, name: str) -> bool:
    """Whether compare has written its result."""
    return site.store.get(f"{STUDIES}/{name}", RESULT) is not None


@dataclass(frozen=True)
class Planned:
    """A run that a study is to make, under the name that it has if it is begun."""

    arm: str
    seed: int
    run: str


def planned(site: Site, name: str) -> list[Planned]:
    """The runs of a study by its plan; those of a study that tunes first are known when it is done."""
    plan = json_of(site.store, f"{STUDIES}/{name}", PLAN)
    by_id = {run.rpartition("-")[2]: run for run in list(site.index.rows)}
    try:
        return [
            Planned(arm, seed, by_id.get(make_recipe({**fields, "seed": seed}).id(fields["data"]), ""))
            for arm, fields in plan["arms"].items()
            for seed in plan["seeds"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{name}/{PLAN}: not what a plan is written as ({error})") from None


def so_far(site: Site, name: str) -> Comparison | None:
    """The comparison that a study came to, or that of the runs that are over; None before there are any."""
    if is_done(site, name):
        return reread(site.store, name)
    plan = json_of(site.store, f"{STUDIES}/{name}", PLAN)
    over = [each for each in planned(site, name) if each.run and site.index.row(each.run).line.ended in OVER]
    arms: dict[str, tuple[dict[str, Any], list[Record]]] = {}
    damaged: list[Damaged] = []
    for arm in dict.fromkeys(each.arm for each in over):
        records, lost = readable(arm, [each.run for each in over if each.arm == arm], site.store.read)
        arms[arm] = {}, records
        damaged += lost
    if not arms:
        return None
    return compare_records(
        plan["study"], arms, metric=plan["metric"], margin=plan["margin"], at_any_time=plan["until_settled"],
        damaged=damaged,
    )  # fmt: skip


def study_json(site: Site, name: str) -> dict[str, Any]:
    """A study as its page shows it: the report's own tables, the curves of its arms, the scores of its seeds."""
    done, comparison = is_done(site, name), so_far(site, name)
    plan = result(site.store, name) if done else json_of(site.store, f"{STUDIES}/{name}", PLAN)
    told = {
        "name": name,
        "study": plan["study"],
        "metric": plan["metric"],
        "done": done,
        "until_settled": plan["until_settled"],
        "tunes": bool(plan.get("tune")) and not done,
        "progress": None if done else progress(site, name),
        "files": [file for file in FILES if site.store.get(f"{STUDIES}/{name}", file) is not None],
    }
    if comparison is None:
        return told
    early = {} if done or comparison.seeds > 1 else {"summary": _one_seed(len(comparison.arms), len(plan["arms"]))}
    return told | compared(comparison, done) | early


def _one_seed(begun: int, arms: int) -> str:
    """Of how many arms a run is over, where no arm has two."""
    of = "each arm" if begun == arms else f"{begun} of {arms} arms, none of the rest,"
    return f"One seed of {of} so far: no verdict yet."


def compared(comparison: Comparison, done: bool) -> dict[str, Any]:
    """What a comparison shows; before it is `done`, nothing of pairs that one seed cannot decide."""
    pairs = [pair for pair in comparison.pairs if done or pair.judged.n > 1 or pair.judged.verdict != "undecided"]
    arms, key = views.arm_views(comparison), views.curve_key(comparison)
    kept = [
        tables.arms_table(comparison),
        *([tables.pairs_table(comparison, pairs)] if pairs else []),
        tables.costs_table(comparison),
    ]
    about = [
        *([tables.settings_table(comparison)] if len(comparison.arms) > 1 and comparison.folder else []),
        tables.base_table(comparison),
        *([tables.tuned_table(comparison), tables.trials_table(comparison)] if comparison.tuning else []),
        tables.made_table(comparison),
        tables.runs_table(comparison),
    ]
    return {
        "summary": views.headline(comparison, 600),
        "alarms": comparison.alarms,
        "key": key,
        "caption": views.curves_caption(comparison, "Faint: single seeds.") if views.has_curves(arms) else "",
        "bands": views.has_bands(arms),
        "curves": [
            line_json(arm.name, arm.means, list(zip(made.runs, arm.curves, strict=True)))
            for arm, made in zip(arms, comparison.arms, strict=True)
        ]
        if views.has_curves(arms)
        else [],
        "dots_caption": views.dots_caption(comparison),
        "dots": [
            {
                "name": arm.name,
                "n": arm.n,
                "mean": finite(arm.mean),
                "interval": arm.interval,
                "seeds": [[dot.seed, dot.value] for dot in arm.dots],
            }
            for arm in arms
        ],
        "tables": list(map(table_json, kept)),
        "about": list(map(table_json, about)),
    }


def table_json(table: tables.Table) -> dict[str, Any]:
    """A table of the reports, as it is."""
    return {
        "caption": table.caption,
        "columns": [{"name": column.name, "numeric": column.numeric} for column in table.columns],
        "rows": table.rows,
        "notes": table.notes,
    }


def progress(site: Site, name: str) -> list[dict[str, Any]]:
    """How far each planned run is."""
    return [_progress(site, each) for each in planned(site, name)]


def _progress(site: Site, each: Planned) -> dict[str, Any]:
    line = site.index.rows[each.run].line if each.run in site.index.rows else None
    return {
        "arm": each.arm,
        "seed": each.seed,
        "run": each.run,
        "ended": line.ended if line else "waiting",
        "epochs": line.epochs if line else 0,
        "planned": line.planned if line else None,
    }


class Progress:
    """How a study gets on, told whenever that changes."""

    def __init__(self, site: Site, name: str) -> None:
        self.site, self.name = site, name
        self.version = -1
        self.said: dict[str, Any] | None = None

    def look(self) -> dict[str, Any] | None:
        """The runs and how far they are; None if nothing happened."""
        if is_done(self.site, self.name):
            news: dict[str, Any] = {"done": True}
        elif self.version == self.site.index.version:
            return None
        else:
            self.version = self.site.index.version
            news = {"done": False, "progress": progress(self.site, self.name)}
        if news == self.said:
            return None
        self.said = news
        return news
