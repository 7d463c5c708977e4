"""Notebooks: what a kernel sends while it trains, and what records, comparisons and findings look like there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from time import monotonic
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from conftest import tiny
from fairtrial.doctor.findings import Diagnosis, finding
from fairtrial.report.notebook import RunOutput, curves_svg, in_notebook, round_values
from fairtrial.report.views import Curve, Point
from fairtrial.runner import Quiet, onlooker, run
from fairtrial.spec.events import Scored
from fairtrial.store import MemoryStore

pytestmark = pytest.mark.xdist_group("notebook")  # what the module sets up is set up once

HOSTILE = '"><img src=x onerror=alert(1)>'
RECIPE = (
    "ft.Recipe(model='flatten, linear 8, act, linear classes', engine='numpy', batch=64, epochs={epochs}, seed={seed})"
)


@dataclass
class Cell:
    """What a cell sent: displays, what replaced them, its value, its printed lines."""

    shown: list[dict[str, str]]
    updates: list[tuple[float, dict[str, str]]]
    value: dict[str, str]
    printed: str

    @property
    def last(self) -> str:
        """The HTML of the output that was replaced most lately."""
        return self.updates[-1][1]["text/html"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path_factory.mktemp("notebook")))
    ran(client, "import fairtrial as ft\nstore = ft.FolderStore()")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def ran(client: BlockingKernelClient, code: str) -> Cell:
    """The outputs of a cell; AssertionError with its traceback if it fails."""
    asked, cell = client.execute(code), Cell([], [], {}, "")
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != asked:
            continue
        content: dict[str, Any] = message["content"]
        match message["msg_type"]:
            case "display_data":
                cell.shown.append(content["data"])
            case "update_display_data":
                cell.updates.append((monotonic(), content["data"]))
            case "execute_result":
                cell.value = content["data"]
            case "stream":
                cell.printed += content["text"]
            case "error":
                raise AssertionError("\n".join(content["traceback"]))
            case "status" if content["execution_state"] == "idle":
                return cell
            case _:
                pass


class Words(HTMLParser):
    """Reads HTML, and keeps its elements and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_run_grows_in_one_output_and_stays_there(kernel: BlockingKernelClient) -> None:
    cell = ran(kernel, f"record = ft.run({RECIPE.format(epochs=60, seed=0)}, store)")
    assert len(cell.shown) == 1
    assert len(cell.updates) >= 2
    read = Words(cell.last)
    assert "finished after 60 of 60 epochs" in read.text
    assert "finished" in cell.updates[-1][1]["text/plain"]
    assert cell.last.count("<figure") == 2
    assert not {"script", "img", "style", "link"} & set(read.tags)  # nothing that a notebook may take out
    assert re.search(r"test[\d.]+\s*[\d.]+ %", read.text)
    assert not cell.value
    assert "svg" in ran(kernel, "record").value["text/html"]


def test_an_output_is_replaced_four_times_a_second_at_most(kernel: BlockingKernelClient) -> None:
    cell = ran(kernel, f"ft.run({RECIPE.format(epochs=200, seed=1)}, store); None")
    times = [when for when, _ in cell.updates]
    assert len(times) > 3
    for first, fifth in zip(times, times[4:], strict=False):
        assert fifth - first > 0.9  # they may come a little late, and then the next one is nearer


def test_a_run_that_is_there_shows_nothing_grow(kernel: BlockingKernelClient) -> None:
    again = f"ft.run({RECIPE.format(epochs=2, seed=2)}, store)"
    ran(kernel, again)
    cell = ran(kernel, f"{again}; None")
    assert (cell.shown, cell.updates) == ([], [])


def test_watching_changes_no_bit_of_a_run(kernel: BlockingKernelClient) -> None:
    words = RECIPE.format(epochs=3, seed=3)
    assert not ran(kernel, f"a = ft.run({words}, ft.MemoryStore()); None").printed
    ran(kernel, f"from fairtrial.runner import Quiet\nb = ft.run({words}, ft.MemoryStore(), watch=Quiet())")
    ran(kernel, "assert a.curve('train/loss') == b.curve('train/loss')")
    ran(kernel, "assert all((a.weights()[k] == w).all() for k, w in b.weights().items())")


def test_a_study_shows_its_arms_and_prints_its_table_once(kernel: BlockingKernelClient) -> None:
    words = f"{RECIPE.format(epochs=2, seed=0)}, optimizer=['adam', 'sgd'], seeds=2, store=store, executor='serial'"
    cell = ran(kernel, f"compared = ft.compare({words})")
    assert len(cell.shown) == 1  # and not a display for every line
    read = Words(cell.last)
    assert "4 of 4 runs" in read.text
    assert read.text.index("adam") < read.text.index("sgd")
    assert "verdict" in cell.printed
    html = ran(kernel, "compared").value["text/html"]
    assert Words(html).tags.count("svg") == 2
    assert "undecided" in html or "better" in html or "equivalent" in html


def test_findings_are_told_in_parts(kernel: BlockingKernelClient) -> None:
    ran(kernel, "from fairtrial.runner import Quiet")
    recipe = "ft.Recipe(model='small-mlp', engine='numpy', optimizer='sgd', lr=5.0, epochs=6)"
    cell = ran(kernel, f"ft.diagnose(ft.run({recipe}, store, watch=Quiet()))")
    assert not cell.shown  # its text is not printed besides
    read = Words(cell.value["text/html"])
    assert "lr-too-high" in read.text
    for part in ("where", "seen", "why it hurts", "what to change"):
        assert part in read.text
    assert "lr-too-high" in cell.value["text/plain"]


# Without a kernel


def test_a_finding_brings_no_html_of_its_own() -> None:
    found = finding("lr-too-high", "warn", HOSTILE, HOSTILE)
    read = Words(Diagnosis((found,), ("lr-too-high",), (), (HOSTILE,))._repr_html_())
    assert "img" not in read.tags
    assert read.text.count(HOSTILE) == 3
    nothing = Diagnosis((), ("lr-too-high",), ("batch-norm",))._repr_html_()
    assert "No fault found" in nothing


def test_a_name_brings_no_html_of_its_own() -> None:
    output = RunOutput()
    output.show = lambda last=False: None  # there is no cell
    output.begin(HOSTILE, tiny(data=HOSTILE), 10, 0)
    output.see(Scored(5, 1, True, {"valid/loss": 1.0, "valid/accuracy": float("nan")}, True, 0.1))
    read = Words(output.html())
    assert "img" not in read.tags
    assert "best epoch so far: 1" in read.text


def test_outside_a_notebook_nobody_looks_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    assert isinstance(onlooker(), Quiet)
    run(tiny(), MemoryStore())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.97), (0.01, 2.4), (2.29, 2.31), (0.0, 1e-7), (0, 3000)])
def test_an_axis_has_a_few_round_values_within_it(low: float, high: float) -> None:
    values = round_values(low, high)
    assert 2 <= len(values) <= 6
    assert low <= values[0] < values[-1] <= high


def test_curves_say_where_they_end() -> None:
    drawn = curves_svg("accuracy", [Curve("valid", (Point(1, 0.5), Point(2, 0.75)))], 4)
    assert 'aria-label="accuracy by epoch: valid 75.00 %"' in drawn
    assert "currentColor" in drawn  # the ink of a dark notebook as of a light one
