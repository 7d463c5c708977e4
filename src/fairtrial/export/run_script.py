"""An exported script run again: in a process of its own, in which fairtrial cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import FairtrialError

ALONE = "import runpy, sys; sys.modules['fairtrial'] = None; "
PREDICT = f"""{ALONE}import numpy as np
np.save("probabilities.npy", runpy.run_path(sys.argv[1])["predict"](np.load("images.npy")))"""


def predicted(script: Path, images: NumpyArray) -> NumpyArray:
    """The probabilities that the script's `predict` gives."""
    np.save(script.parent / "images.npy", images)
    alone(PREDICT, script)
    return np.load(script.parent / "probabilities.npy")


def alone(program: str, script: Path, *words: str) -> None:
    """Run the program with the script's path as its first word; FairtrialError with what it said last if it fails."""
    command = [sys.executable, "-I", "-c", program, str(script), *words]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FairtrialError(f"{script.name} was written, but does not run: {said}; nothing was kept")
