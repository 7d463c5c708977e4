"""Starts a script in a process of its own under watch, and reads what was seen of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding
from fairtrial.spec.errors import UsageError


@dataclass(frozen=True)
class Examined:
    """A script that ran, and what is to be said of it."""

    diagnosis: Diagnosis
    crashed: bool


def examine(script: Path, arguments: list[str], steps: int | None = None, aside: bool = False) -> Examined:
    """Run the script and diagnose it; `aside` puts its own output on standard error."""
    if not script.is_file():
        raise UsageError(f"{script}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "diagnosis.json"
        child = [sys.executable, "-m", "fairtrial.doctor.child", str(out), str(steps or 0), str(script), *arguments]
        before = signal.signal(signal.SIGINT, lambda number, frame: None)  # Ctrl-C is the script's; we wait for it
        try:
            process = subprocess.Popen(child, stdout=sys.stderr.fileno() if aside else None)
            status = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
        told: dict[str, Any] = json.loads(out.read_text("utf8")) if out.is_file() else {}
    notes = tuple(told.get("notes", ()))
    if status < 0:
        notes = (f"the script died from {signal.Signals(-status).name}; this is what was seen until then",)
    elif not told:
        notes = (f"the script left with exit status {status} before anything was seen",)
    findings = tuple(Finding(**one) for one in told.get("findings", ()))
    checked = tuple(told.get("checked", ()))
    unseen = tuple(name for name in FAULTS if name not in checked)
    return Examined(Diagnosis(findings, checked, unseen, notes), status < 0 or bool(told.get("crashed", status != 0)))
