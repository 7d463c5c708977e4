"""What `fairtrial serve` costs with ten thousand runs of a hundred epochs, in a real browser.

    python bench/serve.py [--runs 10000] [--epochs 100] [--repeats 5]
    python bench/serve.py --training 10

Runs are real ones, a dozen of them, copied under other names with other seeds. Times in the browser are from asking to
the frame that shows the answer. With `--training` so many pairs of trainings, alone and watched live by a browser on
the same machine, in turn, say what it costs a training that its page is open. Needs Chromium or Chrome, and the extra
`dev`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore

SEEN = """async () => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await painted();
  const began = performance.now();
  await (%s)();
  await painted();
  return performance.now() - began;
}"""
FILTER = """async () => {
  const box = document.getElementById("q"), was = document.querySelector("[role=status]").textContent;
  box.value = %r;
  box.dispatchEvent(new Event("input"));
  while (document.querySelector("[role=status]").textContent === was) await new Promise(requestAnimationFrame);
}"""
TICK = """async () => {
  const boxes = document.querySelectorAll(".runs tbody input");
  const drawn = () => document.querySelectorAll(".picture .line").length;
  const was = drawn();
  boxes[%d].click();
  while (drawn() === was) await new Promise(requestAnimationFrame);
}"""
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def make_store(root: Path, count: int, epochs: int) -> None:
    """Copies of runs of two optimizers at two rates with three seeds."""
    made: list[tuple[Path, str]] = []
    for optimizer, lr, seed in itertools.product(("adam", "sgd"), (0.001, 0.01), range(3)):
        recipe = Recipe(model="linear", engine="numpy", batch=600, epochs=epochs, optimizer=optimizer, lr=lr, seed=seed)
        folder = root / run(recipe, FolderStore(root)).name
        made.append((folder, (folder / "recipe.json").read_text("utf8")))
    for number in range(len(made), count):
        folder, recipe_text = made[number % len(made)]
        other = root / f"linear-{number:012x}"
        other.mkdir()
        for file in ("made.json", "events.jsonl"):
            shutil.copy(folder / file, other / file)
        seed = json.loads(recipe_text)["seed"]
        (other / "recipe.json").write_text(recipe_text.replace(f'"seed": {seed}', f'"seed": {number}'), "utf8")


@dataclass(frozen=True)
class Server:
    """A server that answers, and the address that lets a browser in."""

    process: subprocess.Popen[str]
    address: str

    def memory(self) -> float:
        """Megabytes that it holds; nan where the system does not say so in /proc."""
        status = Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.is_file() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), float("nan"))

    def seconds_used(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def server(root: Path) -> Generator[Server]:
    """A server of its own, as the command starts it."""
    command = [sys.executable, "-m", "fairtrial", "serve", "--port", "0", "--store", str(root), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = "".join(iter(process.stdout.readline, "}\n")) + "}"
    try:
        yield Server(process, json.loads(told)["address"])
    finally:
        process.terminate()
        process.wait(10)


def shown(page: Page, count: int) -> None:
    """Wait for the list of so many runs."""
    page.wait_for_function(
        "(said) => document.querySelector('[role=status]')?.textContent === said",
        arg=f"{count:,} runs",
        timeout=120_000,
    )


def open_list(page: Page, address: str, count: int) -> float:
    """Seconds from asking for the page to the whole list."""
    began = time.perf_counter()
    page.goto(address)
    shown(page, count)
    return time.perf_counter() - began


def report(name: str, values: list[float], unit: str, wanted: str) -> None:
    """A line with the median, the extremes and what the issue wants."""
    middle = statistics.median(values)
    print(
        f"{name:34} {middle:8.1f} {unit:3} ({min(values):.1f} to {max(values):.1f}, n = {len(values)})  {wanted}",
        flush=True,
    )


def measure(root: Path, runs: int, repeats: int) -> None:
    """Start, open, filter, overlay, and a change that training writes."""
    began = time.perf_counter()
    with server(root) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        open_list(page, served.address, runs)
        report(
            "index built from the folders",
            [time.perf_counter() - began],
            "s",
            "<= 30 s, Python and browser started too",
        )
        base = served.address.partition("#")[0]
        times = [open_list(page, base, runs) for _ in range(repeats)]
        paints = [paint for _ in range(repeats) if page.goto(base) and (paint := first_paint(page, runs)) is not None]
        report("page usable", [1000 * each for each in times], "ms", "<= 1000 ms")
        if paints:
            report("first paint", paints, "ms", "<= 400 ms")
        words = ["adam", "adam lr>0.005", "valid>0", "seed=13", ""]  # each with another number of runs
        filters = [page.evaluate(SEEN % (FILTER % word)) for word in words * repeats]
        report("filter", filters, "ms", "<= 150 ms")
        overlays = [page.evaluate(SEEN % (TICK % place)) for place in range(2 * repeats)]
        report("overlay one run more", overlays, "ms", "<= 150 ms")
        lags = [change(root, page) for _ in range(repeats)]
        report("a change until it is shown", [1000 * lag for lag in lags], "ms", "<= 1000 ms")
        report("memory of the server", [served.memory()], "MB", "< 500 MB")
        used, seconds = served.seconds_used(), 2 * repeats
        time.sleep(seconds)
        share = 100 * (served.seconds_used() - used) / seconds
        report("processor while nothing happens", [share], "%", "of one core")
        browser.close()


def first_paint(page: Page, count: int) -> float | None:
    """Milliseconds until the browser drew anything."""
    shown(page, count)
    return page.evaluate(FIRST_PAINT)


def change(root: Path, page: Page) -> float:
    """Seconds from a line that a run writes to its row on the screen."""
    page.evaluate("document.querySelector('.runs').scrollTop = 0")
    name = f"live-{time.monotonic_ns():012x}"
    folder, source = root / name, next(root.glob("linear-*"))
    folder.mkdir()
    shutil.copy(source / "made.json", folder)
    began = time.perf_counter()
    shutil.copy(source / "recipe.json", folder)
    page.wait_for_selector(f".runs a[title='{name}']")
    return time.perf_counter() - began


TRAINED = ["cnn2", "epochs=60", "--quiet"]


def training(root: Path, seed: int, page: Page | None, base: str) -> tuple[float, float]:
    """Seconds of a training, by the clock and of its processor; a page that is given shows the run as soon as it is."""
    store = FolderStore(root)
    before = set(store.list())
    words = [*TRAINED, f"seed={seed}", "--store", str(root)]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "fairtrial", "run", *words], stdout=subprocess.DEVNULL)
    if page:
        while not (made := set(store.list()) - before):
            time.sleep(0.05)
        page.goto(f"{base}runs/{made.pop()}")
        page.wait_for_selector("path.line")
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("the training failed")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def measure_training(root: Path, pairs: int) -> None:
    """What an open page costs a training."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        slower: list[tuple[float, float]] = []
        for pair in range(pairs):
            seconds: dict[bool, tuple[float, float]] = {}
            for watched in (pair % 2 == 0, pair % 2 == 1):
                if not watched:
                    seconds[False] = training(root, 2 * pair, None, "")
                    continue
                with server(root) as served:
                    page = browser.new_page()
                    page.goto(served.address)
                    page.wait_for_selector("h1")
                    seconds[True] = training(root, 2 * pair + 1, page, served.address.partition("#")[0])
                    page.close()
            slower.append(tuple(100 * (w / a - 1) for w, a in zip(seconds[True], seconds[False], strict=True)))
        clock, processor = map(list, zip(*slower, strict=True))
        report("training watched, by the clock", clock, "%", "<= 1 % slower")
        report("training watched, its processor", processor, "%", "<= 1 % more")
        browser.close()


def chromium() -> str:
    """The browser of this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if not found:
        raise SystemExit("no Chromium here: apt-get install chromium")
    return found


def main() -> None:
    """Make the store and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--training", type=int, metavar="PAIRS", help="only what an open page costs a training")
    parser.add_argument("--store", type=Path, help="a store that was made before; it is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = given.store or Path(place) / "runs"
        if given.training:
            measure_training(root, given.training)
        else:
            if not root.exists():
                make_store(root, given.runs, given.epochs)
            measure(root, len(FolderStore(root).list()), given.repeats)


if __name__ == "__main__":
    main()
