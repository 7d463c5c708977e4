"""No command turns what it reads into code, or asks anybody: a part of `campaigns/audit.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import audit
import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="the page is ended by a signal")
def test_commands_run_no_foreign_code_and_ask_nobody(tmp_path: Path) -> None:
    slow = {"--overfit", "--profile", "--seeds", "--pictures", "--static", "html", "reproduce", "recipe.toml"}
    commands = [(words, code) for words, code in audit.WITHOUT_TORCH if not slow & set(words)]
    allowed, wrong = audit.campaign(commands, tmp_path)
    assert not wrong
    assert any("dataclasses" in what for what in allowed)  # it hears


def test_what_is_not_allowed_is_heard(tmp_path: Path) -> None:
    deeds = """
import pickle, socket, subprocess, sys
exec("1")
try:
    pickle.loads(b"cos\\nsystem\\n.")
    subprocess.run([sys.executable, "-c", "eval('1')"])
    socket.socket().connect(("127.0.0.1", 9))
except OSError:
    pass
"""
    audit.subprocess.run([sys.executable, "-c", deeds], env=audit.settings(tmp_path), check=True)
    wrong = audit.heard(tmp_path)[1]
    assert sorted(what.split()[0] for what in wrong.elements()) == [
        "exec", "exec", "pickle.find_class", "socket.connect", "subprocess.Popen",
    ]  # fmt: skip
