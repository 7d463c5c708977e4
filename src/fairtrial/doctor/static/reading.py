"""A script's source becomes a diagnosis; nothing of it is executed or imported."""

from __future__ import annotations

import ast
import contextlib
from importlib.util import decode_source
from pathlib import Path

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, ordered
from fairtrial.doctor.static import loss, model, protocol, step
from fairtrial.doctor.static.follow import GaveUp, follow
from fairtrial.doctor.static.script import Rule, Script
from fairtrial.spec.errors import FairtrialError, UsageError

RULES: tuple[Rule, ...] = tuple(
    rule for part in (loss, step, model, protocol) for rule in vars(part).values() if isinstance(rule, Rule)
)


def examine_source(path: Path) -> Diagnosis:
    """What the source of a script proves or suggests."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file; paths begin in the folder that you are in")
    return diagnose_text(text_of(path), path)


def text_of(path: Path) -> str:
    """The text of a Python file, in the encoding that its first lines declare."""
    try:
        raw = path.read_bytes()
        with contextlib.suppress(RecursionError):  # which is no fault of the file
            ast.parse(raw, str(path))  # it names the line of bytes that are no text, which decoding does not
        return decode_source(raw)
    except (SyntaxError, ValueError) as error:  # ValueError: a byte of zero
        line, said = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (None, error)
        raise FairtrialError(f"{path}:{line or 1}: no Python: {said}; mend that line first") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


def diagnose_text(text: str, path: Path) -> Diagnosis:
    """What a script's text proves or suggests; the path says where modules beside it lie."""
    try:
        trace = follow(text, path)
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
