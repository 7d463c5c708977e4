"""What every released version has written is read, shown, used and gone on with by this one."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import fairtrial
from conftest import Look, timeless
from fairtrial.parts.datasets import load
from fairtrial.report.text import show_record
from fairtrial.runner import run
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.tensorfile import unpack
from fairtrial.store import BEST, EVENTS, FolderStore, Store, generations

GOLDEN = Path(__file__).parent / "golden" / "releases"
RUNS = sorted(path.relative_to(GOLDEN) for path in GOLDEN.glob("*/stopped/*"))
runs = pytest.mark.parametrize("path", RUNS, ids=str)


def numbers(store: Store, name: str) -> Tensors:
    """The best weights and the newest state of a run."""
    files = (BEST, generations(store, name)[0])
    return {f"{file}/{k}": v for file in files for k, v in unpack(store.get(name, file) or b"", file)[0].items()}


def test_this_version_has_kept_what_it_writes() -> None:
    assert fairtrial.__version__ in {path.parts[0] for path in RUNS}


@runs
@pytest.mark.row("R7")
def test_a_finished_run_of_a_release_is_read_shown_and_predicts(path: Path) -> None:
    record = FolderStore(GOLDEN / path.parts[0] / "finished").read(path.name)
    assert record.end
    shown = io.StringIO()
    show_record(record, Console(file=shown, width=200))
    assert f"{record.scores['test/accuracy']:.2%}".replace("%", " %") in shown.getvalue()
    data = load(record.recipe.data)
    right = record.predict(data.images[data.test_from :]).argmax(1) == data.labels[data.test_from :]
    assert right.mean() == pytest.approx(record.scores["test/accuracy"])


@runs
@pytest.mark.row("R7")
def test_a_stopped_run_of_a_release_goes_on_to_its_bits(path: Path, tmp_path: Path) -> None:
    """Elsewhere than in its environment, to numbers that are close; the version itself makes no difference to them."""
    finished, name = FolderStore(GOLDEN / path.parts[0] / "finished"), path.name
    shutil.copytree((GOLDEN / path).parent, tmp_path, dirs_exist_ok=True)
    store, look = FolderStore(tmp_path), Look()
    record = run(store.read(name).recipe, store, watch=look, allow_inexact=True)
    assert (record.name, look.begun) == (name, ["5/9"])
    made, wanted = numbers(store, name), numbers(finished, name)
    assert made.keys() == wanted.keys()
    others = [mark for mark in record.made.get("inexact", []) if not mark.startswith("fairtrial: ")]
    for key, values in wanted.items():
        np.testing.assert_allclose(made[key], values, rtol=1e-3 * bool(others), atol=1e-4 * bool(others), err_msg=key)
    assert others or timeless(store.get(name, EVENTS) or b"") == timeless(finished.get(name, EVENTS) or b"")
