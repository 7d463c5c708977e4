"""The comparison with other training loops runs, and its tables and chart follow from the raw seconds it keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from data_helpers import REPOSITORY, real_data

LIBRARIES = {
    "lightning": "lightning",
    "skorch": "skorch",
    "keras-torch": "keras",
    "keras-jax": "keras",
    "jax-step": "optax",
}


def test_all_that_are_installed_are_timed_and_scored(tmp_path: Path) -> None:
    raw, drawn = tmp_path / "raw.json", tmp_path / "chart.svg"
    words = ["--images", "256", "--repeats", "1", "--nets", "E", "--json", str(raw), "--chart", str(drawn)]
    setting = {**os.environ, "FAIRTRIAL_DATA": str(real_data("mnist").parent)}
    command = [sys.executable, str(REPOSITORY / "bench" / "contenders"), *words]
    done = subprocess.run(command, env=setting, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(raw.read_text("utf8"))
    field = told["nets"]["E"]
    assert {"fairtrial", "fairtrial-numpy", "plain", "tutorial"} <= set(field)
    for name, library in LIBRARIES.items():
        assert (name in field) == bool(find_spec(library)), done.stdout
        assert (f"{name} is left out, not installed: pip install" in done.stdout) == (name not in field)
    for name, row in field.items():
        assert 0 < row["steps"][0] < row["epoch"][0]
        assert 0 <= row["accuracy"] <= 1
        faster = row["steps"][0] / field["fairtrial"]["steps"][0]
        [line] = [line for line in done.stdout.splitlines() if line.startswith(f"| {name} |")]
        assert f"{256 / row['steps'][0]:,.0f} (" in line
        assert name == "fairtrial" or f"| {faster:.2f} (" in line
    assert told["machine"]["sgemm_gflops"] > 0.1
    ElementTree.parse(drawn)
