"""The page in a real browser: from the list to a run that trains, by mouse, by keyboard, on a phone and in the dark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from conftest import MAIN, tiny
from fairtrial.runner import run
from fairtrial.store import FolderStore

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.xdist_group("serve_browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
HOSTILE = "=<img src=x onerror=alert(1)>"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """A study of two arms, a run of another rate, one with a name that is HTML, and one that is damaged."""
    made = FolderStore(tmp_path_factory.mktemp("looked-at") / "runs")
    words = ["optimizer=adam,sgd", "--seeds", "3", "--quiet", "--executor", "serial", "--store", str(made.root)]
    model = "flatten, linear 8, act, linear classes"
    subprocess.run([*MAIN, "compare", model, "engine=numpy", "epochs=3", *words], check=True, capture_output=True)
    name = run(tiny(lr=0.01), made).name
    (made.root / name).rename(made.root / HOSTILE)
    broken = made.root / "broken-000000000000"
    broken.mkdir()
    (broken / "recipe.json").write_text("{")
    return made


@pytest.fixture(scope="module")
def address(store: FolderStore) -> Iterator[str]:
    """Where a server of its own answers, with the token."""
    with serving(store) as address:
        yield address


@contextmanager
def serving(store: FolderStore, port: str = "0") -> Generator[str]:
    """A server that is ended in the end -> its address with the token."""
    command = [*MAIN, "serve", "--port", port, "--json", "--store", str(store.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["address"]
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@dataclass
class Visit:
    """A page that was let in, and all that went wrong on it."""

    page: Page
    base: str
    wrong: list[str] = field(default_factory=list[str])

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)
        self.page.wait_for_selector("h1")
        self.page.wait_for_load_state("load")


@pytest.fixture(params=["light", "dark", "phone"])
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """In light, in the dark, and 320 pixels wide: nothing may be asked of others, and nothing said on the console."""
    scheme = "dark" if request.param == "dark" else "light"
    width = 320 if request.param == "phone" else 1280
    yield from visited(browser, address, color_scheme=scheme, viewport={"width": width, "height": 900})


@pytest.fixture
def desk(browser: Browser, address: str) -> Iterator[Visit]:
    yield from visited(browser, address, viewport={"width": 1280, "height": 900})


def visited(browser: Browser, address: str, **about: object) -> Iterator[Visit]:
    page = browser.new_context(**about).new_page()  # pyright: ignore[reportArgumentType]
    base = address.partition("/#")[0]
    visit = Visit(page, base)
    page.on("console", lambda said: visit.wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: visit.wrong.append(str(error)))
    page.on("dialog", lambda dialog: visit.wrong.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda asked: None if asked.url.startswith((base, "blob:")) else visit.wrong.append(asked.url))
    page.goto(address)
    page.wait_for_selector(".runs tbody a")
    yield visit
    page.context.close()
    assert visit.wrong == []


def paths(store: FolderStore) -> list[str]:
    """A page of each kind that there is, filled."""
    names = [name for name in store.list() if name.startswith("flatten")]
    (study,) = store.studies()
    return [
        f"/?by=optimizer&runs={','.join(map(quote, names))}", f"/runs/{names[0]}", f"/{study}",
        "/runs/broken-000000000000", "/faults", "/faults/dead-relu",
    ]  # fmt: skip


def test_the_token_goes_out_of_the_address_and_lets_in_for_good(desk: Visit, browser: Browser) -> None:
    assert "token" not in desk.page.url
    desk.page.reload()
    desk.page.wait_for_selector(".runs tbody a")
    stranger = browser.new_context().new_page()
    stranger.goto(desk.base)
    assert "open the address" in stranger.inner_text("[role=alert]")
    stranger.context.close()


def test_a_page_says_that_its_server_has_stopped_or_is_another(browser: Browser, store: FolderStore) -> None:
    context = browser.new_context()
    page = context.new_page()
    with serving(store) as address:
        page.goto(address)
        page.wait_for_selector(".runs tbody a")
        assert page.locator(".cut-off").count() == 0
    page.wait_for_selector("[role=alert]:has-text('The server has stopped')", timeout=10_000)
    with serving(store, address.partition("/#")[0].rpartition(":")[2]) as again:
        page.wait_for_selector("[role=alert]:has-text('of another server')", timeout=10_000)
        context.new_page().goto(again)  # its key is that of the first page too
        page.wait_for_selector(".cut-off", state="detached", timeout=10_000)
    context.close()


def test_filter_sort_group_and_overlay(desk: Visit, store: FolderStore) -> None:
    page = desk.page
    page.fill("#q", "epochs=3 nonsense")
    assert page.inner_text("[role=status]").startswith("0 of 8 runs: words are looked for in name,")
    page.fill("#q", "sgd epochs=3 seed>0")
    assert page.inner_text("[role=status]") == "2 of 8 runs"
    page.click(".runs thead button:has-text('seed')")
    assert [row.inner_text() for row in page.query_selector_all(".runs tbody th a")] == names(store, "sgd", (2, 1))
    page.fill("#q", "flatten")
    page.select_option("#by", "optimizer")
    page.check("[aria-label='draw all of optimizer sgd']")
    page.wait_for_selector(".picture .band[d^='M']")
    assert page.locator(".picture .faint").count() == 3
    page.wait_for_url("**/?*by=optimizer*")
    page.reload()  # the state is in the address
    page.wait_for_selector(".picture .band[d^='M']")
    assert page.input_value("#q") == "flatten"
    page.click("text=The numbers")
    page.wait_for_selector("figure tbody tr")
    rows = page.query_selector_all("figure tbody tr")
    assert len(rows) == 3
    assert " to " in rows[-1].inner_text()


def names(store: FolderStore, optimizer: str, seeds: tuple[int, ...]) -> list[str]:
    """Runs of the study by optimizer and seed."""
    records = [store.read(name) for name in store.list() if name.startswith("flatten")]
    found = {r.recipe.seed: r.name for r in records if (r.recipe.optimizer, r.recipe.epochs) == (optimizer, 3)}
    return [found[seed] for seed in seeds]


def test_the_list_shows_a_damaged_run_and_names_as_text(desk: Visit) -> None:
    assert "damaged: recipe.json" in desk.page.inner_text(".runs tr:has-text('broken')")
    assert HOSTILE in desk.page.inner_text(".runs tbody")
    assert desk.page.locator(".runs img").count() == 0


def test_by_keyboard_alone(desk: Visit) -> None:
    page = desk.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.focus("#q")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.runs tbody')?.tagName === 'TBODY'"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    was = page.evaluate("document.activeElement.dataset.name")
    page.keyboard.press("Space")
    page.wait_for_selector(".picture .line")
    assert page.evaluate("document.activeElement.dataset.name") == was


def test_what_training_writes_is_on_the_screen_within_a_second(desk: Visit, store: FolderStore) -> None:
    page = desk.page
    source = store.root / names(store, "adam", (0,))[0]
    *most, scored, saved, last = (source / "events.jsonl").read_bytes().splitlines(keepends=True)
    live = store.root / "live-000000000000"
    live.mkdir()
    for file in ("made.json", "recipe.json", "best.safetensors"):
        shutil.copy(source / file, live)
    (live / "events.jsonl").write_bytes(b"".join(most))
    page.wait_for_selector(".runs tr:has-text('live') .training", timeout=5000)
    desk.go(f"/runs/{live.name}")
    page.wait_for_selector("text=2 of 3 epochs done")
    time.sleep(0.5)  # the stream is open
    began = time.monotonic()
    with (live / "events.jsonl").open("ab") as file:
        file.write(scored)
    page.wait_for_selector("text=3 of 3 epochs done", timeout=5000, state="attached")
    assert time.monotonic() - began < 1.0 + 0.5 * (os.environ.get("CI") == "true")
    with (live / "events.jsonl").open("ab") as file:
        file.write(saved + last)
    page.wait_for_selector("text=finished after 3 of 3 epochs", timeout=5000)
    desk.go("/")
    shutil.rmtree(live)
    page.wait_for_selector(".runs tr:has-text('live')", state="detached", timeout=10_000)


def test_from_a_run_to_its_mistakes_and_the_doctors_pages(desk: Visit, store: FolderStore) -> None:
    page, (name,) = desk.page, names(store, "sgd", (0,))
    desk.go(f"/runs/{name}")
    page.locator("text=What it gets wrong").scroll_into_view_if_needed()
    page.wait_for_selector(".pictures canvas", timeout=60_000)
    shown = sum(map(int, page.locator(".confusion td.right").all_inner_texts()))
    assert shown == round(store.read(name).scores["test/accuracy"] * 360)
    page.click(".finding a")
    page.wait_for_selector("h2:has-text('What to change')")


def test_a_study_as_its_report_has_it(desk: Visit, store: FolderStore) -> None:
    (study,) = store.studies()
    desk.go(f"/{study}")
    for told in json.loads((store.root / study / "study.json").read_text())["arms"]:
        assert f"{100 * told['mean']:.2f} %" in desk.page.inner_text("main")
    assert desk.page.locator(".picture .band[d^='M']").count() == 2
    with desk.page.expect_download() as kept:
        desk.page.click("text=report.html")
    assert Path(kept.value.path()).read_bytes() == (store.root / study / "report.html").read_bytes()


@pytest.mark.row("W6")
def test_a_chart_is_kept_as_svg_png_and_csv(browser: Browser, address: str, store: FolderStore) -> None:
    """From the dark page, in the colours of paper; cells that a spreadsheet would compute are text."""
    for visit in visited(browser, address, color_scheme="dark", viewport={"width": 1280, "height": 900}):
        visit.go(f"/?runs={quote(HOSTILE)},{names(store, 'adam', (0,))[0]}")
        visit.page.wait_for_selector(".picture .line >> nth=1", state="attached")
        kept = {kind: downloaded(visit.page, kind) for kind in ("SVG", "PNG", "CSV")}
        drawn = ElementTree.fromstring(kept["SVG"])
        assert {path.get("fill") for path in drawn.iter(f"{SVG}rect")} >= {"rgb(255, 255, 255)"}
        assert all(node.get("class") is None for node in drawn.iter())
        assert kept["PNG"].startswith(b"\x89PNG")
        head, *rows = kept["CSV"].decode().splitlines()
        assert head == '"line","run","epoch","valid/accuracy","low","high"'
        assert len(rows) == 5
        assert not any(cell.lstrip('"').startswith("=") for row in rows for cell in row.split(","))


def downloaded(page: Page, kind: str) -> bytes:
    """What a button of the first chart has the browser keep."""
    with page.expect_download() as kept:
        page.click(f".keep button:text-is('{kind}')")
    return Path(kept.value.path()).read_bytes()


# On every page, in light, in the dark and on a phone


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


UNTOLD = """() => [...document.querySelectorAll("figure.chart")]
  .filter((figure) => !figure.querySelector("svg[role=img][aria-label]") || !figure.querySelector("details.numbers"))
  .map((figure) => figure.outerHTML)"""
# Axe-core does not look at the letters of charts.
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const numbers = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour[3] > 200) return colour;
    }
    return [255, 255, 255, 255];
  };
  const light = (colour) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || ["OPTION", "NOSCRIPT"].includes(node.tagName)) continue;
    const style = getComputedStyle(node), paper = light(behind(node));
    const ink = light(numbers(node.ownerSVGElement ? style.fill : style.color));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${node.outerHTML.slice(0, 120)}`);
  }
  return faint;
}"""


def test_every_page_can_be_read_by_everybody(visit: Visit, store: FolderStore) -> None:
    page = visit.page
    for path in paths(store):
        visit.go(path)
        time.sleep(0.5)  # what comes late
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert barriers(page) == [], path
        assert page.evaluate(UNTOLD) == [], path
        assert page.evaluate(FAINT) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.locator("h1").count() == 1
        assert page.title() != "fairtrial"
        assert page.evaluate("document.querySelectorAll('[style]').length < 400")  # set by scripts alone


def test_the_bench_runs() -> None:
    bench = Path(__file__).parent.parent / "bench" / "serve.py"
    words = ["--runs", "20", "--epochs", "3", "--repeats", "1"]
    done = subprocess.run([sys.executable, str(bench), *words], capture_output=True, text=True, check=True)
    assert {"page usable", "filter", "memory of the server"} <= {line[:34].strip() for line in done.stdout.splitlines()}


def test_dark_is_dark(browser: Browser, address: str) -> None:
    for scheme, darkest in (("light", False), ("dark", True)):
        for visit in visited(browser, address, color_scheme=scheme):
            paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (int(paper.removeprefix("rgb(").partition(",")[0]) < 60) == darkest
