"""The playground: what may be asked of it, the commands that it starts, and the whole path in a browser."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import fairtrial
from fairtrial.cli import read_target
from fairtrial.serve.jobs import Job, Jobs
from fairtrial.serve.playground import NUMBERS, ORDER, make_comparison, read_setting
from fairtrial.spec.errors import Busy, UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore
from test_serve import Served, started
from test_serve_browser import barriers

pytestmark = pytest.mark.xdist_group("serve_playground")  # what the module sets up is set up once

SMALL = {"model": "linear", "epochs": "2"}
LONG = {"model": "small-mlp", "epochs": "500", "batch": "4"}
WAIT = 40.0  # seconds for a process to begin on a machine that is busy


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = started(tmp_path_factory.mktemp("played") / "runs")
    yield server
    assert server.end()[0] == 0  # also where the study of the last test is under way


def asked(served: Served, what: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = served.client.post(f"/api/1/playground/{what}", json=body, headers=served.origin)
    return answer.status_code, answer.json()


def until(holds: Callable[[], bool]) -> None:
    """Wait for what processes do."""
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


# What may be asked


def test_the_defaults_are_the_recipes_own(served: Served) -> None:
    fields = served.get("/playground")["fields"]
    assert [field["name"] for field in fields] == list(ORDER)
    words = {field["name"]: field["default"] for field in fields if field["default"]}
    assert read_setting(words) == Recipe()


def test_values_of_the_sliders_are_allowed() -> None:
    for field, steps in NUMBERS.items():
        for step in steps.split():
            read_setting({field: step})


REFUSED: list[Any] = [
    *({"device": "cuda"}, {"engine": "numpy"}, {"threads": "64"}, {"keep": "all"}, {"--trust-code": ""}),
    *({"store": "/"}, [], "mlp", None, {"lr": 0.1}, {"lr": None}),
    *({"data": word} for word in ("/etc", "../mnist", ".", "", "~", "file:///etc", "data=mnist")),
    *({"model": word} for word in ("net.py:Net", "/tmp/net.py:Net", "--trust-code", "mnist-cnn", "study.toml", "")),
    *({"model": word} for word in ("optimizer=sgd", "flatten, " * 500 + "linear classes")),
    {"model": "flatten, linear 100000, linear 100000, linear classes"},
    {"model": "conv 10000, global-pool, linear classes", "batch": "1024"},
    *({"optimizer": "adam --store /"}, {"init": "constant 3"}, {"loss": "__class__"}, {"activation": "act"}),
    *({"lr": word} for word in ("nan", "-1", "1e9", "Infinity", "")),
    *({"epochs": "10000000"}, {"epochs": "1.5"}, {"batch": "0"}, {"images": "-1"}, {"seed": "4294967296"}),
    *({"dropout": "1"}, {"weight_decay": "Infinity"}),
]


@pytest.mark.parametrize("fields", REFUSED, ids=lambda fields: re.sub(r"\W+", "-", str(fields))[:40])
def test_nothing_else_can_be_asked(served: Served, fields: Any) -> None:
    for what in ("check", "train"):
        status, told = asked(served, what, fields=fields)
        assert status in (400, 404)
        assert told["error"]
    assert asked(served, "compare", a=SMALL, b=fields, seeds="3")[0] in (400, 404)
    assert not FolderStore(served.told["store"]).list()


def test_a_net_is_checked_as_it_is_typed(served: Served) -> None:
    status, told = asked(served, "check", fields={"model": "conv 4, pool, act, flatten, linear classes"})
    assert status == 200
    assert [layer["output"] for layer in told["net"]["layers"]][1:] == [[4, 4, 4], [4, 4, 4], [64], [10]]
    _, wrong = asked(served, "check", fields={"model": "conv 4, pol, flatten, linear classes"})
    assert wrong == {"error": "unknown layer 'pol'; did you mean pool or avg-pool?"}


def test_the_command_and_the_python_shown_make_this_run(served: Served) -> None:
    fields = {**SMALL, "lr": "0.0123456789", "weight_decay": "0.01"}
    _, told = asked(served, "check", fields=fields)
    _, _, target, *words = shlex.split(told["command"])
    assert read_target(target, words, trust_code=False)[1] == read_setting(fields)
    python = told["python"].partition("ft.run(")[2].removesuffix(")")
    assert eval(python, {"ft": fairtrial}) == read_setting(fields)


# Two settings


def test_a_study_has_the_levels_that_differ() -> None:
    a, b = read_setting({**SMALL, "lr": "0.01"}), read_setting({**SMALL, "lr": "0.1", "optimizer": "adamw"})
    study, words = make_comparison(a, b, "3")
    assert words == ["linear", "epochs=2", "optimizer=adam,adamw", "lr=0.01,0.1", "--seeds", "3"]
    assert {a, b} <= set(study.arms.values())
    assert len(study.arms) == 4


def test_what_the_optimizer_decides_is_written_down() -> None:
    a, b = read_setting({"optimizer": "adamw"}), read_setting({"optimizer": "adamw", "weight_decay": "0.1"})
    assert "weight_decay=0.01,0.1" in make_comparison(a, b, "auto")[1]


def test_nets_as_lines_of_text_are_levels_too() -> None:
    a, b = read_setting({}), read_setting({"model": "flatten, linear 30, act, linear classes"})
    study, words = make_comparison(a, b, "5")
    assert words[1] == "model=mlp;flatten, linear 30, act, linear classes"
    assert list(study.arms.values()) == [a, b]


@pytest.mark.parametrize(
    ("b", "why"),
    [
        (SMALL, "are the same"),
        ({**SMALL, "seed": "1"}, "are the same"),
        ({**SMALL, "dropout": "0.5"}, "the same run"),  # a net without dropout
        ({"lr": "0.1", "optimizer": "sgd", "batch": "8", "epochs": "2"}, "at most 3"),
    ],
)
def test_settings_that_cannot_be_told_apart(b: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make_comparison(read_setting(SMALL), read_setting(b), "5")


# Processes


def state(jobs: Jobs, name: str) -> Job:
    return next(job for job in jobs.look() if job.name == name)


def test_commands_take_turns_and_save_at_the_end(tmp_path: Path) -> None:
    jobs, endless = Jobs(1), ["serve", "--port", "0", "--store", str(tmp_path)]
    jobs.start("first", endless)
    jobs.start("second", ["list", "models"])
    assert [job.state for job in jobs.look()] == ["working", "waiting"]
    with pytest.raises(Busy):
        jobs.start("second", ["list", "models"])
    jobs.stop("second")
    jobs.start("third", ["run", "no-such-model"], needed=8)  # of more cores than there are: as many as there are
    jobs.stop("first")
    until(lambda: state(jobs, "third").state == "failed")
    assert "no-such-model" in state(jobs, "third").said
    assert not state(jobs, "third").said.startswith("fairtrial")
    with pytest.raises(Busy):
        jobs.stop("third")
    jobs.start("fourth", endless)
    jobs.start("fifth", endless)
    assert jobs.close() == ["fourth"]
    assert {job.state for job in jobs.look()} == {"over", "failed"}


@pytest.mark.row("W14")
def test_what_another_tab_started_is_a_conflict_and_the_end_saves_it(tmp_path: Path) -> None:
    """W14, and training that outlives the server."""
    server = started(tmp_path / "runs")
    status, told = asked(server, "train", fields=LONG)
    assert status == 202
    assert asked(server, "train", fields=LONG)[0] == 409
    events = tmp_path / "runs" / told["run"] / "events.jsonl"
    until(lambda: events.exists() and b"scored" in events.read_bytes())
    assert asked(server, "stop", name="somebody-else")[0] == 409
    code, said = server.end()
    assert (code, said.count("saved")) == (0, 1)
    record = FolderStore(tmp_path / "runs").read(told["run"])
    assert record.end is None
    assert record.events[-1].detail in ("SIGTERM", "SIGINT")  # type: ignore[union-attr]


# The browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no Chromium here")
    with sync_playwright() as play:
        yield play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


def test_the_narrow_page_has_room(served: Served, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(served.told["address"])
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()  # the token is exchanged
    page.goto(f"{served.base}/playground?two=yes&b.lr=0.1")
    expect(page.locator("form.setting")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert barriers(page) == []
    context.close()


def test_choose_train_stop_go_on_and_compare(served: Served, browser: Browser) -> None:
    page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(served.base) else None)
    page.goto(served.told["address"])
    page.get_by_role("link", name="Playground").click()
    first = page.locator("form.setting").first
    status = first.get_by_role("status")
    expect(status).to_have_text("not trained yet")

    first.get_by_role("textbox", name="learning rate (lr)").fill("-1")
    expect(first.get_by_role("alert")).to_contain_text("lr=-1")
    expect(first.get_by_role("button", name="Train")).to_be_disabled()
    first.get_by_role("combobox", name="model").select_option("own line of text …")
    first.get_by_role("textbox", name="one line of text").fill("flatten, linear 10, act, linear classes")
    first.get_by_role("textbox", name="learning rate (lr)").fill("0.01")
    first.get_by_role("textbox", name="batch").fill("2")
    first.get_by_role("textbox", name="epochs").fill("500")  # nobody waits for its end
    expect(first.get_by_text("760 parameters")).to_be_visible()
    expect(first.get_by_role("alert")).to_be_hidden()

    first.get_by_role("button", name="Train").click()
    stop = first.get_by_role("button", name="Stop")
    expect(page.locator("path.line").first).to_be_visible(timeout=1000 * WAIT)  # a curve, while it trains
    expect(stop).to_be_visible()
    stop.click()
    expect(status).to_contain_text("stopped and saved", timeout=1000 * WAIT)
    first.get_by_role("button", name="Go on").click()
    expect(status).to_contain_text("training", timeout=1000 * WAIT)
    stop.click()
    expect(status).to_contain_text("stopped and saved", timeout=1000 * WAIT)
    first.get_by_role("textbox", name="epochs").fill("3")
    expect(status).to_have_text("not trained yet")
    first.get_by_role("button", name="Train").click()
    expect(status).to_contain_text("finished after 3 of 3", timeout=1000 * WAIT)
    expect(page.locator("table", has_text="test accuracy")).to_contain_text("%")

    page.get_by_role("button", name="Set a second one beside it").click()
    second = page.locator("form.setting").nth(1)
    expect(second.get_by_role("status")).to_contain_text("finished")  # the same setting is the same run
    second.get_by_role("textbox", name="epochs").fill("1")
    expect(second.locator(".differs")).to_have_count(1)
    expect(second.locator(".differs")).to_contain_text("differs")
    page.reload()  # all of it stands in the address
    expect(first.get_by_role("textbox", name="one line of text")).to_have_value(
        "flatten, linear 10, act, linear classes"
    )
    expect(second.get_by_role("textbox", name="epochs")).to_have_value("1")
    second.get_by_role("button", name="Train").click()
    expect(second.get_by_role("status")).to_contain_text("finished", timeout=1000 * WAIT)
    expect(page.locator("figure", has_text="accuracy").locator(".picture path.line")).to_have_count(2)

    page.get_by_label("seeds").select_option("3")
    expect(page.get_by_text("2 arms × 3 seeds = 6 runs")).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/studies/**", timeout=1000 * WAIT)
    expect(page.get_by_role("heading", level=1)).to_contain_text("flatten")
    assert not wrong
