"""A run made again is bit-identical, and what is not is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import tiny
from fairtrial.reproduce import reproduce
from fairtrial.runner import run
from fairtrial.spec.errors import UsageError
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.store import BEST, MADE, FolderStore, MemoryStore


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.row("C7")
def test_a_run_comes_back_to_the_bit(engine: str) -> None:
    made = reproduce(run(tiny(engine=engine), MemoryStore()))
    assert made.identical
    assert (made.largest_difference, made.scores, made.differs) == (0, {}, [])


@pytest.mark.row("C7")
def test_a_changed_weight_is_named_with_its_size() -> None:
    store = MemoryStore()
    record = run(tiny(), store)
    tensors, meta = unpack(store.get(record.name, BEST) or b"", "best")
    name = next(name for name in tensors if name.endswith(".bias"))
    tensors[name] = tensors[name] + 0.25
    store.put(record.name, BEST, pack(tensors, meta))
    made = reproduce(store.read(record.name))
    assert not made.identical
    assert made.tensor == name
    assert made.largest_difference == pytest.approx(0.25, rel=1e-6)


def test_another_environment_is_told() -> None:
    store = MemoryStore()
    name = run(tiny(), store).name
    how = json.loads(store.get(name, MADE) or b"")
    how["environment"]["numpy"] = "1.0"
    store.put(name, MADE, json.dumps(how).encode())
    made = reproduce(store.read(name))
    assert made.identical  # the bits came back all the same
    assert made.differs[0].startswith("numpy: 1.0 then")


def test_a_run_that_has_not_ended_is_refused() -> None:
    store = MemoryStore()
    record = run(tiny(), store)
    store.put(record.name, "events.jsonl", b"")
    with pytest.raises(UsageError, match="has not ended"):
        reproduce(store.read(record.name))


def test_the_command_ends_with_0_and_one_json_object(tmp_path: Path) -> None:
    name = run(tiny(), FolderStore(tmp_path)).name
    words = [sys.executable, "-m", "fairtrial", "reproduce", name[:-3], "--json", "--store", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["identical"] is True
