"""How long it takes from a stroke on the page's pad to the new probabilities, in a real browser.

    python bench/draw.py [--data digits] [--model cnn2] [--strokes 40] [--runs 3]

Each movement of the pointer counts, from the browser's time of the event to the bars of a drawing that has it, and to
the frame that shows them. Needs Chromium or Chrome, and the extra `dev`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore
from serve import chromium, server

WATCH = """() => {
  const pad = document.querySelector(".pad"), cards = document.querySelector(".cards");
  let waiting = [];
  window.waits = { bars: [], frame: [] };
  pad.addEventListener("pointermove", (event) =>
    event.buttons && waiting.push({ version: Number(pad.dataset.version), at: event.timeStamp }));
  new MutationObserver(() => {
    const now = performance.now(), version = Number(cards.dataset.version);
    const done = waiting.filter((each) => each.version <= version);
    waiting = waiting.filter((each) => each.version > version);
    for (const each of done) waits.bars.push(now - each.at);
    requestAnimationFrame(() => setTimeout(() => {
      for (const each of done) waits.frame.push(performance.now() - each.at);
    }));
  }).observe(cards, { attributeFilter: ["data-version"] });
}"""
STEPS = 15  # movements of a stroke
PAUSE = 16  # milliseconds between two movements, as a mouse has them


def scribble(page: Page, strokes: int) -> None:
    """Strokes from one random place to another; the pad is cleared after every third."""
    random = np.random.default_rng(0)
    box = page.locator(".pad").bounding_box()
    assert box
    for stroke in range(strokes):
        if stroke % 3 == 0:
            page.get_by_role("button", name="Clear").click()
        (x0, y0), (x1, y1) = random.uniform(0.15, 0.85, (2, 2))
        page.mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
        page.mouse.down()
        for step in range(1, STEPS + 1):
            x, y = (a + (b - a) * step / STEPS for a, b in ((x0, x1), (y0, y1)))
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            page.wait_for_timeout(PAUSE)
        page.mouse.up()


def measure(root: Path, names: list[str], strokes: int) -> None:
    """Print percentiles with so many runs side by side."""
    with server(root) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        base, _, token = served.address.partition("/#")
        page.goto(f"{base}/draw?runs={','.join(names)}#{token}")
        page.wait_for_selector(".tried")
        scribble(page, 2)
        page.evaluate(WATCH)
        scribble(page, strokes)
        page.wait_for_timeout(500)
        for where, values in page.evaluate("waits").items():
            half, most, last = np.quantile(values, (0.5, 0.95, 1))
            print(
                f"{len(names)} run{'s' if len(names) > 1 else ' '}: stroke to {where:5} {half:6.1f} ms at the median, "
                f"{most:6.1f} at the 95th percentile, {last:6.1f} at most (n = {len(values)})",
                flush=True,
            )
        browser.close()


def main() -> None:
    """Train, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--model", default="cnn2")
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(folder)
        recipes = [Recipe(model=words.model, data=words.data, epochs=1, seed=seed) for seed in range(words.runs)]
        names = [run(recipe, store).name for recipe in recipes]
        for count in sorted({1, len(names)}):
            measure(Path(folder), names[:count], words.strokes)


if __name__ == "__main__":
    main()
