"""A run's net in other forms says what the run's own net says: every layer, model and meaning, each run by itself."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fairtrial.cli import app
from fairtrial.export import run_page, run_script, to_html, to_numpy, to_onnx, to_torch, to_training
from fairtrial.export.exporting import IMAGES, TARGETS, export, sample
from fairtrial.export.trained import Trained, trained
from fairtrial.parts.models import MODELS, build
from fairtrial.runner import make_plan, run
from fairtrial.spec.arch import WORDS, Activation, Norm, arch_buffers, arch_params
from fairtrial.spec.errors import FairtrialError, ShapeError, UnknownName, UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import BEST, FolderStore, MemoryStore, Record

QUICK: dict[str, Any] = {"epochs": 1, "images": 200, "batch": 64, "lr": 0.01, "score_train": False}


def trained_on_digits(**fields: Any) -> Record:
    """A run of a few steps, whose running statistics and weights are no longer those of the start."""
    return run(Recipe(**{**QUICK, **fields}), MemoryStore())


def fits_digits(model: str) -> bool:
    """Whether the model can be built for 8x8 pixels."""
    try:
        make_plan(Recipe(model=model))
    except ShapeError:
        return False
    return True


MODELS_FOR_DIGITS = [name for name in MODELS if fits_digits(name)]

# ----------------------------------------------------------------------------------------------- every layer

END = "flatten, linear classes"
LINES = {
    "conv": "conv 3 2, conv 4 3 reflect, conv 3 4 reflect no-bias, conv 4 2 stride 2, conv 3 pad 2, conv 2 valid, "
    + END,
    "pool": f"pool, pool 2 stride 1, {END}",
    "avg-pool": f"avg-pool, avg-pool 3 stride 1, {END}",
    "global-pool": "conv 5, global-pool, linear classes",
    "linear": "flatten, linear 7 no-bias, linear classes",
    "flatten": END,
    "batch-norm": "conv 3, batch-norm, flatten, linear 9, batch-norm, linear classes",
    "dropout": "flatten, dropout 0.5, linear classes",
    "residual": "conv 4, residual(conv 4, relu, residual(conv 4), conv 4 | conv 4 1, batch-norm), residual(conv 4), "
    + END,
    "leaky-relu": "flatten, linear 9, leaky-relu, leaky-relu 0.3, linear classes",
}


def line(word: str) -> str:
    """A net with the layer: its own, or where it keeps the shape, one for all."""
    return LINES.get(word, f"flatten, linear 9, {word}, linear classes")


@pytest.mark.parametrize("word", [word for kind, word in WORDS.items() if kind not in (Activation, Norm)])
def test_every_layer_gives_what_the_engine_gives(word: str, tmp_path: Path) -> None:
    record = trained_on_digits(model=line(word), engine="numpy", precision="float64", input="standardise")
    net, images = trained(record), sample(record)[::25]
    ours = record.predict(images)
    for form in (to_numpy, to_torch):
        assert np.abs(said(form.files(net, form.__name__[-5:]), tmp_path, images) - ours).max() < 1e-12, form
    theirs = page_says(record, tmp_path, images)
    assert np.abs(theirs - ours).max() < 1e-6


def said(files: dict[str, bytes], folder: Path, images: Any) -> Any:
    """What a script among these files predicts, run in this process."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return runpy.run_path(str(folder / next(iter(files))))["predict"](images)


def page_says(record: Record, folder: Path, images: Any) -> Any:
    """What the page predicts; where nothing can run it the test is skipped."""
    (folder / "page.html").write_bytes(to_html.files(trained(record), "page")["page.html"])
    found = run_page.predicted(folder / "page.html", record, images)
    if found is None:
        pytest.skip("neither Node.js nor a browser is installed")
    return found


# -------------------------------------------------------------------------- every meaning of outputs, every input

KINDS = {
    "yes or no for each class": {"loss": "bce"},
    "outputs as shares": {"loss": "mse"},
    "a number": {"loss": "mse", "targets": "number"},
    "log-probabilities": {"loss": "nll"},
    "both ways": {"test_flip": True},
    "projected": {"input": "pca 10", "model": "linear 12, act, linear classes"},
    "given mean": {"input": "mean-std 0.5 0.25"},
    "float32 on NumPy": {"engine": "numpy"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_mean_the_same_everywhere(kind: str, tmp_path: Path) -> None:
    record = trained_on_digits(**{"model": "small-mlp", **KINDS[kind]})
    net, images = trained(record), sample(record)
    ours = record.predict(images)
    for form in (to_numpy, to_torch):
        theirs = said(form.files(net, form.__name__[-5:]), tmp_path, images)
        assert theirs.shape == ours.shape
        assert np.abs(theirs - ours).max() < 2e-6
    assert np.abs(page_says(record, tmp_path, images) - ours).max() < 2e-6


# ------------------------------------------------------------------------------------- every model, from outside


@pytest.mark.parametrize("model", MODELS_FOR_DIGITS)
@pytest.mark.parametrize("to", ["numpy", "torch", "html"])
def test_every_model_is_exported_and_run_again(model: str, to: str, tmp_path: Path) -> None:
    record = trained_on_digits(model=model)
    made = export(record, to, tmp_path / f"net{TARGETS[to].suffix}")
    assert made.images == IMAGES or made.unchecked == "not checked: no browser found"
    assert made.images == 0 or (made.labels_agree and made.largest_difference is not None)
    assert (made.largest_difference or 0) < (1e-3 if "float16" in made.note else 1e-5)
    assert sorted(made.files) == sorted(str(path) for path in tmp_path.iterdir())
    assert made.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_a_page_is_run_by_a_browser_or_not_at_all_where_there_is_no_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, browser, before = trained_on_digits(model="linear"), shutil.which("chromium"), os.environ["PATH"]
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    made = export(record, "html", tmp_path / "net.html")
    assert (made.images, made.largest_difference, made.labels_agree) == (0, None, None)
    assert made.said.endswith("not checked: no browser found")
    if browser is None:
        pytest.skip("no Chromium is installed")
    (tmp_path / "bin" / "chromium").write_text(f'#!/bin/sh\nPATH="{before}" exec {browser} "$@"\n')
    (tmp_path / "bin" / "chromium").chmod(0o755)
    made = export(record, "html", tmp_path / "net.html")
    assert (made.images, made.labels_agree, made.unchecked) == (IMAGES, True, "")


def test_onnx_takes_pixels_and_batches_of_any_size(tmp_path: Path) -> None:
    whole = "conv 4 2 reflect, norm, act, residual(conv 4), avg-pool, conv 4 4 stride 2, global-pool, linear classes"
    record = trained_on_digits(model=whole, test_flip=True, activation="gelu", loss="bce", input="standardise")
    made = export(record, "onnx", tmp_path / "net.onnx")
    assert made.labels_agree
    assert made.largest_difference is not None
    assert made.largest_difference < 1e-6
    images = sample(record)
    for count in (1, 3):
        assert np.allclose(
            to_onnx.predicted(tmp_path / "net.onnx", record, images[:count]), record.predict(images[:count])
        )


@pytest.mark.row("U6")
def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # what Python itself takes for not there
    with pytest.raises(UsageError, match=r"onnxruntime: pip install 'fairtrial\[export\]'"):
        to_onnx.check_able()


# ------------------------------------------------------------------------------- the training, to the same bits

TRAININGS: dict[str, dict[str, Any]] = {
    "linear": {"optimizer": "adagrad", "input": "standardise", "init": "zeros", "images": 0},
    "small-mlp": {"input": "pca 10", "loss": "mse", "targets": "number", "optimizer": "sgd", "l2": 1e-3},
    "mlp": {"activation": "leaky-relu", "init": "kaiming-normal", "valid": 0.1, "schedule": "warmup 2, step 1 0.5"},
    "cnn2": {"optimizer": "rmsprop", "l1": 1e-4, "l2": 1e-3, "clip": 0.5, "loss": "bce", "init": "xavier-uniform"}
    | {"augment": "alternating-flip, shift 1, cutout 3", "input": "mean-std 0.5 0.5", "schedule": "cosine"},
    "bn-cnn": {"optimizer": "adamw", "loss": "huber 0.5", "monitor": "valid/accuracy", "min_delta": 0.001}
    | {"schedule": "plateau 0.1 0", "patience": 1, "epochs": 5},
    "vgg": {"augment": "flip, crop 2", "optimizer": "nesterov", "weight_decay": 5e-4, "schedule": "one-cycle"}
    | {"label_smoothing": 0.1, "dropout": 0.2},
    "resnet20": {"valid": 0, "score_test": False, "optimizer": "momentum", "seed": 2**32 - 1, "loss": "nll"},
}


def test_the_training_script_of_every_model_comes_to_the_same_bits(tmp_path: Path) -> None:
    """One process trains them all, for importing torch takes longer than training."""
    assert TRAININGS.keys() == set(MODELS_FOR_DIGITS)
    records = {model: trained_on_digits(**{"model": model, "epochs": 2, **TRAININGS[model]}) for model in TRAININGS}
    for model, record in records.items():
        (program,) = to_training.files(trained(record), model).values()
        (tmp_path / f"{model}.py").write_bytes(program)
        assert b"import fairtrial" not in program
        assert max(map(len, program.splitlines())) <= 120
    scripts = [tmp_path / f"{model}.py" for model in records]
    run_script.alone(
        f"{run_script.ALONE}[runpy.run_path(path, run_name='__main__') for path in sys.argv[1:]]", *scripts
    )
    off = {model: run_script.other_bits(tmp_path / f"{model}.py", record) for model, record in records.items()}
    assert not any(off.values()), off


def test_data_of_your_own_go_along_with_the_training_script(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for k in range(60):
        picture = Image.fromarray(random.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        (tmp_path / "mine" / f"class {k % 2}").mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "mine" / f"class {k % 2}" / f"{k}.png")
    record = run(
        Recipe(model="conv 4 2 reflect, avg-pool, flatten, linear classes", data=str(tmp_path / "mine")), MemoryStore()
    )
    made = export(record, "torch --script", tmp_path / "train.py")
    assert [Path(file).name for file in made.files] == ["train.py", "train.data.npz"]
    assert (made.note, made.largest_difference) == ("all weights bit-identical", 0)


def test_a_script_that_comes_to_other_bits_is_not_kept(tmp_path: Path) -> None:
    store = MemoryStore()
    record, other = (run(Recipe(**QUICK, model="linear", seed=seed), store) for seed in (0, 1))
    store.put(record.name, BEST, store.get(other.name, BEST) or b"")
    with pytest.raises(FairtrialError, match=r"other bits in linear1.bias, linear1.weight \(torch"):
        export(record, "torch --script", tmp_path / "train.py")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_as_a_script_is_named_in_one_line() -> None:
    fields = {"average": "ema", "optimizer": "muon", "outliers": 0.1, "test_flip": True, "precision": "bf16"}
    fields |= {"init": "whitening"}
    record = trained_on_digits(model="cnn2", **fields)
    with pytest.raises(UsageError) as refused:
        export(record, "torch --script")
    line = "precision=bf16, average=ema, outliers=0.1, test_flip=True, optimizer=muon, init=whitening"
    assert str(refused.value) == f"run {record.name}: no training script is written for {line}"
    with pytest.raises(UsageError, match="engine=numpy, precision=float64"):
        export(trained_on_digits(model="linear", engine="numpy", precision="float64"), "torch --script")


# ------------------------------------------------------------------------------------------------- refusals


def test_what_names_other_classes_is_not_written(tmp_path: Path) -> None:
    """Weights near 1e5 are infinite in float16, which a page of this size needs."""
    wide = trained_on_digits(model="flatten, linear 6000, linear classes", init="normal 100000", lr=1e-9)
    with pytest.raises(FairtrialError, match=r"another class for \d+ of 1000") as refused:
        export(wide, "html", tmp_path / "net.html")
    assert refused.value.exit_code == 1
    assert not list(tmp_path.iterdir())


def test_too_large_a_page_is_refused_with_its_size(tmp_path: Path) -> None:
    wide = trained_on_digits(model="flatten, linear 10000, linear classes")
    with pytest.raises(UsageError, match=r"2,0\d\d,\d\d\d bytes even with weights in float16, and 1,500,000"):
        export(wide, "html", tmp_path / "net.html")


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    record = trained_on_digits(model="linear")
    with pytest.raises(UnknownName, match="form to export to 'torhc'; did you mean torch"):
        export(record, "torhc")
    with pytest.raises(UsageError, match=r"net.txt: what --to numpy writes ends in .py"):
        export(record, "numpy", tmp_path / "net.txt")
    unfinished = run(Recipe(**QUICK).but(epochs=2), store := MemoryStore(), until=1)
    with pytest.raises(UsageError, match="has not come to its end"):
        export(store.read(unfinished.name), "torch")


# ------------------------------------------------------------------------------------------------- the command


def test_the_command_writes_a_script_that_names_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    record = run(Recipe(**QUICK, model="small-mlp"), FolderStore(tmp_path / "runs"))
    app(["export", record.name[:12], "--to", "numpy", "--json"], standalone_mode=False)
    made = json.loads(capsys.readouterr().out)
    assert made["run"] == record.name
    assert (made["to"], made["images"], made["labels_agree"]) == ("numpy", 1000, True)
    script, _ = made["files"]
    (pixels := sample(record)[:2]).tofile(tmp_path / "some-idx3-ubyte")
    header = bytes([0, 0, 8, 3]) + np.array(pixels.shape[:3], ">u4").tobytes()
    (tmp_path / "some-idx3-ubyte").write_bytes(header + pixels.tobytes())
    np.savez(tmp_path / "some.npz", images=pixels)
    Image.fromarray(pixels[0, :, :, 0]).save(tmp_path / "one.png")
    assert "fairtrial" not in Path(script).read_text().split('"""')[2]
    named = done_by(tmp_path, script, "some-idx3-ubyte", "some.npz", "one.png").splitlines()
    labels = [record.made["data"]["classes"][k] for k in record.predict(pixels).argmax(1)]
    assert [row.split()[1] for row in named] == [*labels, *labels, labels[0]]
    with pytest.raises(UsageError, match="goes with --to torch, not with --to onnx"):
        app(["export", record.name, "--to", "onnx", "--script"], standalone_mode=False)


def done_by(folder: Path, *words: str) -> str:
    """What a script prints."""
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_page_about_export_begins_with_commands_that_print_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parent.parent / "docs" / "export.md").read_text("utf8")
    commands, shown = re.findall(r"```(?:sh|text)\n(.*?)```", page, re.DOTALL)[:2]
    monkeypatch.chdir(tmp_path)
    for command in commands.splitlines():
        capsys.readouterr()
        app(command.split()[1:], standalone_mode=False)
    assert wordy(capsys.readouterr().out) == wordy(shown)


def wordy(text: str) -> str:
    """The text without its numbers, which differ between kinds of CPU, and without the id of a run."""
    return re.sub(r"cnn2-[0-9a-f]{12}|\d[\d.,e-]*", "0", text)


# --------------------------------------------------------------------------------------------- the page itself


def unlearnt(model: str, shape: tuple[int, int, int]) -> Trained:
    """A net of the catalogue for images of this shape, with weights drawn at random."""
    arch, random = build(Recipe(model=model), shape, 10), np.random.default_rng(0)
    sizes = arch_params(arch, shape) | arch_buffers(arch, shape)
    weights = {name: random.normal(0, 0.1, size).astype(np.float32) ** 2 for name, size in sizes.items()}
    unit = np.array([1 / 255], np.float32)
    classes = ("airplane", "automobile", *("a name of several words" for _ in range(8)))
    return Trained(
        "net", "net", "mnist", arch, shape, shape, weights, unit, None, {}, classes, "logits", False, False, Recipe(),
        {}, {},
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; tests that need it are skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


TIMES = """() => {
  window.spent = []; let began = 0;
  addEventListener("pointermove", () => began = performance.now(), true);
  new MutationObserver(() => { if (began) spent.push(performance.now() - began); began = 0; })
    .observe(document.getElementById("classes"), {subtree: true, childList: true, attributes: true});
}"""


def test_each_stroke_changes_what_the_page_says_at_once_and_asks_nobody(tmp_path: Path, browser: Any) -> None:
    (tmp_path / "net.html").write_bytes(to_html.files(unlearnt("cnn2", (1, 28, 28)), "net")["net.html"])
    page, heard = browser.new_page(viewport={"width": 320, "height": 700}), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto((tmp_path / "net.html").as_uri())
    before = page.locator("#classes").inner_text()
    page.evaluate(TIMES)
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220, steps=40)
    page.mouse.up()
    assert page.locator("#classes").inner_text() != before
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert page.locator("#classes tr").nth(1).bounding_box()["height"] < 32  # "automobile" is not broken
    assert heard == [(tmp_path / "net.html").as_uri()]
    spent = sorted(page.evaluate("spent"))
    assert len(spent) >= 20
    assert spent[len(spent) // 2] <= 20  # milliseconds; docs/export.md says what a quiet machine takes
    with pytest.raises(Exception, match="Failed to fetch"):
        page.evaluate("fetch('https://example.org')")
    page.close()


def test_the_page_is_drawn_on_by_keys_and_takes_pictures(tmp_path: Path, browser: Any) -> None:
    record = trained_on_digits(model="small-mlp")
    (tmp_path / "net.html").write_bytes(to_html.files(trained(record), "net")["net.html"])
    page = browser.new_page(color_scheme="dark")
    page.goto((tmp_path / "net.html").as_uri())
    page.locator("#pad").focus()
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert page.locator("#best").inner_text().endswith("%")
    page.keyboard.press("Delete")
    assert page.locator("#best").inner_text() == "Nothing is drawn yet."
    pixels = sample(record)[:1]
    Image.fromarray(pixels[0, :, :, 0]).save(tmp_path / "one.png")
    page.locator("#picture").set_input_files(tmp_path / "one.png")
    page.wait_for_function("document.getElementById('best').textContent.endsWith('%')")
    shares = record.predict(pixels)[0]
    said = page.locator("#best").inner_text()
    assert said == f"{record.made['data']['classes'][shares.argmax()]}, {100 * shares.max():.1f} %"
    page.close()
