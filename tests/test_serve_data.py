"""Data: what a data set holds, what speaks against it, and that nothing else than what is listed can be asked for."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import tiny
from fairtrial.parts.datasets import load
from fairtrial.runner import run
from fairtrial.store import FolderStore
from test_serve import Served, started
from test_serve_browser import CHROMIUM, barriers

pytestmark = pytest.mark.xdist_group("serve_data")  # what the module sets up is set up once

WIDE = """() => [...document.querySelectorAll("main *")].map((node) => [node.getBoundingClientRect().right, node])
  .filter(([right, node]) => right > innerWidth && !node.closest(".wide"))
  .map(([, node]) => node.outerHTML.slice(0, 90))"""
HOSTILE = "dog <img src=x onerror=alert(1)>"


def draw_folder(root: Path) -> Path:
    """A dozen pictures of two classes for training, four of each for testing."""
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for place, label in enumerate(("cat", HOSTILE)):
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 90, (8, 9, 3), dtype=np.uint8)
                pixels[..., place] += 120
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures") / "pets")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Served]:
    """A server of a run of a folder whose labels and files went bad afterwards, and of one of the digits."""
    store = FolderStore(tmp_path_factory.mktemp("of-data") / "runs")
    run(tiny(epochs=4), store)
    run(tiny(data=str(folder), model="flatten, linear classes", batch=8, lr=0.01), store)
    shutil.copy(folder / "train/cat/0.png", folder / "train/cat/again.png")
    shutil.copy(folder / "train/cat/1.png", folder / "test" / HOSTILE / "again.png")
    (folder / "train/cat/broken.png").write_text("no picture")
    server = started(store.root)
    yield server
    assert server.end() == (0, "")


def pets(served: Served) -> str:
    """The folder's name on the page."""
    (found,) = (each["name"] for each in served.get("/data")["data"] if each["name"].startswith("pets-"))
    return found


def test_what_there_is_and_what_is_missing(served: Served) -> None:
    told = {each["name"]: each for each in served.get("/data")["data"]}
    assert (told["digits"]["missing"], told["digits"]["runs"]) == ("", 1)
    assert told[pets(served)]["runs"] == 1
    for each in told.values():
        answer = served.client.get(f"/api/1/data/{each['name']}") if each["missing"] else None
        assert answer is None or (answer.status_code, answer.json()["error"]) == (422, each["missing"])


def test_the_digits_are_told_with_samples(served: Served) -> None:
    told, data = served.get("/data/digits"), load("digits")
    assert sum(told["counts"]["train"].values()) == data.test_from
    assert told["fingerprint"] == data.fingerprint
    assert [each["class"] for each in told["samples"]] == list(data.classes)
    first = told["samples"][3]["pictures"][0]
    row = int(first["name"].removeprefix("train "))
    assert data.labels[row] == 3
    assert base64.b64decode(first["pixels"]) == data.images[row].tobytes()


def test_faults_of_a_folder_are_told(served: Served) -> None:
    told = served.get(f"/data/{pets(served)}")
    assert told["train_repeats"]["count"] == told["test_in_train"]["count"] == told["contradictions"]["count"] == 1
    (pair,) = told["test_in_train"]["examples"]
    assert (pair["name"], pair["again"]) == ("train/cat/1.png", f"test/{HOSTILE}/again.png")
    assert pair["classes"] == ["cat", HOSTILE]
    assert [bad["path"] for bad in told["bad"]] == ["train/cat/broken.png"]


def test_what_changes_is_looked_at_again(served: Served, folder: Path) -> None:
    before = served.get(f"/data/{pets(served)}")["counts"]["test"]["cat"]
    shutil.copy(folder / "test/cat/0.png", folder / "test/cat/another.png")
    assert served.get(f"/data/{pets(served)}")["counts"]["test"]["cat"] == before + 1
    (folder / "test/cat/another.png").unlink()


def test_doubts_come_with_the_names_of_images(served: Served) -> None:
    (best,) = served.get("/data/digits")["runs"]
    told, data = served.get(f"/runs/{best['name']}/mistakes"), load("digits")
    assert told["worst"]
    for each in told["worst"]:
        row = data.test_from + int(each["name"].removeprefix("test "))
        assert base64.b64decode(each["pixels"]) == data.images[row].tobytes()
        assert data.labels[row] == each["truth"] != each["said"]


def test_only_what_is_listed_can_be_asked_for(served: Served, folder: Path) -> None:
    for name in (str(folder), "../pets", "pets", "%2e%2e", "runs", folder.parent.name):
        assert served.client.get(f"/api/1/data/{quote(name, safe='%')}").status_code == 404


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_folder_in_a_browser(served: Served) -> None:
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 320, "height": 900}).new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda asked: asked.url.startswith((served.base, "blob:")) or wrong.append(asked.url))
        page.goto(f"{served.base}/data#token={served.token}")
        page.click("text=pets-")
        page.wait_for_selector("h2")
        assert page.locator(".alarm").all_inner_texts() == [
            "1 file cannot be read.",
            "1 image of the test part is in the training part as well: test scores are too good.",
            "1 pair of equal pictures with different labels.",
        ]
        assert page.locator(".samples canvas").count() == 20
        assert HOSTILE in page.locator(".samples").inner_text()
        assert "object" not in page.inner_text("main")
        assert page.evaluate(WIDE) == []
        assert barriers(page) == []
        page.goto(f"{served.base}/data/digits")
        page.locator("text=Suspicious labels").scroll_into_view_if_needed()
        page.wait_for_selector(".pictures li:has-text('labelled')")
        assert barriers(page) == []
        browser.close()
    assert wrong == []
