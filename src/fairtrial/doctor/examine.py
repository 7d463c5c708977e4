"""Starts a script in a process of its own under watch, and reads what was seen of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import FrameType
from typing import Any

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding
from fairtrial.spec.errors import UsageError

# The folder that we are in has no part in our own imports: the script's files may be called like a library's.
# Ctrl-C ends it without a word until the script begins: it would show our own lines.
CHILD = """
import sys
early = frozenset(sys.modules)
if not sys.flags.safe_path:
    sys.path.pop(0)
import signal
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
from fairtrial.doctor.child import main
main(early)
"""
SIGNALS = {number.value: number.name for number in signal.Signals}
PATIENCE = 0.2  # s in which a signal to the whole group has come to the script, too
SIGNALS[signal.SIGKILL] = "SIGKILL (from the system, if memory ran out)"


@dataclass(frozen=True)
class Examined:
    """A script that ran, and what is to be said of it."""

    diagnosis: Diagnosis
    status: int  # 0, 1 if it ended with an error, 130 or 143 if SIGINT or SIGTERM stopped it


def examine(script: str, arguments: list[str], steps: int = 0, aside: bool = False) -> Examined:
    """Run the script, or with -m the module that the first argument names, and diagnose it.

    After so many steps it is stopped; `aside` puts its output on standard error.
    """
    if script != "-m" and not Path(script).is_file():
        raise UsageError(
            f"{script}: {'a folder, and no script' if Path(script).is_dir() else 'no such file'}; "
            "paths begin in the folder that you are in"
        )
    if script != "-m" and not os.access(script, os.R_OK):
        raise UsageError(f"{script}: this file cannot be read")
    reading, writing = os.pipe()  # and no file: a full disk is what a training may die of
    hearing, heard = os.pipe()  # the numbers of the signals that came to the script
    os.set_blocking(heard, False)
    command = [sys.executable, "-c", CHILD, str(writing), str(heard), str(steps), script, *arguments]
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until the child has begun
    try:
        process = subprocess.Popen(command, stdout=sys.stderr.fileno() if aside else None, pass_fds=(writing, heard))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def pass_on(number: int, frame: FrameType | None) -> None:
        """Send the script a signal that came to us alone: the terminal's Ctrl-C comes to it by itself, once."""
        time.sleep(PATIENCE)
        came = select.select([hearing], [], [], 0)[0]
        if not came or number not in os.read(hearing, select.PIPE_BUF):
            process.send_signal(number)

    heard_by_us = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, pass_on) for number in heard_by_us}
    try:
        os.close(writing)
        os.close(heard)
        with os.fdopen(reading, encoding="utf8") as pipe:
            told = last(pipe.read().splitlines())
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(hearing)
    checked = tuple(told.get("checked", ()))
    diagnosis = Diagnosis(
        findings=tuple(Finding(**one) for one in told.get("findings", ())),
        checked=checked,
        not_observable=tuple(name for name in FAULTS if name not in checked),
        notes=(*ending(status, told), *told.get("notes", ())),
    )
    if status == 0 or told.get("stopped"):
        return Examined(diagnosis, 0)
    return Examined(diagnosis, 128 - status if status in (-signal.SIGINT, -signal.SIGTERM) else 1)


def unread(script: str, arguments: list[str], options: Sequence[str]) -> list[str]:
    """Those of these options that are among the script's words, and nowhere in its text."""
    text = Path(script).read_bytes() if os.access(script, os.R_OK) and Path(script).is_file() else b""
    words = {word.partition("=")[0] for word in takewhile(lambda word: word != "--", arguments)}
    return [option for option in options if option in words and option.encode() not in text]


def last(lines: list[str]) -> dict[str, Any]:
    """The newest message that came through whole."""
    for line in reversed(lines):
        try:
            return json.loads(line)
        except json.JSONDecodeError:  # the script died while it was sent
            continue
    return {}


def ending(status: int, told: dict[str, Any]) -> tuple[str, ...]:
    """How the script ended, where that is worth a word."""
    early = "" if told else ", before anything was seen"
    if told.get("stopped"):
        return ()
    if status == -signal.SIGINT:
        return (f"the script was stopped by Ctrl-C{early}",)
    if status < 0:
        return (f"the script died from {SIGNALS.get(-status, f'signal {-status}')}{early}",)
    if not told.get("whole"):
        return (f"the script cut us off (os._exit, another program in its place, or all files closed){early}",)
    if status and not told["crashed"]:
        return (f"the script ended itself with exit status {status}",)
    return ()
