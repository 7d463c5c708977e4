"""An exported script run again: in a process of its own, in which fairtrial cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from fairtrial.export.trained import INPUT
from fairtrial.parts.datasets import data_folder
from fairtrial.predict import probabilities
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import FairtrialError
from fairtrial.store import Record

ALONE = "import runpy, sys; sys.modules['fairtrial'] = None; "
PREDICT = f"""{ALONE}import numpy as np
np.save("probabilities.npy", runpy.run_path(sys.argv[1])["predict"](np.load("images.npy")))"""

TRAIN = f"{ALONE}script = sys.argv.pop(0) and sys.argv[0]; runpy.run_path(script, run_name='__main__')"


def predicted(script: Path, record: Record, images: NumpyArray) -> NumpyArray:
    """The probabilities that the script's `predict` gives."""
    np.save(script.parent / "images.npy", images)
    alone(PREDICT, script)
    return np.load(script.parent / "probabilities.npy")


def alone(program: str, script: Path, *words: str | Path) -> None:
    """Run the program with the script's path as its first word; FairtrialError with what it said last if it fails."""
    command = [sys.executable, "-I", "-c", program, str(script), *map(str, words)]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FairtrialError(f"{script.name} was written, but does not run: {said}; nothing was kept")


def trained_again(script: Path, record: Record, images: NumpyArray) -> NumpyArray:
    """The probabilities of the net that the script trains; FairtrialError unless its weights are those of the run."""
    alone(TRAIN, script, str(data_folder() / record.recipe.data))
    if off := other_bits(script, record):
        then, here = record.made["environment"], {name: version(name) for name in ("torch", "numpy")}
        made = ", ".join(f"{name} {then[name]} then, {now} here" for name, now in here.items())
        raise FairtrialError(
            f"the training script of run {record.name} comes to other bits in {', '.join(off)} ({made}); nothing was "
            "written"
        )
    return probabilities(record, images)


def other_bits(script: Path, record: Record) -> list[str]:
    """The tensors in which the weights that the script wrote differ from the best ones of the run."""
    with np.load(script.with_suffix(".weights.npz")) as file:
        theirs = dict(file)
    ours = {name: values for name, values in record.weights().items() if not name.startswith(INPUT)}
    return [name for name in sorted(ours) if ours[name].tobytes() != theirs[name].tobytes()]
