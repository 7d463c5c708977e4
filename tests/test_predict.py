"""A record's net can be used: as a plain module, on images, on either engine, with the numbers that training gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from conftest import fairtrial, tiny
from fairtrial.parts.datasets import load
from fairtrial.predict import as_probabilities, net_of
from fairtrial.runner import run
from fairtrial.spec.errors import DamagedFile, DataError, UsageError
from fairtrial.store import BEST, FolderStore, MemoryStore, Record


def digits_test_part() -> tuple[Any, Any]:
    """Images and labels of the digits' test part."""
    data = load("digits")
    rows = data.split(0, 0.2).test
    return data.images[rows], data.labels[rows]


CNN = "conv 4 5 pad 2 reflect, norm, act, pool, residual(conv 4, norm), flatten, dropout, linear classes"


@pytest.fixture(scope="module")
def trained() -> dict[str, Record]:
    """One record of each engine."""
    store = MemoryStore()
    return {
        engine: run(tiny(model=CNN, engine=engine, input="standardise", epochs=3, lr=0.01), store)
        for engine in ("numpy", "torch")
    }


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_predictions_have_the_accuracy_that_the_record_says(engine: str, trained: dict[str, Record]) -> None:
    images, labels = digits_test_part()
    shares = trained[engine].predict(images)
    assert shares.shape == (360, 10)
    assert np.allclose(shares.sum(1), 1)
    end = trained[engine].end
    assert end
    assert (shares.argmax(1) == labels).mean() == end.scores["test/accuracy"]
    assert end.scores["test/accuracy"] > 0.5


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_with_test_flip_images_are_scored_and_predicted_both_ways(engine: str, trained: dict[str, Record]) -> None:
    plain, (images, labels) = trained[engine], digits_test_part()
    record = run(plain.recipe.but(test_flip=True), MemoryStore())
    both = (plain.outputs(images) + plain.outputs(images[:, :, ::-1])) / 2
    assert np.allclose(record.outputs(images), both, rtol=1e-4, atol=1e-5)  # it was trained alike
    assert record.end
    assert plain.end
    assert record.end.scores["test/accuracy"] == (both.argmax(1) == labels).mean() != plain.end.scores["test/accuracy"]
    with pytest.raises(UsageError, match="test_flip"):
        run(tiny(test_flip=True, input="pca 7", model="linear classes"), MemoryStore())


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_the_plain_module_gives_the_engines_logits(engine: str, trained: dict[str, Record]) -> None:
    record = trained[engine]
    images, _ = digits_test_part()
    weights = record.weights()
    x = images.astype(np.float32) * weights["input/scale"] + weights["input/shift"]
    net = net_of(record)
    expected = net.numpy(net.forward(net.array(x)))
    model = record.model()
    assert isinstance(model, nn.Sequential)
    assert not model.training
    assert not any(type(m).__module__.startswith("fairtrial.engine.numpy") for m in model.modules())
    with torch.no_grad():
        got = model(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    rounding = 1e-5 if engine == "torch" else 1e-4  # torch's own batch norm sums in another order than the engines
    assert np.allclose(got, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "standardise", "model": CNN, "engine": "torch"}, {"input": "pca 7", "engine": "numpy"},
        {"input": "mean-std 0.5 0.5", "precision": "float64"},
    ],
)  # fmt: skip
def test_prepared_images_through_the_model_are_the_predictions(fields: dict[str, Any]) -> None:
    record = run(tiny(**fields), MemoryStore())
    images, _ = digits_test_part()
    x = record.prepare(images)
    assert x.shape == (len(images), *record.made["input"])
    assert x.dtype == record.recipe.precision
    with torch.no_grad():
        got = record.model()(torch.from_numpy(x)).softmax(1).numpy()
    assert np.allclose(got, record.predict(images), rtol=1e-4, atol=1e-5)
    assert record.prepare(images[:0]).shape == (0, *record.made["input"])
    with pytest.raises(DataError, match="uint8"):
        record.prepare(images.astype(np.float32))


def test_any_array_of_pixels_serves_read_only_or_turned(trained: dict[str, Record]) -> None:
    images, _ = digits_test_part()
    fixed = images.copy()
    fixed.flags.writeable = False
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # torch says it once in a process, and here a warning is an error
    try:
        assert np.array_equal(trained["torch"].predict(fixed), trained["torch"].predict(images))
        turned = trained["torch"].predict(images[:, ::-1, ::-1])
    finally:
        torch.set_warn_always(always)
    assert np.array_equal(turned, trained["torch"].predict(np.ascontiguousarray(images[:, ::-1, ::-1])))


def test_the_model_can_be_trained_on_and_leaves_the_record_alone(trained: dict[str, Record]) -> None:
    model = trained["torch"].model()
    before = trained["torch"].weights()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    assert all(np.array_equal(values, trained["torch"].weights()[name]) for name, values in before.items())
    assert any(p.abs().sum() > 0 for p in trained["torch"].model().parameters())


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 1), np.float32),
        np.zeros((2, 9, 8, 1), np.uint8), np.zeros((8, 8, 1), np.uint8),
    ],
)  # fmt: skip
def test_images_of_another_shape_are_refused_with_the_shape_that_is_needed(
    images: Any, trained: dict[str, Record]
) -> None:
    with pytest.raises(DataError, match=r"\(n, 8, 8, 1\) uint8"):
        trained["numpy"].predict(images)


def test_no_image_has_no_prediction(trained: dict[str, Record]) -> None:
    for record in trained.values():
        assert record.predict(np.zeros((0, 8, 8, 1), np.uint8)).shape == (0, 10)


@pytest.mark.parametrize("loss", ["cross-entropy", "nll", "bce", "mse", "mae", "huber", "huber 2"])
def test_each_loss_has_probabilities_and_their_largest_is_the_loss_s_own_class(loss: str) -> None:
    record = run(tiny(loss=loss, epochs=3, lr=0.02), MemoryStore())
    images, labels = digits_test_part()
    shares = record.predict(images)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert record.end
    assert (shares.argmax(1) == labels).mean() == record.end.scores["test/accuracy"]


def test_a_net_that_predicts_the_number_gives_the_nearest_class() -> None:
    record = run(tiny(loss="mse", targets="number", epochs=1), MemoryStore())
    shares = as_probabilities(record, np.array([[-3.0], [4.4], [4.6], [99.0]]))
    assert shares.argmax(1).tolist() == [0, 4, 5, 9]
    images, labels = digits_test_part()
    assert record.end
    assert (record.predict(images).argmax(1) == labels).mean() == record.end.scores["test/accuracy"]


def test_damaged_weights_are_not_used() -> None:
    store = MemoryStore()
    record = run(tiny(), store)
    store.put(record.name, BEST, (store.get(record.name, BEST) or b"")[:-1])
    with pytest.raises(DamagedFile, match=f"{record.name}/{BEST}"):
        record.predict(np.zeros((1, 8, 8, 1), np.uint8))


def test_the_command_names_the_class_of_pictures(tmp_path: Path) -> None:
    record = run(tiny(model=CNN, epochs=6, lr=0.02), FolderStore(tmp_path / "runs"))
    images, labels = digits_test_part()
    for i in range(3):
        Image.fromarray(images[i, :, :, 0]).save(tmp_path / f"{i}.png")
    done = fairtrial("predict", record.name, "0.png", "1.png", "2.png", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["predictions"]
    expected = record.predict(images[:3])
    for row, share in zip(rows, expected, strict=True):
        assert list(row["probabilities"].values()) == pytest.approx(share.tolist())
        assert row["class"] == str(share.argmax())
    plain = fairtrial("predict", f"runs/{record.name}", "0.png", cwd=tmp_path)
    assert plain.stdout.startswith(f"0.png: {rows[0]['class']}")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    refused = fairtrial("predict", record.name, "bad.png", cwd=tmp_path)
    assert refused.returncode == 3
    assert "bad.png" in refused.stderr
    assert labels[0] in range(10)
