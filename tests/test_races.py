"""Many processes at once on one run: one does it. A small part of `campaigns/races.py`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from conftest import CAMPAIGNS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the campaign forks")
@pytest.mark.row("C1", "C4")
def test_one_of_eight_starters_trains_and_no_line_is_lost() -> None:
    command = [sys.executable, str(CAMPAIGNS / "races.py"), "--races", "12", "--lines", "500"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("; 0 wrong") == 2
    assert "busy" in done.stdout
