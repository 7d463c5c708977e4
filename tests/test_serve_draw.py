"""Draw and try: a stroke changes what runs say, a picture is seen as `predict` sees it, and what is none is refused."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from conftest import tiny
from fairtrial.parts.datasets import load, picture
from fairtrial.parts.datasets.placing import placed
from fairtrial.predict import Predictor
from fairtrial.runner import run
from fairtrial.serve.guard import UPLOAD
from fairtrial.serve.trying import SIDE, filters, layers
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore
from test_serve import Served, started
from test_serve_browser import CHROMIUM, barriers

pytestmark = pytest.mark.xdist_group("serve_draw")  # what the module sets up is set up once

CONV = "conv 4, pool, relu, flatten, linear classes"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """A net of each engine that knows the digits a little, and one that sees principal components."""
    made = FolderStore(tmp_path_factory.mktemp("drawn") / "runs")
    run(tiny(lr=0.01, epochs=20), made)
    run(Recipe(model=CONV, batch=128, lr=0.01, epochs=5), made)
    run(tiny(model="linear 5, act, linear classes", input="pca 12"), made)
    return made


@pytest.fixture(scope="module")
def names(store: FolderStore) -> list[str]:
    """The nets in the order in which they were made."""
    return sorted(store.list(), key=lambda name: ["flatten", "conv", "linear"].index(name.split("-")[0]))


@pytest.fixture(scope="module")
def served(store: FolderStore) -> Iterator[Served]:
    server = started(store.root)
    yield server
    assert server.end() == (0, "")


def sent(served: Served, path: str, names: list[str], body: bytes) -> Any:
    return served.client.post(
        f"/api/1/draw/{path}", params={"runs": ",".join(names)}, content=body, headers=served.origin
    )


def bar(left: int, right: int) -> np.ndarray[Any, Any]:
    """A white bar on the pad, from top to bottom between these columns."""
    drawing = np.zeros((SIDE, SIDE, 1), np.uint8)
    drawing[40:240, left:right] = 255
    return drawing


def png(width: int = 20, height: int = 20) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that announces a hundred thousand by a hundred thousand pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


# How a drawing becomes a picture


def test_a_drawing_is_placed_as_mnist_is() -> None:
    pixels = placed(bar(20, 60), (1, 28, 28), "mass")[..., 0].astype(float)
    rows, columns = np.flatnonzero(pixels.sum(1)), np.flatnonzero(pixels.sum(0))
    assert (rows[0], rows[-1]) == (4, 23)  # 20 pixels high, in the middle
    assert columns.mean() == 13.5
    assert pixels.max() == 255
    assert placed(bar(200, 240), (1, 28, 28), "mass").tolist() == placed(bar(20, 60), (1, 28, 28), "mass").tolist()


def test_a_plain_drawing_is_the_mean_of_what_falls_into_each_pixel() -> None:
    drawing = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)
    blocks = drawing.reshape(28, 10, 28, 10, 1).mean((1, 3))
    assert np.abs(placed(drawing, (1, 28, 28), "plain") - blocks).max() <= 0.5
    assert (
        placed(drawing, (3, 28, 28), "plain")[..., 1].tolist() == placed(drawing, (1, 28, 28), "plain")[..., 0].tolist()
    )


def test_an_empty_pad_and_a_dot_have_a_place() -> None:
    empty, dot = np.zeros((SIDE, SIDE, 1), np.uint8), np.zeros((SIDE, SIDE, 1), np.uint8)
    dot[100:104, 100:104] = 255
    assert not placed(empty, (1, 28, 28), "mass").any()
    assert 0 < np.count_nonzero(placed(dot, (1, 28, 28), "mass")) <= 9


# What the routes say


def test_runs_say_what_their_records_say(served: Served, store: FolderStore, names: list[str]) -> None:
    drawing = bar(120, 150)
    told = sent(served, "strokes", names, drawing.tobytes()).json()["nets"]
    image = placed(drawing, (1, 8, 8), "box")
    assert [each["name"] for each in told] == names
    for each in told:
        assert base64.b64decode(each["seen"]) == image.tobytes()
        assert each["shares"] == np.round(store.read(each["name"]).predict(image[None])[0], 5).tolist()


def test_what_is_done_to_a_drawing_is_said(served: Served, names: list[str]) -> None:
    plain, _, projected = served.get(f"/draw/nets?runs={','.join(names)}")["nets"]
    assert plain["drawing"][1:] == ["8 × 8 pixels, grey.", "Each pixel, 0 to 255, is divided by 255."]
    assert "12 principal components" in projected["drawing"][-1]


def test_a_picture_is_seen_as_predict_sees_it(
    served: Served, store: FolderStore, names: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(30, 20))
    told = sent(served, "picture", names[:1], path.read_bytes()).json()["nets"][0]
    pixels = picture(path, (1, 8, 8))
    assert base64.b64decode(told["seen"]) == pixels.tobytes()
    assert told["shares"] == np.round(store.read(names[0]).predict(pixels)[0], 5).tolist()
    assert told["done"] == ["RGB converted to L", "resized and centre-cropped to 8x8"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"hello, I am a text", "not a picture"),
        (b"", "empty file"),
        (bomb(), "too many pixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (png()[:200], "OSError"),
        (bytes(UPLOAD + 1), "at most 5000000 bytes"),
    ],
    ids=["text", "empty", "bomb", "program", "cut", "large"],
)
@pytest.mark.row("W11")
def test_what_is_no_picture_is_refused_in_a_line(served: Served, names: list[str], body: bytes, said: str) -> None:
    answer = sent(served, "picture", names[:1], body)
    assert answer.status_code in (413, 422)
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]


def test_what_cannot_be_tried_is_said(served: Served, names: list[str]) -> None:
    for runs, body, status in ((names, b"short", 400), (["nobody"], bytes(SIDE**2), 404), ([], bytes(SIDE**2), 400)):
        assert sent(served, "strokes", runs, body).status_code == status
    assert sent(served, "strokes", [f"n{k}" for k in range(7)], bytes(SIDE**2)).status_code == 400
    assert sent(served, "layers", names[:1], b"12").status_code == 400
    assert "nobody" in served.get("/draw/nets?runs=nobody")["nets"][0]["error"]


# Inside a net


def test_layers_and_filters_are_those_of_the_net(store: FolderStore, names: list[str]) -> None:
    net = Predictor.of(store.read(names[1]))
    image = load("digits").images[0]
    told = layers(net, image)
    assert [(each["name"], tuple(each["shape"])) for each in told] == [
        ("conv1", (4, 8, 8)), ("pool1", (4, 4, 4)), ("relu1", (4, 4, 4)), ("linear1", (10,)),
    ]  # fmt: skip
    outputs = net.layers(image[None])["conv1"][0]
    maps = np.frombuffer(base64.b64decode(told[0]["maps"]), np.uint8).reshape(4, 8, 8)
    assert [m.argmax() for m in maps] == [m.argmax() for m in outputs]
    assert maps.max((1, 2)).tolist() == [255] * 4
    assert maps.min() == 0
    weights = filters(net)
    assert weights
    assert tuple(weights["shape"]) == (4, 1, 3, 3)


def test_weights_of_units_are_pictures_also_through_principal_components(store: FolderStore, names: list[str]) -> None:
    for name, units in ((names[0], 8), (names[2], 5)):
        weights = filters(Predictor.of(store.read(name)))
        assert weights
        assert tuple(weights["shape"]) == (units, 1, 8, 8)
    net = Predictor.of(store.read(names[2]))
    images = load("digits").images[:2]
    unit = net.layers(images)["linear1"][:, 0]
    whole = net.net.params["linear1.weight"][0] @ net.fitted["components"].T / 255
    difference = (images[1].astype(float) - images[0]).ravel() @ whole
    assert unit[1] - unit[0] == pytest.approx(difference, rel=1e-3, abs=1e-4)


# In a browser


@pytest.fixture
def page(served: Served, names: list[str]) -> Iterator[Page]:
    """The page of two runs, with the light switched off."""
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        made = browser.new_context(color_scheme="dark", viewport={"width": 320, "height": 900}).new_page()
        made.on("pageerror", lambda error: wrong.append(str(error)))
        made.on("request", lambda asked: asked.url.startswith((served.base, "blob:")) or wrong.append(asked.url))
        made.goto(f"{served.base}/draw?runs={','.join(names[:2])}#token={served.token}")
        made.wait_for_selector(".tried")
        yield made
        assert barriers(made) == []
        browser.close()
    assert wrong == []


def shares(page: Page) -> list[str]:
    return page.locator(".tried .number").all_inner_texts()


def settled(page: Page, version: int) -> None:
    """Wait until the bars are those of this drawing."""
    page.wait_for_selector(f".cards[data-version='{version}']")


def drawings(page: Page) -> int:
    return int(page.locator(".pad").get_attribute("data-version") or 0)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_probabilities_follow_the_strokes_of_mouse_and_keys(page: Page) -> None:
    assert set(shares(page)) == {"–"}
    box = page.locator(".pad").bounding_box()
    assert box
    seen: list[list[str]] = []
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    for y in (0.4, 0.6, 0.8):
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + y * box["height"])
        settled(page, drawings(page))
        seen.append(shares(page))
    page.mouse.up()
    assert len(seen[0]) == 20  # of two runs
    assert seen[0] != seen[1] != seen[2]
    page.wait_for_selector("[role=status]:has-text('%')")
    page.locator("text=Inside the net").scroll_into_view_if_needed()
    page.wait_for_selector(".layer:has-text('linear2') canvas")
    assert page.locator(".layer").count() == 4  # the filters, and three layers that do something
    page.locator(".pad").focus()
    for key in ("Space", "ArrowRight", "ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    assert "17 across" in page.locator("[aria-live=polite]").first.inner_text()
    settled(page, drawings(page))
    assert shares(page) != seen[2]
    page.keyboard.press("z")
    settled(page, drawings(page))
    assert shares(page) == seen[2]
    page.click("text=Clear")
    settled(page, drawings(page))
    assert set(shares(page)) == {"–"}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_files_are_tried_or_refused_in_a_line(page: Page) -> None:
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": png()})
    page.wait_for_selector(".likeliest")
    assert "centre-cropped to 8x8" in page.locator(".tried").first.inner_text()
    for body, said in (
        (b"text", "not a picture"),
        (bomb(), "too many pixels"),
        (bytes(UPLOAD + 1), "5,000,000"),
    ):
        page.set_input_files("#file", {"name": "b.png", "mimeType": "image/png", "buffer": body})
        page.wait_for_selector(f"[role=alert]:has-text('{said}')")
