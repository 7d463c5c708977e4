"""A module of one's own: another one is another run, and what is wrong with it is said before data are read."""

from __future__ import annotations

import functools
import json
import linecache
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from conftest import bits, fairtrial, stop_at, tiny
from fairtrial.engine.own import load_class, own_name
from fairtrial.runner import run
from fairtrial.spec.errors import UsageError
from fairtrial.store import MemoryStore

RECIPE = tiny(engine="torch", epochs=1, batch=512, score_train=False)


class Net(nn.Module):
    """Two linear layers, and a rate that neither its print nor its shapes show."""

    def __init__(self, hidden: int = 16, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate
        self.stack = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(self.stack(x), self.rate, self.training)


def test_what_a_function_has_from_outside_makes_another_run() -> None:
    def lambdas(values: list[Any], make: Callable[[Any], nn.Module]) -> set[str]:
        store = MemoryStore()
        return {run(RECIPE, store, module=lambda value=value: make(value)).name for value in values}

    def enclosed(rate: float) -> Callable[[], nn.Module]:
        return lambda: Net(16, rate)

    assert len(lambdas([16, 32], Net)) == 2
    assert len(lambdas([0.0, 0.1], lambda rate: Net(16, rate))) == 2
    assert len({own_name(enclosed(rate), enclosed(rate)()) for rate in (0.1, 0.2, 0.2)}) == 2


def test_a_partial_serves_and_its_arguments_count() -> None:
    store = MemoryStore()
    names = [run(RECIPE, store, module=functools.partial(Net, hidden)).name for hidden in (16, 32, 16)]
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("net-")


class Counting(nn.Sequential):
    """Counts batches in a whole number, as batch norm does, and has a bias that does not learn."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
        self[4].bias.requires_grad_(False)


@pytest.mark.parametrize("average", ["ema 0.9", "lookahead 2"])
def test_an_average_and_muon_serve_a_module_and_go_on_to_the_same_bits(average: str) -> None:
    recipe, alone, store = tiny(engine="torch", average=average, optimizer="muon"), MemoryStore(), MemoryStore()
    name = run(recipe, alone, module=Counting).name
    run(recipe, store, module=Counting, watch=stop_at(3))
    run(recipe, store, module=Counting)
    assert bits(store, name) == bits(alone, name)


FILE = """
import torch
from base import Base

WIDTH = 0.5

class Net(Base):
    def forward(self, x):
        return WIDTH * super().forward(x)
"""
BASE = """
import torch

class Base(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

    def forward(self, x):
        return self.stack(x).tanh()
"""
NAME = """
import sys
from pathlib import Path
from fairtrial.engine.own import load_class, own_name
made = load_class(Path(sys.argv[1]), "Net")
print(own_name(made, made()))
"""


def name_in_a_process(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", NAME, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_name_is_equal_in_every_process_and_another_after_any_edit(tmp_path: Path) -> None:
    path, base = tmp_path / "net.py", tmp_path / "base.py"
    path.write_text(FILE)
    base.write_text(BASE)
    first = name_in_a_process(path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in (path, base):
        (elsewhere / file.name).write_text(file.read_text())
    assert name_in_a_process(elsewhere / "net.py") == first
    path.write_text(FILE.replace("0.5", "0.7"))  # a constant of the file
    second = name_in_a_process(path)
    base.write_text(BASE.replace("tanh", "relu"))  # a base class in another file
    assert len({first, second, name_in_a_process(path)}) == 3


def test_a_class_in_a_notebooks_cell_is_named_by_its_cell() -> None:
    names: set[str] = set()
    for number, rate in enumerate((0.5, 0.7)):
        cell = f"<cell {number}>"
        source = FILE.replace("from base import Base", BASE).replace("0.5", str(rate))
        linecache.cache[cell] = (len(source), None, source.splitlines(keepends=True), cell)
        space: dict[str, Any] = {"__name__": "cell"}
        exec(compile(source, cell, "exec"), space)
        names.add(own_name(space["Net"], space["Net"]()))
        del linecache.cache[cell]
    assert len(names) == 2


def test_an_edit_of_the_same_second_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "net.py"
    for value in range(3):
        path.write_text(f"import torch\nVALUE = {value}\ndef Net(): return VALUE\n")
        assert load_class(path, "Net")() == value


def test_a_file_may_be_called_like_a_library_and_import_its_neighbours(tmp_path: Path) -> None:
    nets = tmp_path / "nets"
    nets.mkdir()
    (nets / "base.py").write_text(BASE)
    (nets / "json.py").write_text(FILE)
    words = ["run", "mlp", "model=nets/json.py:Net", "epochs=1", "batch=512", "--quiet", "--json", "--trust-code"]
    done = fairtrial(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ended"] == "finished"
    before = sys.modules["json"], list(sys.path)
    load_class(nets / "json.py", "Net")
    sys.path.remove(str(nets))
    del sys.modules["base"]
    assert (sys.modules["json"], sys.path) == before


class Viewing(nn.Module):
    """Flattens by view, which needs the memory in the order of the shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 3, 3), nn.Linear(108, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.view(x.size(0), -1).view(x.shape)
        return self.head(self.conv(x).view(x.size(0), -1))


def test_a_module_finds_memory_in_torchs_own_order() -> None:
    record = run(RECIPE, MemoryStore(), module=Viewing)
    assert record.end
    assert record.model(Viewing).conv.weight.is_contiguous()


class Listing(Net):
    """Gives a list of outputs."""

    def forward(self, x: torch.Tensor) -> Any:
        return [super().forward(x)]


class Frozen(Net):
    """Learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.requires_grad_(False)


class Wanting(Net):
    """Cannot be made without its argument."""

    def __init__(self, hidden: int) -> None:
        super().__init__(hidden)


def nothing() -> None:
    """Makes no module."""


def lazy() -> nn.Module:
    """A layer without weights."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(10))


def narrow() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9))


def short() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(63, 10))


def flat() -> nn.Module:
    return nn.Sequential(nn.Flatten(0), nn.Linear(128, 10))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Wanting, "module Wanting cannot be made: TypeError: .*missing 1 required positional argument: 'hidden'"),
        (nothing, "module nothing makes a NoneType, not a torch.nn.Module"),
        (narrow, r"module narrow gives outputs \(2, 9\) for inputs \(2, 1, 8, 8\); the targets need \(2, 10\)"),
        (flat, r"module flat gives outputs \(10,\)"),
        (short, r"module short on inputs \(2, 1, 8, 8\): RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
        (Listing, "module Listing gives a list for its outputs"),
        (Frozen, "module Frozen: no parameter of it learns"),
        (lazy, "module lazy: lazy layers"),
        (Net(), "give the class .*not an instance"),
    ],
)
def test_a_wrong_module_is_one_line_before_data_are_read(
    module: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(tmp_path))
    generator = torch.random.get_rng_state()
    with pytest.raises(UsageError, match=said) as caught:
        run(RECIPE, MemoryStore(), module=module)
    assert "\n" not in str(caught.value)
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert not list(tmp_path.iterdir())  # where data that were read would be


def test_the_targets_say_how_many_outputs_a_module_needs() -> None:
    one = RECIPE.but(loss="mse", targets="number")
    with pytest.raises(UsageError, match=r"the targets need \(2, 1\)"):
        run(one, MemoryStore(), module=Net)
    assert run(one, MemoryStore(), module=lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 1))).end
