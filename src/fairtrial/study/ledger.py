"""The ledger of a study: what is to be run is written down before the first run, so that a change shows.

Runs are in the store under ids that follow from their recipes: a study that was killed finds those that are done, goes
on with those that are begun, and makes the rest. Written here is the plan, `studies/<name>-<id>/plan.json`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.runner import slug
from fairtrial.spec.errors import DamagedFile, UsageError
from fairtrial.spec.files import PLAN, RESULT, STUDIES
from fairtrial.store import Store, json_of
from fairtrial.study.plan import Study

MAY_CHANGE = ("asked", "seeds", "until_settled")  # under way: seeds can be added at any time


def plan_of(study: Study, fingerprints: Mapping[str, str]) -> dict[str, Any]:
    """All that decides a study; data by their fingerprints, so that no path matters."""
    arms = {arm: recipe.model_dump(mode="json", exclude={"seed"}) for arm, recipe in study.arms.items()}
    for fields in arms.values():
        for field in ("parent", "skip_bad"):  # which the first plans had not: without them, their studies go on
            if not fields[field]:
                del fields[field]
    return {
        "schema": 1,
        "study": study.name,
        "asked": study.asked,
        "arms": {arm: {**fields, "data": fingerprints[fields["data"]]} for arm, fields in arms.items()},
        "seeds": list(study.seeds),
        "metric": study.metric,
        "margin": study.margin,
        "until_settled": study.until_settled,
        "tune": [str(each) for each in study.tune],
        "trials": study.trials if study.tune else 0,
    }


def folder_of(study: Study, fingerprints: Mapping[str, str]) -> str:
    """The folder of a study, named after it and its plan, whatever file it was read from."""
    told = {key: value for key, value in plan_of(study, fingerprints).items() if key != "asked"}
    identity = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    return f"{STUDIES}/{slug(study.name)}-{identity}"


def begin(study: Study, fingerprints: Mapping[str, str], store: Store) -> str:
    """Write the plan down and return the study's folder; UsageError if its file was changed since it was begun."""
    plan, folder = plan_of(study, fingerprints), folder_of(study, fingerprints)
    for other, begun in half_done(study, store):
        if other == folder:
            continue
        if differing := list(differences(begun, plan)):
            raise UsageError(
                f"the study's file has changed since {other} was begun with it, which is half done: "
                + "; ".join(differing)
                + "\nPut it back to go on; copy it under another name for a study of its own; "
                f"or delete {store.path}/{other} to give that one up"
            )
        store.drop(other, PLAN)  # this one goes on with its runs
    if store.get(folder, PLAN) is None:
        store.put(folder, PLAN, (json.dumps(plan, indent=2) + "\n").encode())
    return folder


def half_done(study: Study, store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    """Folders and plans of studies that were begun with the same file and words, and have no result yet."""
    if not study.asked:
        return
    for folder in store.studies():
        if store.get(folder, RESULT) is None and store.get(folder, PLAN) is not None:
            with contextlib.suppress(DamagedFile):  # then it is no plan of this study
                plan = json_of(store, folder, PLAN)
                if plan.get("asked") == study.asked and isinstance(plan.get("arms"), dict):
                    yield folder, plan


def differences(begun: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    """What has changed, a line each; arms that were added are none."""
    for key in plan:
        if key not in ("arms", *MAY_CHANGE) and begun.get(key) != plan[key]:
            yield f"{key}: {begun.get(key)} then, {plan[key]} now"
    for arm, fields in begun["arms"].items():
        now = plan["arms"].get(arm)
        if now is None:
            yield f"arm {arm}: is gone"
        else:
            changed = [name for name in now if fields.get(name) != now[name]]
            yield from (f"arm {arm}: {name}={fields.get(name)} then, {now[name]} now" for name in changed)
