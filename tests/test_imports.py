"""Imports go one way between the rooms, heavy libraries stay behind their doors, and starting costs little."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import fairtrial

ROOT = Path(fairtrial.__file__).parent

# Each room, and the rooms it may use: doers above, readers in the middle, those who join the halves below.
ALLOWED: dict[str, set[str]] = {
    "spec": set(),
    "disk": set(),
    "rng": {"spec"},
    "parts": {"spec", "rng", "disk"},
    "engine": {"spec", "rng", "parts"},
    "train": {"spec", "rng", "parts", "engine"},
    "store": {"spec", "disk", "inventory"},
    "inventory": {"spec"},
    "runner": {"spec", "rng", "parts", "engine", "train", "store"},
    "together": {"spec", "parts", "engine", "train", "store", "runner"},
    "study": {"spec", "rng", "parts", "engine", "train", "store", "runner", "together", "catalogue"},
    "reproduce": {"spec", "runner", "store", "further"},
    "further": {"spec", "parts", "engine", "train", "store", "runner", "report"},
    "checks": {"spec", "parts", "train", "store", "runner", "report"},
    "probe": {"spec", "parts", "train", "store", "runner", "study"},
    "predict": {"spec", "rng", "parts", "engine", "store"},
    "export": {"spec", "parts", "engine", "predict", "store"},
    "statistics": {"spec"},
    "costs": {"spec", "parts", "store"},
    "verdicts": {"spec", "store", "statistics", "costs"},
    "doctor": {"spec", "store"},
    "report": {"spec", "disk", "costs", "inventory", "store", "statistics", "verdicts", "doctor"},
    "made": {"spec", "store", "inventory", "verdicts"},
    "catalogue": {"spec", "parts"},
    "recipes": set(),
    "studies": set(),
    "api": {"spec", "rng", "parts", "engine", "train", "store", "runner", "study", "verdicts", "report"},
    "serve": {"spec", "parts", "store", "verdicts", "report", "inventory", "made", "doctor", "predict", "train"}
    | {"runner", "study", "catalogue", "api"},  # the playground checks a setting as the commands do that it starts
    "cli": {"spec", "parts", "engine", "store", "runner", "study", "verdicts", "report", "catalogue", "api", "predict"}
    | {"reproduce", "further", "inventory", "made", "doctor", "checks", "probe", "serve", "export"},
    "__main__": {"cli"},
    "__init__": {"spec", "store", "runner", "statistics", "verdicts", "api", "doctor", "checks", "probe"},
}
# Reading data is a doer's work, but what is told of a data set has their types; a record's net is rebuilt, and what a
# notebook shows, also while it trains, is drawn, on demand; which way a measure is better is said where it is
# registered.
EXCEPTIONS = {
    ("report", "parts"), ("store", "predict"), ("store", "report"), ("runner", "report"), ("verdicts", "report"),
    ("verdicts", "parts"),
}  # fmt: skip
DOORS = {
    "torch": {
        *("engine/torch_net.py", "engine/by_hand.py", "engine/stacked.py", "train/stack.py", "export/to_onnx.py"),
        "export/carried_training.py",
        *(f"doctor/{name}.py" for name in ("child", "likeness", "seams", "tensors", "watch")),
        *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("doctor/watched/*.py")),  # the parts of the watch
    },
    "altair": {"report/charts.py"},
    "vl_convert": {"report/charts.py", "report/page.py"},
    "PIL": {"parts/datasets/pictures.py", "parts/datasets/sheet.py", "export/carried.py"},  # the last in scripts only
    "httpx": {"parts/datasets/download.py"},
    "typer": {"cli.py"},
    "ray": {"study/on_ray.py"},
    "optuna": {"study/tune.py"},
    "onnxruntime": {"export/to_onnx.py"},
    "tensorboard": {"doctor/read_curves.py"},
    "uvicorn": {"serve/server.py"},
    "IPython": {"report/notebook.py"},
}


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(ROOT.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """A module, parsed once for all who look at it."""
    return ast.parse(path.read_text("utf8"))


@cache
def imported(path: Path) -> list[str]:
    """Full names of all that a module imports at any depth, except for type checkers only."""
    return list(imports(path))


def imports(path: Path) -> Iterator[str]:
    hidden = {
        id(inner)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree(path)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    """The room that a module is in."""
    inside = path.relative_to(ROOT).parts
    return inside[0].removesuffix(".py")


def test_each_room_is_known() -> None:
    assert {room(path) for path in modules()} <= ALLOWED.keys()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_uses_only_rooms_before_its_own(path: Path) -> None:
    used = {name.split(".")[1] for name in imported(path) if name.startswith("fairtrial.")}
    wrong = used - ALLOWED[room(path)] - {room(path)}
    assert {other for other in wrong if (room(path), other) not in EXCEPTIONS} == set()


@pytest.mark.parametrize("library", DOORS)
def test_a_heavy_library_has_one_door(library: str) -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if any(name.split(".")[0] == library for name in imported(path))
    }
    assert users <= DOORS[library]


def test_nothing_imports_the_command_line() -> None:
    users = {room(path) for path in modules() if any(name.startswith("fairtrial.cli") for name in imported(path))}
    assert users <= {"__main__"}


def test_nothing_unpickles_or_evaluates() -> None:
    banned = {"pickle", "shelve", "marshal", "dill", "cloudpickle"}
    for path in modules():
        assert not {name.split(".")[0] for name in imported(path)} & banned, path
        calls = {ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)}
        own = (
            {"exec"} if room(path) == "doctor" and path.name == "child.py" else set[str]()
        )  # the script it is asked to run
        assert not (calls - own) & {"eval", "exec", "torch.load", "np.load_pickle", "os.system", "__import__"}, path
        assert not {name.rpartition(".")[2] for name in calls} & {"extractall", "unpack_archive"}, path
        assert "shell=True" not in path.read_text("utf8"), path


def loaded(code: str) -> set[str]:
    """Names of all modules that a new process holds after this code."""
    asked = f"{code}\nimport sys\nprint('\\n', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.rpartition("\n ")[2].split())


def test_what_is_loaded_is_seen() -> None:
    assert {"numpy", "fairtrial.rng"} <= loaded("import fairtrial.rng")


HEAVY = {"torch", "numpy", "scipy", "sklearn", "altair", "pydantic", "rich", "typer", "PIL", "httpx"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded("import fairtrial") & HEAVY
    assert not loaded("import fairtrial; dir(fairtrial); fairtrial.FairtrialError") & HEAVY


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--help"], HEAVY - {"typer", "rich"}),
        (["list", "runs"], HEAVY - {"typer", "rich", "pydantic"}),  # typer reads its words with pydantic
        (["list", "models"], {"torch", "altair", "sklearn", "PIL", "httpx"}),
        (["run", "mlp", "learning_rate=1"], {"torch", "altair", "sklearn", "PIL", "httpx"}),
        (["run", "mlpp"], {"torch", "altair", "sklearn", "PIL", "httpx"}),
        (["show", "mlp"], {"torch", "altair", "sklearn", "PIL", "httpx"}),
        (["compare", "mlp", "optimizer=adam,sdg"], {"torch", "altair", "sklearn", "PIL", "httpx"}),
    ],
)
def test_commands_that_do_not_train_load_no_torch(words: list[str], without: set[str]) -> None:
    code = f"import sys; sys.argv[1:] = {words!r}\nfrom fairtrial.cli import main\ntry: main()\nexcept SystemExit: pass"
    assert not loaded(code) & without


def test_the_page_begins_without_what_trains_and_draws() -> None:
    assert not loaded("import fairtrial.serve.server") & {"torch", "altair", "ray", "sklearn", "optuna"}


def test_training_on_the_numpy_engine_loads_no_torch() -> None:
    code = (
        "from fairtrial.runner import run; from fairtrial.store import MemoryStore\n"
        "from fairtrial.spec.recipe import Recipe\n"
        "run(Recipe(model='linear', engine='numpy', epochs=1, batch=512), MemoryStore())"
    )
    assert not loaded(code) & {"torch", "altair", "sklearn", "PIL", "httpx"}


def test_the_public_names_are_all_there() -> None:
    for name in fairtrial.__all__:
        assert vars(fairtrial).get(name) or getattr(fairtrial, name)
    with pytest.raises(AttributeError, match="nothing"):
        _ = fairtrial.nothing
