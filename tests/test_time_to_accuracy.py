"""The bench of P9 at small size: a goal is timed with both loops, each in processes of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent.parent / "bench" / "time_to_accuracy.py"


def test_both_loops_are_timed_from_a_cold_start(tmp_path: Path) -> None:
    fields = ["data=digits", "epochs=3", "batch=64", "threads=1"]
    command = [sys.executable, str(BENCH), "--goals", "cifar", "--seeds", "1", *fields]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=200, check=True
    )
    head, *rows = done.stdout.splitlines()
    assert "n = 1" in head
    rounds = ["cifar fairtrial seed 0", "cifar plain seed 0", "cifar fairtrial, mean", "cifar plain, mean"]
    assert [row.split("  ")[0] for row in rows] == rounds
    for row in rows:
        told = re.search(r" ([\d.]+) s.*test ([\d.]+), target 75% (?:reached|missed), threads 1$", row)
        assert told
        assert float(told[1]) > 0.5  # imports are in it
        assert float(told[2]) > 0.5
    assert list(tmp_path.iterdir()) == []
