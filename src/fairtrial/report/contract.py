"""The JSON that commands print: its keys are a contract with programs that read it."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from fairtrial.doctor.records import diagnose
from fairtrial.report.arm_findings import study_findings
from fairtrial.report.views import outcome
from fairtrial.spec.arch import Arch, Shape, summary, text
from fairtrial.spec.tuning import tuned_json
from fairtrial.store import Record
from fairtrial.verdicts import Comparison


def record_json(record: Record) -> dict[str, Any]:
    """What `run --json` prints: scores are those of the best epoch's weights."""
    made = outcome(record)
    return {
        "run": record.name,
        "path": made.path,
        "recipe": record.recipe.model_dump(mode="json"),
        "ended": "interrupted" if made.ended == "unfinished" else made.ended,
        "epochs": made.epochs,
        "best_epoch": made.best_epoch,
        "train": part(made.scores, "train") or part(record.scores, "running"),
        "valid": part(made.scores, "valid"),
        "test": part(made.scores, "test"),
        "seconds": round(made.seconds, 3),
        "images_per_second": round(made.images_per_second, 1) if made.images_per_second else None,
        "findings": findings(record),
        "damaged_lines": list(record.damaged_lines),  # of its events, from 1, left out
        "inexact": record.made.get("inexact", []),
        "together": record.made.get("together", 1),  # runs that shared its time
        "parent": record.made.get("parent"),  # the run whose weights it started from
        "extends": record.made.get("extends"),  # the shorter run whose steps it begins with
    }


def part(scores: dict[str, float], name: str) -> dict[str, float | None]:
    """The scores of one part of the data, without its name; what is no finite number is null."""
    own = {key.removeprefix(f"{name}/"): value for key, value in scores.items() if key.startswith(f"{name}/")}
    return {key: value if isfinite(value) else None for key, value in own.items()}


def findings(record: Record) -> list[dict[str, Any]]:
    """What the doctor says of the run, what to mend first in front."""
    return [asdict(found) for found in diagnose(record).findings]


def comparison_json(comparison: Comparison, path: Path) -> dict[str, Any]:
    """What `compare --json` prints; intervals are 95 %, differences are of a minus b, memory is in bytes.

    `seeds` are the most that an arm has, an arm's own `seeds` those that it ran with, its `n` those with a score; a
    pair's `n` are the seeds of which both have one.
    `test_in_train` are, by data, the test images that are in the training part too.
    A finding of an arm is that of the seed that shows it most; `runs` are all that have the fault.
    """
    found = study_findings(comparison)
    return {
        "study": comparison.study,
        "path": str(path),
        "report": str(path / "report.html"),
        "metric": comparison.metric,
        "margin": comparison.margin,
        "seeds": comparison.seeds,
        "until_settled": comparison.at_any_time,
        "arms": [
            {
                "name": arm.name,
                "fields": arm.fields,
                "n": arm.estimate.n,
                "seeds": len(arm.runs),
                "mean": arm.estimate.mean if arm.estimate.n else None,
                "interval": arm.estimate.interval,
                "sampling": arm.sampling,
                "values": arm.values,
                "seconds": round(arm.cost.seconds, 3),
                "images_per_second": round(arm.cost.images_per_second, 1) if arm.cost.images_per_second else None,
                "parameters": arm.cost.parameters,
                "memory": arm.cost.memory,
                "diverged": arm.failed,
                "runs": arm.runs,
                "findings": [each.plain for each in found[arm.name]],
            }
            for arm in comparison.arms
        ],
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "difference": pair.judged.difference if pair.judged.n else None,
                "interval": pair.judged.interval,
                "p": pair.p,
                "p_corrected": pair.judged.p,
                "effect": pair.judged.effect,
                "verdict": pair.judged.verdict,
                "more_seeds": pair.judged.more_seeds,
                "n": pair.judged.n,
            }
            for pair in comparison.pairs
        ],
        "tuning": [tuned_json(tuned) for tuned in comparison.tuning],
        "test_in_train": dict(comparison.test_in_train),
        "damaged": [asdict(each) for each in comparison.damaged],  # runs left out, and why
        "alarms": comparison.alarms,
        "summary": comparison.summary,
    }


def arch_json(model: str, arch: Arch, shape: Shape, itemsize: int) -> dict[str, Any]:
    """What `show --json` prints: the net layer by layer for one image of `shape`, numbers of `itemsize` bytes."""
    rows = summary(arch, shape, itemsize)
    return {
        "model": model,
        "text": text(arch),
        "input": shape,
        "layers": [
            {
                "name": row.name,
                "layer": row.layer,
                "output": row.out,
                "parameters": row.params,
                "multiply_adds": row.work,
                "bytes": row.bytes,
            }
            for row in rows
        ],
        "parameters": sum(row.params for row in rows),
        "multiply_adds": sum(row.work for row in rows),
        "parameter_bytes": itemsize * sum(row.params for row in rows),
        "output_bytes": sum(row.bytes for row in rows),
    }
