"""run() as a program calls it: what is done is returned, what differs is another run, one's own module is exact too."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fairtrial as ft
from conftest import Look, bits, stop_at, tiny
from fairtrial.runner import run, slug
from fairtrial.spec.errors import Busy, DataError, UnknownName, UsageError
from fairtrial.spec.events import Ended
from fairtrial.store import MADE, FolderStore, MemoryStore, generations


@pytest.mark.row("R8")
def test_a_finished_run_is_returned_and_no_step_is_made() -> None:
    store = MemoryStore()
    first = run(tiny(), store)
    look = Look()
    again = run(tiny(), store, watch=look)
    assert again.events == first.events
    assert (look.begun, look.events) == ([], [])


@pytest.mark.row("R8")
def test_an_early_stopped_run_is_returned_too() -> None:
    store, recipe = MemoryStore(), tiny(patience=1, min_delta=5.0, epochs=9)
    assert (record := run(recipe, store)).end
    assert record.end.reason == "early-stopped"
    look = Look()
    run(recipe, store, watch=look)
    assert look.events == []


@pytest.mark.row("K14")
def test_a_run_that_lost_only_its_last_event_makes_no_step(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    record = run(tiny(), store)
    lines = (store.get(record.name, "events.jsonl") or b"").splitlines(keepends=True)
    store.put(record.name, "events.jsonl", b"".join(lines[:-1]))
    look = Look()
    again = run(tiny(), store, watch=look)
    assert [type(event) for event in look.events] == [Ended]
    assert again.end == record.end


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_equal_recipes_give_equal_bits_in_another_process(engine: str, tmp_path: Path) -> None:
    code = (
        "import sys; from fairtrial.runner import run; from fairtrial.store import FolderStore\n"
        "from fairtrial.spec.recipe import Recipe\n"
        "run(Recipe.model_validate_json(sys.argv[1], strict=False), FolderStore(sys.argv[2]))"
    )
    model = "conv 3, norm, act, flatten, dropout, linear classes"
    recipe, here = tiny(model=model, engine=engine, augment="shift 1", epochs=1), MemoryStore()
    name = run(recipe, here).name
    subprocess.run([sys.executable, "-c", code, recipe.model_dump_json(), str(tmp_path)], timeout=100, check=True)
    assert bits(FolderStore(tmp_path), name) == bits(here, name)


def test_seeds_differ_in_everything_that_is_drawn() -> None:
    store = MemoryStore()
    records = [run(tiny(seed=seed, model="flatten, linear 8, act, dropout, linear classes"), store) for seed in (0, 1)]
    assert records[0].made["data"]["split"] != records[1].made["data"]["split"]
    assert not np.array_equal(records[0].weights()["linear1.weight"], records[1].weights()["linear1.weight"])
    assert records[0].name != records[1].name


def test_the_name_is_for_people_and_the_id_finds_the_run() -> None:
    store = MemoryStore()
    record = run(tiny(), store, name="My Run!")
    assert record.name.startswith("my-run-")
    assert run(tiny(), store, name="another").name == record.name
    assert slug("//..//") == "run"
    assert len(slug("x" * 300)) == 40


def test_what_made_the_run_is_in_its_record() -> None:
    record = run(tiny(model="cnn2", epochs=1), MemoryStore())
    assert record.made["data"]["counts"] == {"train": 1150, "valid": 287, "test": 360}
    assert record.made["environment"]["numpy"] == np.__version__
    assert record.made["arch"].startswith("conv 10")
    assert record.made["image"] == [1, 8, 8]


def test_a_held_run_is_busy() -> None:
    store = MemoryStore()
    name = run(tiny(), store, watch=stop_at(3)).name
    with store.hold(name), pytest.raises(Busy, match=name):
        run(tiny(), store)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only cpu"):
        run(ft.Recipe(device="cuda"), FolderStore(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("valid", [1437, 1436, 0.9999])
@pytest.mark.row("N7")
def test_a_training_part_too_small_for_a_step_is_refused(valid: float, tmp_path: Path) -> None:
    with pytest.raises((DataError, UsageError)):
        run(tiny(valid=valid), FolderStore(tmp_path))
    assert FolderStore(tmp_path).list() == []


@pytest.mark.row("N7")
def test_one_batch_larger_than_the_data_is_one_step() -> None:
    record = run(tiny(batch=100_000, epochs=1), MemoryStore())
    assert record.end
    assert record.end.step == 1


def test_from_scratch_gives_the_same_run_again() -> None:
    store = MemoryStore()
    record = run(tiny(keep="all"), store)
    before = bits(store, record.name)
    store.put(record.name, "curves.svg", b"old")
    look = Look()
    run(tiny(keep="all"), store, from_scratch=True, watch=look)
    assert look.begun == ["0/10"]
    assert bits(store, record.name) == before
    assert "curves.svg" not in store.files(record.name)


def test_a_run_in_a_thread_that_cannot_catch_signals_is_the_same() -> None:
    store, alone = MemoryStore(), MemoryStore()
    thread = threading.Thread(target=run, args=(tiny(), store))
    thread.start()
    thread.join()
    name = run(tiny(), alone).name
    assert bits(store, name) == bits(alone, name)


def test_the_number_of_threads_is_set_while_a_run_lasts_and_given_back() -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    look = Look(lambda event: seen.append(torch.get_num_threads()))
    run(tiny(engine="torch", threads=2, epochs=1), MemoryStore(), watch=look)
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


def test_curves_are_read_from_events() -> None:
    record = run(tiny(epochs=3), MemoryStore())
    steps, values = record.curve("valid/accuracy")
    assert steps == [5, 10, 15]
    assert values == [epoch.scores["valid/accuracy"] for epoch in record.epochs]
    assert record.curve("running/loss")[0] == list(range(1, 16))
    with pytest.raises(UnknownName, match="valid/accuracy"):
        record.curve("valid/acuracy")


class Own(nn.Module):
    """A module that draws and remembers: torch's own dropout, noise, batch norm, an average over time."""

    average: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(4 * 36, 10)
        self.register_buffer("average", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x)).relu()
        if self.training:
            self.average.mul_(0.9).add_(0.1 * x.detach().mean((0, 2, 3)))
            x = x + 0.1 * torch.randn_like(x)
        return self.head(self.dropout(x - self.average[:, None, None]).flatten(1))


class Counting(nn.Module):
    """Batch norm that averages over all batches so far, whose count is a whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(64, momentum=None)
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(x.flatten(1)))


class Skipping(nn.Module):
    """A layer that some steps leave out, so that some parameters have no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.sometimes, self.head = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        if not self.training or float(torch.rand(())) < 0.4:
            x = x + self.sometimes(x)
        return self.head(x)


@pytest.mark.parametrize("module", [Own, Counting, Skipping])
def test_ones_own_module_resumes_after_any_step_to_the_same_bits(module: type[nn.Module]) -> None:
    recipe, alone = tiny(engine="torch", score_every=3), MemoryStore()
    before = torch.random.get_rng_state()
    name = run(recipe, alone, module=module).name
    assert torch.equal(torch.random.get_rng_state(), before)  # the user's own generator is left as it was
    for step in range(1, 10):
        store = MemoryStore()
        run(recipe, store, module=module, watch=stop_at(step))
        torch.rand(3)
        run(recipe, store, module=module)
        assert bits(store, name) == bits(alone, name), f"stopped after step {step}"


def test_ones_own_module_comes_back_with_the_best_weights() -> None:
    record = run(tiny(engine="torch"), MemoryStore(), module=Own)
    model = record.model(Own)
    assert isinstance(model, Own)
    assert not model.training
    weights = record.weights()
    assert all(np.array_equal(p.detach().numpy(), weights[name]) for name, p in model.named_parameters())
    with pytest.raises(UsageError, match="module of your own"):
        record.model()


def test_an_edited_module_is_another_run_and_one_without_source_is_refused() -> None:
    store = MemoryStore()
    assert run(tiny(engine="torch", epochs=1), store, module=Own).name.startswith("own-")
    made: dict[str, Any] = {}
    exec("import torch\nclass Own(torch.nn.Module): pass", made)
    with pytest.raises(UsageError, match="source cannot be read"):
        run(tiny(engine="torch"), store, module=made["Own"])
    with pytest.raises(UsageError, match="numpy"):
        run(tiny(), store, module=Own)


def test_the_state_before_the_newest_is_whole_too() -> None:
    store = MemoryStore()
    recipe = tiny(save_every=2)
    name = run(recipe, store, watch=stop_at(7)).name
    newest, older = generations(store, name)
    assert (newest, older) == ("state-7.safetensors", "state-6.safetensors")
    store.drop(name, newest)
    look = Look()
    run(recipe, store, watch=look)
    assert look.begun == ["6/10"]


def test_made_json_is_written_once(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    name = run(tiny(), store, watch=stop_at(3)).name
    before = (tmp_path / name / MADE).stat().st_mtime_ns
    run(tiny(), store)
    assert (tmp_path / name / MADE).stat().st_mtime_ns == before


def test_pictures_of_several_sizes_train_at_the_size_they_are_brought_to(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("bright", "dark"):
        (tmp_path / name).mkdir()
        for i in range(20):
            size = (9, 12) if i < 2 else (8, 8)  # the first ones, which a look at the folder sees, are the odd ones
            pixels = (random.random((*size, 3)) * 100 + 100 * (name == "bright")).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i:02}.png")
    record = run(tiny(data=str(tmp_path), model="cnn2", valid=0.2), MemoryStore())
    assert record.made["image"] == [3, 8, 8]
    assert record.end is not None


def test_a_run_can_leave_the_test_part_alone() -> None:
    store = MemoryStore()
    alone, scored = run(tiny(score_test=False), store), run(tiny(), store)
    assert alone.end is not None
    assert not [key for key in alone.scores if key.startswith("test/")]
    assert alone.curve("valid/loss") == scored.curve("valid/loss")
