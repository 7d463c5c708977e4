"""A script's source becomes a diagnosis; nothing of it is executed or imported."""

from __future__ import annotations

import tokenize
from pathlib import Path

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, ordered
from fairtrial.doctor.static import loss, model, protocol, step
from fairtrial.doctor.static.follow import GaveUp, follow
from fairtrial.doctor.static.script import Rule, Script
from fairtrial.spec.errors import DataError, UsageError

RULES: tuple[Rule, ...] = tuple(
    rule for part in (loss, step, model, protocol) for rule in vars(part).values() if isinstance(rule, Rule)
)


def examine_source(path: Path) -> Diagnosis:
    """What the source of a script proves or suggests."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    return diagnose_text(text_of(path), path)


def text_of(path: Path) -> str:
    """The file's text, in the encoding that its first lines declare."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path}:1: cannot be read as Python source: {error}") from error


def diagnose_text(text: str, path: Path) -> Diagnosis:
    """What a script's text proves or suggests; the path says where modules beside it lie."""
    try:
        trace = follow(text, path)
    except SyntaxError as error:
        raise DataError(f"{path}:{error.lineno or 1}: no Python: {error.msg}") from error
    except ValueError as error:
        raise DataError(f"{path}:1: no Python: {error}") from error
    except (GaveUp, RecursionError) as error:
        return Diagnosis((), (), tuple(FAULTS), (f"the source cannot be followed to its end: {error}",))
    script = Script(trace)
    findings: list[Finding] = []
    checked: set[str] = set()
    notes = () if trace.of("backward", "loss") else ("no training loop is seen in this file",)
    for rule in RULES:
        try:
            verdict = rule.decide(script)
        except Exception as error:  # one rule that stumbles over something unforeseen must not silence the others
            notes = (*notes, f"the rule for {rule.fault} failed: {error!r}")
            continue
        if verdict is not None:
            findings += verdict
            checked.add(rule.fault)
    return Diagnosis(
        ordered(findings),
        tuple(name for name in FAULTS if name in checked),
        tuple(name for name in FAULTS if name not in checked),
        notes,
    )
