"""Studies as files: every shipped one is whole and documented; what cannot be meant is refused with file and line."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import fairtrial, tiny
from fairtrial.api import make, measured
from fairtrial.catalogue import read_base, recipes, studies, study_path
from fairtrial.parts.metrics import MEASURES, classes, moved
from fairtrial.parts.models import MODELS
from fairtrial.runner import make_plan, run
from fairtrial.spec.errors import UsageError
from fairtrial.spec.events import Ended
from fairtrial.store import MemoryStore, Record
from fairtrial.study.file import describe, find_study, in_words, parse, read_study
from fairtrial.study.plan import make_study

DOCS = Path(__file__).parent.parent / "docs" / "studies"
GRID = """\
question = "Which rule?"
claim = "someone says so"
recipe = "linear"
seeds = 2
margin = 0.02

[fields]
engine = "numpy"
epochs = 1
batch = 512

[arms]
optimizer = ["adam", "sgd"]
"""
NAMED = """\
question = "Which pair?"
claim = "someone says so"
recipe = "linear"

[[arm]]
name = "slow"
optimizer = "sgd"
lr = 0.001

[[arm]]
name = "fast"
optimizer = "adam"

[full]
seeds = 3

[full.fields]
data = "mnist"
"""


def shipped(name: str) -> Path:
    path = study_path(name)
    assert path is not None
    return path


def written(folder: Path, text: str) -> Path:
    path = folder / "asked.toml"
    path.write_text(text, "utf8")
    return path


@pytest.mark.parametrize("name", list(studies()))
def test_a_shipped_study_has_arms_that_differ_and_can_be_run(name: str) -> None:
    path = shipped(name)
    for study in (read_study(path), read_study(path, full=True)):
        assert len(study.arms) > 1
        assert len(study.seeds) >= 3
        assert len({make_plan(recipe).recipe for recipe in study.arms.values()}) == len(study.arms)
    assert {recipe.data for recipe in read_study(path).arms.values()} == {"digits"}
    assert "digits" not in {recipe.data for recipe in read_study(path, full=True).arms.values()}
    assert name not in {*recipes(), *MODELS}


@pytest.mark.parametrize("name", list(studies()))
def test_a_shipped_study_has_a_page_with_its_commands_and_their_output(name: str) -> None:
    path = shipped(name)
    page = (DOCS / f"{name}.md").read_text("utf8")
    file = parse(path)[0]
    commands = re.findall(r"# (fairtrial compare .*?)(?:  |$)", path.read_text("utf8"), re.MULTILINE)
    assert commands[0] == f"fairtrial compare {name}"
    assert all(command in page for command in [*commands, f"fairtrial compare {name} --full"])
    assert file.question in page
    assert file.claim in page
    assert f"{name}: {file.metric} by arm" in page
    assert f"({name}.md)" in (DOCS / "README.md").read_text("utf8")


def test_no_page_is_without_a_study() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == {*studies(), "README"}


@pytest.mark.parametrize("name", ["convolution"])
@pytest.mark.parametrize("full", [False, True])
def test_nets_that_are_said_to_be_equally_large_are(name: str, full: bool) -> None:
    from fairtrial.spec.arch import arch_params

    plans = [make_plan(recipe) for recipe in read_study(shipped(name), full=full).arms.values()]
    sizes = [sum(int(np.prod(s)) for s in arch_params(plan.arch, plan.input).values()) for plan in plans]
    assert max(sizes) / min(sizes) < 1.01
    assert all(f"{size:,}" in shipped(name).read_text("utf8") for size in sizes)


def test_words_that_a_study_names_for_other_data_are_the_reports_protocols() -> None:
    a, c = read_base("mnist-cnn")[1], read_base("cifar-bn-cnn")[1]
    assert a.but(data="cifar10") == read_base("cifar-cnn")[1]
    assert read_study(shipped("optimizers"), full=True).arms["adam"] == a
    assert read_study(shipped("dropout"), full=True).arms["dropout=0.3"] == a
    words = dict(re.findall(r"(\w+)=(\S+)", shipped("double-softmax").read_text("utf8").split("\n")[2]))
    logits = read_study(shipped("double-softmax"), words).arms["logits"]
    assert logits.but(model="bn-cnn") == c.but(test_every=0, keep="best")
    assert make_plan(logits).arch == make_plan(c).arch


def test_a_grid_and_named_arms_are_read(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, GRID))
    assert (study.name, list(study.arms), study.seeds, study.margin) == ("asked", ["adam", "sgd"], (0, 1), 0.02)
    assert study.arms["sgd"] == read_base("linear")[1].but(engine="numpy", epochs=1, batch=512, optimizer="sgd")
    study = read_study(written(tmp_path, NAMED))
    assert study.fields("slow") == {"optimizer": "sgd"}  # 0.001 is the rate of the other arm too
    study = read_study(written(tmp_path, NAMED), full=True)
    assert (study.seeds, study.arms["fast"].data, study.arms["slow"].optimizer) == ((0, 1, 2), "mnist", "sgd")


def test_words_come_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, GRID)
    study = read_study(path, {"optimizer": "rmsprop,adam", "epochs": "3"}, seeds=4)
    assert list(study.arms) == ["rmsprop", "adam"]
    assert {recipe.epochs for recipe in study.arms.values()} == {3}
    assert len(study.seeds) == 4
    assert len(read_study(path, {"lr": "0.1,0.01"}).arms) == 4
    named = read_study(written(tmp_path, NAMED), {"batch": "16,32", "lr": "0.5"})
    assert list(named.arms) == ["slow batch=16", "slow batch=32", "fast batch=16", "fast batch=32"]
    assert {recipe.lr for recipe in named.arms.values()} == {0.5}
    with pytest.raises(UsageError, match="same recipe"):
        read_study(path.with_name("asked.toml"), {"optimizer": "sgd"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GRID.replace("seeds = 2", "seed = 2"), r"asked.toml:4: unknown key 'seed'; did you mean seeds"),
        (GRID.replace("epochs", "epoch"), r"asked.toml:9: unknown field 'epoch'; did you mean epochs"),
        (GRID.replace("epochs = 1", "epochs = 0"), r"asked.toml:9: epochs=0"),
        (GRID.replace("optimizer", "optimiser"), r"asked.toml:13: unknown field 'optimiser'; did you mean optimizer"),
        (GRID.replace('["adam", "sgd"]', "[]"), r"asked.toml:13: arms.optimizer"),
        (GRID.replace('["adam", "sgd"]', '["adam", "adam"]'), r"asked.toml:12: the arm 'adam' is the same recipe"),
        (GRID.replace("optimizer", "seed").replace('["adam", "sgd"]', "[1, 2]"), r"asked.toml:13: seed cannot be"),
        (GRID.replace('"linear"', '"lineer"'), r"asked.toml:3: unknown study, recipe or model 'lineer'; .*linear"),
        (GRID.replace("seeds = 2", "seeds = 0"), r"asked.toml:4: seeds=0: .*greater than or equal to 1"),
        (GRID.replace("margin = 0.02", "margin = -1.0"), r"asked.toml:5: margin=-1.0"),
        (GRID.replace("margin", "metric").replace("0.02", '"measure/gab"'), r"asked.toml:5: .*measure/gap"),
        (GRID.replace('question = "Which rule?"', ""), r"asked.toml:1: a study needs its question"),
        (GRID.split("[arms]")[0], r"asked.toml:1: arms are given by"),
        (GRID + "\n[[arm]]\nname = 'more'\n", r"asked.toml:12: arms are given by"),
        (GRID + "\n[full]\nseeds = 0\n", r"asked.toml:16: full.seeds=0"),
        (GRID + "\n[full]\nmargim = 1\n", r"asked.toml:16: unknown key 'margim'; did you mean margin"),
        (GRID + "x = = 1", r"asked.toml: .*line 14"),
        (NAMED.replace('"fast"', '"slow"'), r"asked.toml:10: two arms are called 'slow'"),
        (NAMED.replace('name = "fast"\n', ""), r"asked.toml:10: an \[\[arm\]\] needs a name"),
        (NAMED.replace("lr = 0.001", "lr = -1.0"), r"asked.toml:8: lr=-1.0"),
        (NAMED.replace("lr = 0.001", "lrr = 1.0"), r"asked.toml:8: unknown field 'lrr'; did you mean lr"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_file_and_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        read_study(written(tmp_path, text))


def test_mistakes_under_full_are_found_there(tmp_path: Path) -> None:
    path = written(tmp_path, NAMED.replace('data = "mnist"', "epochs = 0"))
    with pytest.raises(UsageError, match=r"asked.toml:18: epochs=0"):
        read_study(path, full=True)
    with pytest.raises(UsageError, match=r"no \[full\]"):
        read_study(written(tmp_path, GRID), full=True)


def test_a_file_is_a_study_when_it_has_arms_or_a_question(tmp_path: Path) -> None:
    assert find_study(str(written(tmp_path, GRID))) == tmp_path / "asked.toml"
    assert find_study(str(written(tmp_path, 'model = "linear"\n'))) is None
    assert find_study("optimizers") == study_path("optimizers")
    assert [find_study(word) for word in ("mlp", "nothing", "flatten, linear classes")] == [None] * 3


def test_a_study_runs_end_to_end_from_the_command_line(tmp_path: Path) -> None:
    written(tmp_path, GRID)
    words = ("compare", "asked.toml", "lr=0.01", "--executor", "serial", "--quiet", "--json")
    done = fairtrial(*words, cwd=tmp_path)
    made: dict[str, Any] = json.loads(done.stdout)
    assert (made["study"], made["metric"], made["margin"], made["seeds"]) == ("asked", "test/accuracy", 0.02, 2)
    assert {arm["name"]: arm["n"] for arm in made["arms"]} == {"adam": 2, "sgd": 2}
    assert (tmp_path / made["report"]).is_file()


def test_it_is_listed_and_shown(tmp_path: Path) -> None:
    path = written(tmp_path, GRID)
    assert describe(path)["arms"] == {"adam": {"optimizer": "adam"}, "sgd": {"optimizer": "sgd"}}
    words = in_words(describe(written(tmp_path, NAMED)))
    assert (words["arms"], words["full"], words["question"]) == ("slow; fast", "linear data=mnist", "Which pair?")
    assert describe(path)["full"]["seeds"] == 3
    shown = fairtrial("show", "optimizers", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["arms"]["sgd"] == {"optimizer": "sgd"}
    refused = fairtrial("compare", "optimizerz", cwd=tmp_path)
    assert (refused.returncode, "did you mean optimizers" in refused.stderr) == (2, True)


# Measures


@pytest.fixture(scope="module")
def record() -> Record:
    return run(tiny(model="flatten, linear 8, act, linear 6, act, linear classes", epochs=3, lr=0.01), MemoryStore())


@pytest.mark.parametrize("name", list(MEASURES))
def test_a_measure_is_a_number_of_a_finished_run(name: str, record: Record) -> None:
    value = MEASURES[name](record)
    assert np.isfinite(value)
    assert measured(record, f"measure/{name}").scores[f"measure/{name}"] == value
    assert measured(record, "test/accuracy") is record


def test_measures_say_what_they_are_called() -> None:
    store = MemoryStore()
    zeros = run(tiny(init="zeros", epochs=1), store)
    assert MEASURES["unit-difference"](zeros) == 0
    assert MEASURES["zero-weights"](zeros) == 1  # ReLU of nothing: no weight has a gradient
    assert MEASURES["small-weights"](zeros) == 1
    random = run(tiny(epochs=1), store)
    assert MEASURES["unit-difference"](random) > 0.1
    assert MEASURES["zero-weights"](random) == 0
    assert MEASURES["gap"](random) == random.scores["train/accuracy"] - random.scores["test/accuracy"]
    assert MEASURES["shift-agreement"](zeros) == 1  # one class for all images


def test_an_image_moves_and_its_edge_is_repeated() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    assert moved(image, 1, 0)[0, ..., 0].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert moved(image, 0, -1)[0, ..., 0].tolist() == [[1, 2, 2], [4, 5, 5]]
    assert (moved(image, 0, 0) == image).all()


def test_the_class_is_the_most_likely_one(record: Record) -> None:
    images = np.zeros((3, 8, 8, 1), np.uint8)
    assert (classes(record, images) == np.argmax(record.predict(images), 1)).all()


def test_a_study_by_a_measure_takes_the_smaller_gap_for_better_and_skips_what_diverged() -> None:
    study = make_study("s", tiny(epochs=4), {"lr": [0.03, 1e-6]}, 4)
    comparison = make(replace(study, metric="measure/gap", margin=0.01), MemoryStore())
    assert comparison.arms[0].estimate.mean == min(arm.estimate.mean for arm in comparison.arms)
    some = next(iter(comparison.records.values()))[0]
    assert isinstance(some.end, Ended)
    assert "measure/gap" in some.end.scores
    with pytest.raises(UsageError, match="measure/gap"):
        make(replace(study, metric="measure/gaps"), MemoryStore())
