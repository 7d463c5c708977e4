"""Charts are files that others can read, and say what they show."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from fairtrial.report import charts, tables, views, wording
from fairtrial.report.page import comparison_html, comparison_page, record_html
from fairtrial.runner import run
from fairtrial.spec.errors import OutOfResources
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import Range, Trial, Tuned
from fairtrial.store import MemoryStore, Record
from fairtrial.verdicts import Comparison, compare_records

SMALL = Recipe(model="linear", epochs=3, lr=0.01, engine="numpy")
HOSTILE = "<script>alert('x')</script> & \"quoted\" \x1b[31m {{x}} ' onload=y"
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return MemoryStore()


def study(store: MemoryStore, names: list[str], seeds: int = 2, epochs: int = 3, study: str = "study") -> Comparison:
    """Arms of these names that differ in their learning rate."""
    lrs = {name: 0.01 * 2**place for place, name in enumerate(names)}
    made = {
        name: ({"lr": lr}, [run(SMALL.but(lr=lr, seed=s, epochs=epochs), store) for s in range(seeds)])
        for name, lr in lrs.items()
    }
    return compare_records(study, made)


def words(svg: str) -> str:
    """All text in an SVG, which must be well-formed."""
    return " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())


def test_a_runs_chart_is_a_readable_svg_and_png(store: MemoryStore, tmp_path: Path) -> None:
    record = run(SMALL, store)
    files = charts.write_chart(charts.run_chart(record), tmp_path / "deep" / "curves.v1")
    assert [f.name for f in files] == ["curves.v1.svg", "curves.v1.png"]
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["curves.v1.png", "curves.v1.svg"]
    said = words(files[0].read_text("utf8"))
    for expected in (
        record.name,
        "train",
        "valid",
        "test",
        "running",
        "loss",
        "accuracy",
        "best epoch",
        "linear on digits",
    ):
        assert expected in said
    with Image.open(files[1]) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
        assert picture.height > 500
        assert len(set(picture.convert("RGB").resize((200, 100)).get_flattened_data())) > 20


def test_a_comparisons_chart_names_arms_n_and_what_the_band_is(store: MemoryStore) -> None:
    said = words(charts.svg(charts.comparison_chart(study(store, ["alpha", "beta"], seeds=3))))
    for expected in (
        "alpha (n = 3)",
        "beta (n = 3)",
        "95 % interval of the mean",
        "Student's t",
        "valid/accuracy by epoch",
    ):
        assert expected in said


def test_the_chart_shows_the_numbers_of_the_views(store: MemoryStore) -> None:
    comparison = study(store, ["alpha", "beta"], seeds=3)
    spec = charts.comparison_chart(comparison).to_dict()
    rows = [row for values in spec["datasets"].values() for row in values] if "datasets" in spec else _values(spec)
    for arm in views.arm_views(comparison):
        drawn = [r for r in rows if r.get("arm", "").startswith(arm.name) and "marked" in r]
        assert [(r["epoch"], r["value"], (r["low"], r["high"])) for r in drawn] == [
            (m.epoch, m.mean, m.interval) for m in arm.means
        ]


def _values(spec: object) -> list[dict[str, object]]:
    """The rows of each data set of a chart, once."""
    found: dict[str, list[dict[str, object]]] = {}
    stack = [spec]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if "values" in node and "grid" not in node:  # an axis has values too
                found[repr(node["values"])] = node["values"]
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return [row for rows in found.values() for row in rows]


def test_no_point_is_drawn_beyond_the_frame(store: MemoryStore) -> None:
    comparison = study(store, ["alpha", "beta"], epochs=12)
    arms = views.arm_views(comparison)
    low, high = views.means_frame(arms, share=True)
    beyond = [m for arm in arms for m in arm.means if not low <= m.mean <= high]
    assert beyond, "the first epoch of this study should lie below the frame"
    assert "outside the frame" in views.curves_caption(comparison, "")
    drawn = ElementTree.fromstring(charts.svg(charts.styled(charts.comparison_panels(comparison)[0].drawing)))
    points = [g for g in drawn.iter() if "mark-symbol role-mark" in g.get("class", "")]
    assert sum(len(g) for g in points) == sum(len(arm.means) for arm in arms) - len(beyond)


def test_long_names_of_many_arms_are_not_cut(store: MemoryStore) -> None:
    names = [f"conv 10, pool, act, conv 32, pool, act, flatten, linear {n}, act, dropout 0.3" for n in range(10)]
    comparison = study(store, names, epochs=2)
    said = words(charts.svg(charts.comparison_chart(comparison)))
    for name, arm in zip(sorted(names), sorted(views.arm_views(comparison), key=lambda arm: arm.name), strict=True):
        lines = views.arm_label(arm, charts.LABEL_WIDTH).split("\n")
        assert " ".join(lines) == f"{name} (n = 2)"
        assert all(line in said for line in lines)


def test_the_charts_keep_to_vega_lites_schema(store: MemoryStore) -> None:
    comparison = study(store, ["alpha", "beta"], seeds=3)
    charts.comparison_chart(comparison).to_dict(validate=True)
    charts.run_chart(comparison.records["alpha"][0]).to_dict(validate=True)


def test_bands_are_drawn_from_three_seeds_on_and_seeds_always(store: MemoryStore) -> None:
    two, three = (study(store, ["alpha", "beta"], seeds=n) for n in (2, 3))
    assert not views.has_bands(views.arm_views(two))
    assert "Band:" not in views.curves_caption(two, "")
    assert "n = 2" in views.curves_caption(two, "")
    assert views.has_bands(views.arm_views(three))
    drawn = [words(charts.svg(charts.comparison_chart(c))) for c in (two, three)]
    assert ["Band:" in said for said in drawn] == [False, True]


@pytest.mark.parametrize(("seeds", "epochs"), [(1, 1), (1, 3), (2, 1)])
def test_one_arm_one_seed_or_one_epoch_is_drawn_without_bands(store: MemoryStore, seeds: int, epochs: int) -> None:
    said = words(charts.svg(charts.comparison_chart(study(store, ["alone"], seeds, epochs))))
    assert f"alone (n = {seeds})" in said
    assert ("no interval" in said) == (seeds == 1)


def test_a_study_whose_runs_all_diverged_is_still_drawn(store: MemoryStore) -> None:
    bad = run(Recipe(model="mlp", engine="numpy", optimizer="sgd", lr=1e30, epochs=2), store)
    comparison = compare_records("bad", {"bad": ({}, [bad])})
    said = words(charts.svg(charts.comparison_chart(comparison)))
    assert "bad (n = 0, 1 diverged)" in said
    assert "bad diverged in 1 of 1 seeds: it has no score." in said
    assert "n = 0: no run came to its end." in said
    assert "diverged after 0 of 2 epochs" in words(charts.svg(charts.run_chart(bad)))
    assert "bad" in comparison_page(comparison, "fairtrial compare")


def test_a_run_without_events_is_drawn_empty(store: MemoryStore) -> None:
    begun = replace(run(SMALL, store), events=())
    assert "unfinished after 0 of 3 epochs" in words(charts.svg(charts.run_chart(begun)))


def test_ids_of_two_charts_on_one_page_differ(store: MemoryStore) -> None:
    page = comparison_page(study(store, ["alpha", "beta"]), "fairtrial compare")
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 2
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutOfResources, match="file"):
        charts.write_chart(charts.run_chart(run(SMALL, store)), tmp_path / "file" / "curves")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


class Page(HTMLParser):
    """Collects what a page is made of; complains about tags that do not close in order."""

    VOID = frozenset({"meta", "br", "hr", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def hostile(store: MemoryStore) -> Comparison:
    made = study(store, [HOSTILE, "plain"], seeds=3, study=HOSTILE)
    return replace(made, arms=tuple(replace(arm, fields={"model": HOSTILE}) for arm in made.arms))


def test_the_page_is_well_formed_and_asks_for_nothing_outside(hostile: Comparison) -> None:
    text = comparison_page(hostile, f"fairtrial compare {HOSTILE}")
    page = Page(text)
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= NAMESPACES
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        links = {attributes.get(name) or "#" for name in ("href", "src", "xlink:href")}
        assert {link for link in links if link[0] != "#"} <= {"chart.svg", "chart.png", "scores.csv", "study.json"}


def test_hostile_names_stand_in_the_page_as_text(hostile: Comparison) -> None:
    page = Page(comparison_page(hostile, f"fairtrial compare {HOSTILE}"))
    said = " ".join(page.text)
    assert "\x1b" not in said
    assert said.count("<script>alert('x')</script>") >= 5  # heading, tables and their cells, chart, command


def test_the_page_holds_what_one_needs_to_check_and_repeat_the_study(store: MemoryStore) -> None:
    comparison = study(store, ["alpha", "beta"], seeds=3)
    page = Page(comparison_page(comparison, "fairtrial compare linear lr=0.01,0.02 --seeds 3"))
    said = " ".join(" ".join(page.text).split())
    for table in (
        tables.arms_table(comparison),
        tables.pairs_table(comparison, comparison.pairs),
        tables.made_table(comparison),
    ):
        for row in table.rows:
            assert all(cell in said for cell in row)
    assert comparison.summary in said
    assert "fairtrial compare linear lr=0.01,0.02 --seeds 3" in said
    assert "Seeds: 0, 1, 2; the same for every arm." in said
    assert all(name in said for arm in comparison.arms for name in arm.runs)
    count = sum(tag == "table" for tag, _ in page.tags)
    assert count == sum(tag == "caption" for tag, _ in page.tags) > 3
    assert ("th", "row") in {(tag, a.get("scope")) for tag, a in page.tags}


def test_what_a_notebook_shows_is_one_well_formed_piece(hostile: Comparison) -> None:
    record: Record = next(iter(hostile.records.values()))[0]
    for piece in (record_html(record), comparison_html(hostile)):
        assert not {tag for tag, _ in Page(piece).tags} & {"script", "html", "body", "style"}
        assert piece.count("<svg") == 2


def test_charts_come_out_the_same_each_time(store: MemoryStore, tmp_path: Path) -> None:
    record = run(SMALL, store)
    first, second = (charts.write_chart(charts.run_chart(record), tmp_path / name) for name in ("a", "b"))
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert first[1].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("character", ["\0", "\x1b", "\n", "\ud800", "\uffff", "\u2028", "\u202e"])
def test_no_character_of_a_name_ends_the_process(character: str, store: MemoryStore) -> None:
    name = f"a{character}b"
    comparison = replace(study(store, [name], study=name), metric=f"test/{name}")
    assert "a�b (n = 2)" in words(charts.svg(charts.comparison_chart(comparison)))
    record = replace(comparison.records[name][0], name=name)
    assert "a�b" in words(charts.svg(charts.run_chart(record)))
    assert "a�b" in comparison_page(comparison, name)


def test_each_arm_has_a_box_that_shows_its_seeds_without_scripts(store: MemoryStore) -> None:
    comparison = study(store, [f"arm {n}" for n in range(views.FEW + 2)], seeds=2)
    text = comparison_page(comparison, "fairtrial compare")
    page = Page(text)
    boxes = {a["id"] for tag, a in page.tags if tag == "input"}
    curves = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    assert boxes == {"seeds-all", *(f"seeds{place}" for place in range(len(comparison.arms)))}
    for place, arm in enumerate(comparison.arms):
        assert f"(#seeds{place}:checked, #seeds-all:checked)) .seeds{place}_pathgroup {{ display: none }}" in text
        (group,) = [g for g in curves.iter() if f"seeds{place}_pathgroup" in g.get("class", "").split()]
        lines = [path for g in group.iter() if "mark-line" in g.get("class", "") for path in g]
        assert len(lines) == len(arm.runs)  # a line for each seed
        assert {path.get("stroke") for path in lines} == {charts.colour(place)}
    assert "n = 2" in text


def test_a_page_without_curves_of_several_seeds_has_no_boxes(store: MemoryStore) -> None:
    for seeds, epochs in ((1, 3), (2, 1)):
        assert "<input" not in comparison_page(study(store, ["alpha", "beta"], seeds, epochs), "fairtrial compare")


def test_charts_say_in_words_what_they_show(store: MemoryStore) -> None:
    comparison = study(store, ["alpha", "beta"], seeds=3)
    page = Page(comparison_page(comparison, "fairtrial compare"))
    said = [a["aria-label"] or "" for tag, a in page.tags if tag == "svg" and a.get("role") == "img"]
    assert len(said) == 2
    for arm in views.arm_views(comparison):
        assert f"{arm.name} ends at {wording.percent(arm.means[-1].mean)} after epoch 3" in said[0]
        assert f"{arm.name}: {wording.percent(arm.mean)}, interval" in said[1]
    numbers = tables.means_table(comparison)
    assert len(numbers.rows) == sum(len(arm.means) for arm in views.arm_views(comparison))
    assert all(cell in " ".join(page.text) for row in numbers.rows for cell in row)


def test_long_curves_are_thinned_in_numbers_and_keep_their_end() -> None:
    means = [views.Mean(epoch, 3, 0.5, None) for epoch in range(1, 91)]
    thin = [mean.epoch for mean in tables.thinned(means)]
    assert thin[-1] == 90
    assert len(thin) <= tables.MOST_EPOCHS
    assert len({b - a for a, b in pairwise(thin)}) == 1
    assert tables.thinned([]) == []


TUNED = {
    "complete": (0.01, 0.9, True),
    "better": (0.1, 0.95, True),
    "early": (0.001, 0.4, False),
    "lost": (1.0, None, False),
}


@pytest.fixture(scope="module")
def tuned(store: MemoryStore) -> Comparison:
    """Two arms, one tuned by four trials with every fate, its value at the edge of what was tried; the other not."""
    trials = {key: Trial({"lr": lr}, score, 3, whole, f"trial-{key}") for key, (lr, score, whole) in TUNED.items()}
    made = study(store, ["alpha", "beta"], seeds=3)
    lr = Range("lr", 1e-4, 0.1, log=True)
    alpha = Tuned("alpha", (lr,), "valid/accuracy", tuple(trials.values()), trials["better"], 12)
    return replace(made, tuning=(alpha, Tuned("beta", (), "valid/accuracy", (), None, 0)))


def test_trials_are_drawn_by_what_became_of_them(tuned: Comparison) -> None:
    became = {dot.value: dot.became for dot in views.trial_dots(tuned, "lr")}
    assert became == {0.01: "to its end", 0.1: "chosen", 0.001: "given up early", 1.0: "diverged"}
    (panel,) = charts.tuning_panels(tuned)
    panel.drawing.to_dict(validate=True)
    drawn = ElementTree.fromstring(charts.svg(charts.styled(panel.drawing)))
    marks = [len(g) for g in drawn.iter() if "mark-symbol role-mark" in g.get("class", "")]
    assert marks == [1, 2, 1, 1]  # hollow, whole, ring, cross
    assert "alpha: 0.1 chosen; beta: none chosen" in panel.said


def test_alarms_stand_in_bold_before_the_pairs_and_every_trial_in_a_table(tuned: Comparison) -> None:
    text = comparison_page(tuned, "fairtrial compare")
    assert tuned.alarms
    for alarm in tuned.alarms:
        assert text.index(f'class="alarm">{escape(alarm)}') < text.index("Pair by pair")
        assert alarm.replace(" ", "") in words(charts.svg(charts.comparison_chart(tuned))).replace(" ", "")
    page = Page(text)
    said = " ".join(page.text)
    assert all(cell in said for row in tables.trials_table(tuned).rows for cell in row)
    assert [row[4] for row in tables.trials_table(tuned).rows] == ["to its end", "chosen", "given up early", "diverged"]
    assert tables.tuned_table(tuned).rows[0][:4] == ("alpha", "lr=0.1", "95.00 %", "4")
    assert tables.tuned_table(tuned).rows[1][:2] == ("beta", "-")
