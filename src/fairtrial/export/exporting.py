"""export(record, to) writes a run's net in another form, runs that form again, and keeps it only if labels agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fairtrial.export import run_page, run_script, to_html, to_numpy, to_torch
from fairtrial.export.trained import Trained, trained
from fairtrial.parts.datasets import load
from fairtrial.predict import probabilities
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import DataError, FairtrialError, UnknownName, UsageError
from fairtrial.store import FolderStore, Record

IMAGES = 1000  # on which an export is run again


@dataclass(frozen=True)
class Target:
    """A form: what its main file is called, what is written, and how that is run again on images."""

    ending: str  # behind the run's name
    files: Callable[[Trained, str], dict[str, bytes]]
    run: Callable[[Path, Record, NumpyArray], NumpyArray | None]  # None: there is nothing here to run it with
    needs: str = ""  # what is missing where there is not
    note: Callable[[Trained], str] = lambda net: ""  # what is lost on the way

    @property
    def suffix(self) -> str:
        return "." + self.ending.rpartition(".")[2]

    def name(self, run: str) -> str:
        """The main file of a run's export; one of a script can be imported."""
        return (run.replace("-", "_") if self.suffix == ".py" else run) + self.ending


def _script_files(net: Trained, stem: str) -> dict[str, bytes]:
    from fairtrial.export import to_training  # imports torch

    return to_training.files(net, stem)


def _onnx_files(net: Trained, stem: str) -> dict[str, bytes]:
    from fairtrial.export import to_onnx  # imports torch, and needs an extra

    return to_onnx.files(net, stem)


def _onnx_predicted(path: Path, record: Record, images: NumpyArray) -> NumpyArray:
    from fairtrial.export import to_onnx

    return to_onnx.predicted(path, record, images)


TARGETS: dict[str, Target] = {
    "onnx": Target(".onnx", _onnx_files, _onnx_predicted),
    "torch": Target("_torch.py", to_torch.files, run_script.predicted),
    "torch --script": Target(
        "_training.py", _script_files, run_script.trained_again, note=lambda net: "all weights bit-identical"
    ),
    "numpy": Target("_numpy.py", to_numpy.files, run_script.predicted),
    "html": Target(".html", to_html.files, run_page.predicted, "no browser found", to_html.note),
}


@dataclass(frozen=True)
class Exported:
    """What was written, and how it did when it was run again."""

    run: str
    to: str
    files: list[str]  # paths, the main one first
    bytes: int
    images: int  # on which it was run again; 0: it was not
    largest_difference: float | None  # between probabilities
    labels_agree: bool | None
    unchecked: str  # why it was not run again
    note: str  # what was lost on the way

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @property
    def said(self) -> str:
        """In words."""
        checked = self.unchecked or (
            f"run again on {self.images:,} images: all labels agree, "
            f"probabilities differ by {self.largest_difference:.2g} at most"
        )
        size = f"{self.run} as {self.to}, {self.bytes:,} bytes"
        return "\n".join([f"{size}{self.note and f'; {self.note}'}", *(f"  {file}" for file in self.files), checked])


def export(record: Record, to: str, out: Path | None = None) -> Exported:
    """Write the run's net as `to` says, to `out` or under the run's name into the current folder.

    UsageError for what cannot be written so, DataError if the run's data are not those it was trained on,
    FairtrialError if a label differs when the export is run again: then nothing is kept.
    """
    if to not in TARGETS:
        raise UnknownName("form to export to", to, TARGETS)
    target, net = TARGETS[to], trained(record)
    path = out or Path(target.name(record.name))
    if path.suffix != target.suffix:
        raise UsageError(f"--out {path}: what --to {to} writes ends in {target.suffix}")
    files, images = target.files(net, path.stem), sample(record)
    found = rehearsed(target, files, path.name, record, images)
    largest = None if found is None else agreement(probabilities(record, images), found)
    keep(files, path.parent)
    return Exported(
        run=record.name,
        to=to,
        files=[str(path.parent / name) for name in files],
        bytes=sum(map(len, files.values())),
        images=0 if found is None else len(images),
        largest_difference=largest,
        labels_agree=None if found is None else True,
        unchecked=f"not checked: {target.needs}" if found is None else "",
        note=target.note(net),
    )


def rehearsed(
    target: Target, files: dict[str, bytes], main: str, record: Record, images: NumpyArray
) -> NumpyArray | None:
    """What the files say of the images, from a folder that is gone afterwards."""
    with TemporaryDirectory() as folder:
        keep(files, Path(folder))
        return target.run(Path(folder) / main, record, images)


def keep(files: dict[str, bytes], folder: Path) -> None:
    """Write each file whole or not at all; the first one, which reads the others, when these are there."""
    for name, data in reversed(files.items()):
        FolderStore(folder).put(".", name, data)


def agreement(ours: NumpyArray, theirs: NumpyArray) -> float:
    """The largest difference of probabilities; FairtrialError if they name another class anywhere."""
    differ = int((ours.argmax(1) != theirs.argmax(1)).sum())
    largest = float(np.abs(ours - theirs).max())
    if differ or not np.isfinite(largest):
        raise FairtrialError(
            f"the export names another class for {differ} of {len(ours)} images (probabilities differ by up to "
            f"{largest:.2g}); nothing was written"
        )
    return largest


def sample(record: Record) -> NumpyArray:
    """Images of the run's data: of the test part in even steps, of all where that has too few, and these repeatedly."""
    data = load(record.recipe.data, skip_bad=record.recipe.skip_bad)
    if data.fingerprint != record.made["data"]["fingerprint"]:
        raise DataError(f"data {record.recipe.data}: they are not those that run {record.name} was trained on")
    test = np.arange(data.test_from, len(data.labels))
    rows = test if len(test) >= IMAGES else np.arange(len(data.labels))
    return data.images[rows[np.arange(IMAGES) * len(rows) // IMAGES]]
