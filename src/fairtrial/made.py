"""Studies that were made are read back from their store: judged again from the records, without training anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairtrial.inventory import StudyLine, study_lines
from fairtrial.spec.errors import DamagedFile, UnknownName, UsageError
from fairtrial.spec.events import Ended
from fairtrial.spec.files import EVENTS, RECIPE, RESULT, SCORES, STUDIES
from fairtrial.spec.tuning import read_tuned
from fairtrial.store import FolderStore, Record, json_of
from fairtrial.verdicts import Comparison, Damaged, compare_records, readable


def studies_called(store: FolderStore, word: str) -> list[StudyLine]:
    """Made studies of this name, or whose folder is called so or begins so, as far as its id; the newest last.

    UsageError for the folder of a study that has no result yet, DamagedFile for one that cannot be read.
    """
    lines = study_lines(store.root)
    for line in lines:
        if line.folder == word and line.ended == "half-done":
            raise UsageError(f"study {word} is half done: the command that began it goes on with it")
        if line.folder == word and line.ended == "damaged":
            raise DamagedFile(f"{STUDIES}/{word}/{RESULT} cannot be read")
    done = [line for line in lines if line.ended == "done"]
    begins = [line for line in done if line.folder.startswith(word) and word.startswith(f"{_stem(line.folder)}-")]
    return begins or [line for line in done if word in (line.study, _stem(line.folder))]


def _stem(folder: str) -> str:
    """A study's folder without the id."""
    return folder.rpartition("-")[0]


def result(store: FolderStore, folder: str) -> dict[str, Any]:
    """The study's `study.json`, with the paths of where it is now."""
    path = store.root / STUDIES / folder
    return {**json_of(store, f"{STUDIES}/{folder}", RESULT), "path": str(path), "report": str(path / "report.html")}


def reread(store: FolderStore, folder: str) -> Comparison:
    """The comparison that the study came to, less the runs that are damaged.

    DamagedFile if other runs, or what was written of the study, are not as they were.
    """
    plain, scores = result(store, folder), _scores(store, folder)
    damaged: list[Damaged] = []

    def left(arm: str, runs: list[str]) -> list[Record]:
        records, lost = readable(arm, runs, lambda run: _scored(store, run, plain["metric"], scores))
        damaged.extend(lost)
        return records

    try:
        arms = {arm["name"]: (arm["fields"], left(arm["name"], arm["runs"])) for arm in plain["arms"]}
        tuning = tuple(read_tuned(each) for each in plain.get("tuning", []))  # which the first studies had not
        comparison = compare_records(
            plain["study"], arms, metric=plain["metric"], margin=plain["margin"], at_any_time=plain["until_settled"],
            tuning=tuning, damaged=damaged,
        )  # fmt: skip
        leaks = {str(word): int(count) for word, count in plain.get("test_in_train", {}).items()}
        was = {arm["name"]: tuple(arm["values"]) for arm in plain["arms"]}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, UsageError) as error:
        raise DamagedFile(f"{STUDIES}/{folder}/{RESULT}: not what a study is written as ({error})") from error
    fewer = {each.arm for each in damaged}
    changed = [
        arm.name
        for arm in comparison.arms
        if (not set(arm.values) <= set(was[arm.name]) if arm.name in fewer else arm.values != was[arm.name])
    ]
    if changed:
        raise DamagedFile(
            f"study {folder}: its runs of {', '.join(changed)} have other scores now than it was made from"
        )
    return replace(comparison, folder=f"{STUDIES}/{folder}", test_in_train=leaks)


def _scored(store: FolderStore, run: str, metric: str, scores: Mapping[str, float]) -> Record:
    """A run of the study, with the measure that was worked out from its weights when the study was made."""
    try:
        record = store.read(run)
    except UnknownName:
        raise DamagedFile(f"{run}/{RECIPE} is gone from {store.path}; compare makes it again") from None
    if not record.events:
        raise DamagedFile(f"{run}/{EVENTS} is missing")
    last = record.events[-1]
    if not isinstance(last, Ended) or metric in record.scores or run not in scores:
        return record
    ended = replace(last, scores={**last.scores, metric: scores[run]})
    return replace(record, events=(*record.events[:-1], ended))


def _scores(store: FolderStore, folder: str) -> dict[str, float]:
    """The metric of each run of the study that came to one."""
    data = store.get(f"{STUDIES}/{folder}", SCORES)
    if data is None:
        raise DamagedFile(f"{STUDIES}/{folder}/{SCORES} is missing")
    try:
        _, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
        return {run: float(value) for _, _, value, run in rows if value}
    except (ValueError, csv.Error) as error:
        raise DamagedFile(f"{STUDIES}/{folder}/{SCORES}: {error}") from error
