"""Charts drawn with Altair, as SVG and PNG, offline; every number in them comes from `views`.

All text is clean before it gets here: vl-convert ends the process over a character that XML cannot hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any, TypeAlias

import altair as alt
import vl_convert as vlc

from fairtrial.disk import Disk, put
from fairtrial.report import views, wording
from fairtrial.report.checks import BatchStep, BatchTest, RateTest, subject
from fairtrial.report.colours import COLOURS, PART_COLOURS
from fairtrial.report.profile import Profile
from fairtrial.report.views import ArmView, Curve
from fairtrial.spec.tuning import Range
from fairtrial.store import Record, disk_errors
from fairtrial.verdicts import Comparison

Chart: TypeAlias = alt.LayerChart | alt.HConcatChart | alt.VConcatChart
Rows: TypeAlias = list[dict[str, Any]]

SHAPES = ("circle", "square", "triangle-up")
DASHES = ([1, 0], [7, 3], [2, 2])
WIDTH, HEIGHT = 310, 250
CAPTION_WIDTH = 54  # characters that fit a panel
LABEL_WIDTH = 46  # the same of an arm's label
HEADING_WIDTH = 118  # characters that fit both panels
FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
MANY = 15  # points of a line from which they are no longer marked one by one
LINE = 15  # pixels of a line of an arm's label
DOTS = 32  # pixels of an arm's dots and bar, below its label
VEGA_LITE = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
LABEL: dict[str, Any] = {"align": "left", "baseline": "bottom", "fontSize": 12, "color": "#222"}


def run_chart(record: Record) -> alt.HConcatChart:
    """Loss and accuracy of a run against the epoch."""
    said = (views.title(record.recipe), views.ending(views.outcome(record)), views.run_caption(record))
    heading = _heading(record.name, [line for text in said for line in wrap(text, HEADING_WIDTH)])
    return styled(alt.HConcatChart(hconcat=run_panels(record), spacing=30, title=heading))


def run_panels(record: Record) -> list[alt.LayerChart]:
    """The two panels of a run."""
    return [_curves_of_run(record, "loss"), _curves_of_run(record, "accuracy")]


@dataclass(frozen=True)
class Panel:
    """A drawing without words above it: a file draws its heading and caption, a page sets them as text."""

    heading: str
    caption: str
    said: str  # what it shows, for those who cannot see it
    drawing: alt.LayerChart


def comparison_chart(comparison: Comparison) -> alt.HConcatChart:
    """Curves of the arms on the left, every seed's result on the right; single seeds in the curves of few arms."""
    said = (views.headline(comparison, 3 * HEADING_WIDTH), *map(wording.clean, comparison.alarms))
    heading = _heading(comparison.study, [line for text in said for line in wrap(text, HEADING_WIDTH)])
    drawn = _even([_titled(panel) for panel in comparison_panels(comparison)])
    return styled(alt.HConcatChart(hconcat=drawn, spacing=30, title=heading))


def comparison_panels(comparison: Comparison) -> list[Panel]:
    """The two panels of a comparison as a file shows them."""
    few = len(comparison.arms) <= views.FEW
    return _both(comparison, views.arm_views(comparison) if few else [], "Faint: single seeds." if few else "")


def page_panels(comparison: Comparison) -> list[Panel]:
    """The two panels with the seeds of every arm, each arm's in a group of the class `seeds<place>_pathgroup`."""
    return _both(comparison, views.arm_views(comparison), "Faint: single seeds, of the arms that are ticked.")


def _both(comparison: Comparison, seeds_of: Sequence[ArmView], about: str) -> list[Panel]:
    """The curves, with single seeds of some arms, and the dots; after one epoch there are no curves, only dots."""
    arms, metric, key = views.arm_views(comparison), comparison.metric, views.curve_key(comparison)
    right = _dots_of_arms(arms, metric, f"{metric} of each seed", views.dots_caption(comparison))
    if views.has_curves(arms):
        return [_curves_of_arms(comparison, arms, seeds_of, about), right]
    caption = views.dots_caption(comparison, "after the first epoch")
    return [_dots_of_arms(views.after_first_epoch(arms), key, f"{key} after one epoch", caption), right]


def _even(panels: list[alt.LayerChart]) -> list[alt.LayerChart]:
    """The panels with captions of equally many lines, so that their frames stand side by side."""
    most = max(len(panel.title.subtitle) for panel in panels)
    for panel in panels:
        panel.title.subtitle += [" "] * (most - len(panel.title.subtitle))
    return panels


def _titled(panel: Panel) -> alt.LayerChart:
    """The drawing with its heading and caption above it."""
    caption = wrap(wording.clean(panel.caption), CAPTION_WIDTH)
    panel.drawing.title = alt.TitleParams(wording.clean(panel.heading), subtitle=caption, fontSize=14, frame="group")
    return panel.drawing


# Panels


def _curves_of_run(record: Record, measure: str) -> alt.LayerChart:
    curves, share = views.curves(record, measure), measure == "accuracy"
    best = views.outcome(record).best_epoch
    parts = [part for part in views.PARTS if any(c.part == part for c in curves)]
    colour = alt.Color(
        "part:N", scale=alt.Scale(domain=parts, range=[PART_COLOURS[p] for p in parts]), legend=_legend()
    )
    last = max((p.epoch for c in curves for p in c.points), default=1)
    x = _epochs(0, last)
    y = _scores(measure, views.curve_frame(curves, share), share)
    base = alt.Chart(_data(_run_rows(curves))).encode(x=x, y=y, color=colour)
    running = base.transform_filter("datum.part == 'running'").mark_line(clip=True, strokeWidth=1.4, strokeDash=[4, 2])
    lines = base.transform_filter("datum.part != 'running'").mark_line(clip=True, strokeWidth=2.2)
    dots = base.transform_filter("datum.marked").mark_point(filled=True, size=45, opacity=1)
    layers = [running.encode(detail="piece:N"), lines, dots, *(_best_mark(best, last) if best else [])]
    return alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT)


def _run_rows(curves: Sequence[Curve]) -> Rows:
    """Points of all curves; the running mean begins anew with each epoch, and so does its line."""
    return [
        {
            "part": curve.part,
            "epoch": point.epoch,
            "value": point.value,
            "piece": ceil(point.epoch) if any(p.epoch % 1 for p in curve.points) else 0,
            "marked": len(curve.points) <= MANY and curve.part != "running",
        }
        for curve in curves
        for point in curve.points
    ]


def _best_mark(epoch: int, last: float) -> list[alt.Chart]:
    """A dashed line at the best epoch, with its name above the frame."""
    base = alt.Chart(_data([{"epoch": epoch, "name": f"best epoch {epoch}"}])).encode(x="epoch:Q")
    name = base.mark_text(dy=-8, fontSize=12, color="#333", align="right" if 2 * epoch > last else "left")
    return [base.mark_rule(strokeDash=[4, 3], color="#555"), name.encode(text="name:N", y=alt.value(0))]


def _curves_of_arms(comparison: Comparison, arms: Sequence[ArmView], seeds_of: Sequence[ArmView], about: str) -> Panel:
    key = views.curve_key(comparison)
    share = wording.is_share(key)
    x = _epochs(1, max(point.epoch for arm in arms for curve in arm.curves for point in curve.points))
    frame = views.means_frame(arms, share)
    y = _scores(None, frame, share)
    means = alt.Chart(_data(_mean_rows(arms, frame))).encode(x=x, y=y, color=_colour(arms))
    band = means.transform_filter("datum.low != null").mark_area(clip=True, opacity=0.15).encode(y="low:Q", y2="high:Q")
    layers = [
        *([band] if views.has_bands(arms) else []),
        *(_seeds(arm, place, arms).encode(x=x, y=y) for place, arm in enumerate(seeds_of)),
        means.mark_line(clip=True, strokeWidth=2.4).encode(strokeDash=_dash(arms)),
        means.transform_filter("datum.marked").mark_point(filled=True, size=40, opacity=1).encode(shape=_shape(arms)),
    ]
    caption = views.curves_caption(comparison, about)
    return _panel(layers, f"{key} by epoch", caption, views.curves_in_words(comparison), _height(arms))


def _seeds(arm: ArmView, place: int, arms: Sequence[ArmView]) -> alt.Chart:
    """A thin line for each seed of an arm, in a layer with a name of its own."""
    lines = alt.Chart(_data(_seed_rows(arm)), name=f"seeds{place}").mark_line(clip=True, strokeWidth=0.8, opacity=0.5)
    return lines.encode(color=_colour(arms), detail="seed:N")


def _seed_rows(arm: ArmView) -> Rows:
    return [
        {"arm": _label(arm), "seed": curve.part, "epoch": point.epoch, "value": point.value}
        for curve in arm.curves
        for point in curve.points
    ]


def _mean_rows(arms: Sequence[ArmView], frame: tuple[float, float]) -> Rows:
    """Points on the frame are drawn whole, and none beyond it."""
    return [
        {
            "arm": _label(arm),
            "epoch": mean.epoch,
            "value": mean.mean,
            "low": mean.interval[0] if mean.interval else None,
            "high": mean.interval[1] if mean.interval else None,
            "marked": len(arm.means) <= MANY and frame[0] <= mean.mean <= frame[1],
        }
        for arm in arms
        for mean in arm.means
    ]


def _dots_of_arms(arms: Sequence[ArmView], key: str, heading: str, caption: str) -> Panel:
    """A strip for each arm: its label, below it every seed, below these the mean and its interval."""
    share = wording.is_share(key)
    x = alt.X("value:Q", title=None, scale=_scale(views.dots_frame(arms, share)), axis=_score_axis(share))
    y = alt.Y("arm:N", sort=[_label(arm) for arm in arms], axis=None)
    rows = [{"arm": _label(arm), "value": dot.value} for arm in arms for dot in arm.dots]
    dots = alt.Chart(_data(rows)).encode(x=x, y=y, color=_colour(arms), shape=_shape(arms))
    means = alt.Chart(_data([_bar(arm) for arm in arms if arm.interval])).encode(y=y, color=_colour(arms))
    below = (LINE * _label_lines(arms) - DOTS) / 2  # where the label ends, from the middle of a strip
    layers = [
        means.mark_rule(strokeWidth=2.4, clip=True, yOffset=below + 18).encode(x=alt.X("low:Q"), x2="high:Q"),
        means.mark_point(shape="diamond", filled=True, size=110, opacity=1, yOffset=below + 18).encode(x="value:Q"),
        dots.mark_point(filled=True, size=50, opacity=0.5, yOffset=below + 6),
        *_names(arms, y, below - 2),
    ]
    return _panel(layers, heading, caption, views.dots_in_words(arms, key), _height(arms))


def _names(arms: Sequence[ArmView], y: alt.Y, end: float) -> list[alt.Chart]:
    """Every line of every label, the last one ending at `end`, and in front of the first the arm's colour and shape."""
    rows = [
        {"arm": _label(arm), "line": line, "up": up, "first": up == _label(arm).count("\n")}
        for arm in arms
        for up, line in enumerate(reversed(_label(arm).split("\n")))
    ]
    layers: list[alt.Chart] = []
    for up in range(_label_lines(arms)):
        base = alt.Chart(_data([row for row in rows if row["up"] == up])).encode(y=y)
        sign = base.transform_filter("datum.first").mark_point(
            filled=True, size=60, opacity=1, yOffset=end - LINE * (up + 0.5)
        )
        layers.append(base.mark_text(**LABEL, dy=end - LINE * up).encode(text="line:N", x=alt.value(20)))
        layers.append(sign.encode(x=alt.value(10), color=_colour(arms), shape=_shape(arms)))
    return layers


def _label(arm: ArmView) -> str:
    return views.arm_label(arm, LABEL_WIDTH)


def _label_lines(arms: Sequence[ArmView]) -> int:
    return max(_label(arm).count("\n") + 1 for arm in arms)


def _height(arms: Sequence[ArmView]) -> int:
    return max(HEIGHT, len(arms) * (LINE * _label_lines(arms) + DOTS))


def _bar(arm: ArmView) -> dict[str, Any]:
    low, high = arm.interval or (arm.mean, arm.mean)
    return {"arm": _label(arm), "value": arm.mean, "low": low, "high": high}


def tuning_panels(comparison: Comparison) -> list[Panel]:
    """A panel for each tuned field: every trial of every arm, its score against the value that was tried."""
    arms = views.arm_views(comparison)
    return [_trials(comparison, each, arms) for each in views.tuned_ranges(comparison)]


def _trials(comparison: Comparison, tuned: Range, arms: Sequence[ArmView]) -> Panel:
    dots, metric = views.trial_dots(comparison, tuned.field), comparison.tuning[0].metric
    labels, share = {arm.name: _label(arm) for arm in arms}, wording.is_share(metric)
    rows = [{"arm": labels[dot.arm], "x": dot.value, "value": dot.score, "became": dot.became} for dot in dots]
    scale = alt.Scale(type="log" if tuned.log else "linear", domain=[tuned.low, tuned.high], nice=False, zero=False)
    x = alt.X("x:Q", title=tuned.field, scale=scale, axis=alt.Axis(format="~g", grid=False, tickCount=5))
    y = _scores(metric, views.frame([dot.score for dot in dots if dot.score is not None], share), share)
    base = alt.Chart(_data(rows)).encode(x=x, y=y)
    whole = base.transform_filter("datum.became == 'to its end' || datum.became == 'chosen'")
    ring = base.transform_filter("datum.became == 'chosen'")
    lost = base.transform_filter("datum.became == 'diverged'").encode(y=alt.value(HEIGHT - 6))
    layers = [
        base.transform_filter("datum.became == 'given up early'")
        .mark_point(filled=False, size=45, strokeWidth=1.6)
        .encode(color=_colour(arms), shape=_shape(arms)),
        whole.mark_point(filled=True, size=50, opacity=0.9).encode(color=_colour(arms), shape=_shape(arms)),
        ring.mark_point(filled=False, size=260, strokeWidth=2.2, shape="circle").encode(color=_colour(arms)),
        lost.mark_point(size=45, strokeWidth=1.6, shape="cross").encode(color=_colour(arms)),
    ]
    caption = (
        "Dot: one trial. Ring: the one whose value the arm runs with. Hollow: given up early. Cross below: it diverged."
    )
    said = views.tuned_in_words(comparison, tuned.field)
    return _panel(layers, f"{metric} by {tuned.field}, in {tuned}", caption, said, HEIGHT)


# What panels share


def _panel(layers: Sequence[Any], heading: str, caption: str, said: str, height: int) -> Panel:
    return Panel(heading, caption, said, alt.LayerChart(layer=list(layers), width=WIDTH, height=height))


def _heading(name: str, lines: list[str]) -> alt.TitleParams:
    return alt.TitleParams(wrap(wording.clean(name), HEADING_WIDTH * 2 // 3), subtitle=lines)


def _epochs(first: float, last: float) -> alt.X:
    """Whole epochs, or parts of one where there are no more."""
    whole = alt.Axis(values=views.epoch_ticks(first, last), format="d", grid=False)
    axis = whole if last > 1 else alt.Axis(format="~g", grid=False, tickCount=5)
    return alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[first, last], nice=False), axis=axis)


def _scores(name: str | None, frame: tuple[float, float], share: bool) -> alt.Y:
    return alt.Y("value:Q", title=name, scale=_scale(frame), axis=_score_axis(share))


def _scale(frame: tuple[float, float]) -> alt.Scale:
    return alt.Scale(domain=list(frame), nice=False, zero=False)


def _score_axis(share: bool) -> alt.Axis:
    return alt.Axis(format=".2~%" if share else "~g", tickCount=6)


def _legend() -> alt.Legend:
    return alt.Legend(orient="bottom", title=None, direction="horizontal", symbolStrokeWidth=3, symbolType="stroke")


def _by_arm(arms: Sequence[ArmView], values: Sequence[Any], every: int) -> alt.Scale:
    """A scale that goes on to its next value after `every` arms, and begins anew when it has none left."""
    labels = [_label(arm) for arm in arms]
    return alt.Scale(domain=labels, range=[values[place // every % len(values)] for place in range(len(labels))])


def colour(place: int) -> str:
    """Of the arm at this place."""
    return COLOURS[place % len(COLOURS)]


def _colour(arms: Sequence[ArmView]) -> alt.Color:
    return alt.Color("arm:N", scale=_by_arm(arms, COLOURS, 1), legend=None)


def _shape(arms: Sequence[ArmView]) -> alt.Shape:
    return alt.Shape("arm:N", scale=_by_arm(arms, SHAPES, len(COLOURS)), legend=None)


def _dash(arms: Sequence[ArmView]) -> alt.StrokeDash:
    return alt.StrokeDash("arm:N", scale=_by_arm(arms, DASHES, len(COLOURS)), legend=None)


def styled(chart: Any) -> Any:
    """The chart, made to be read at half the width of a page; it is changed in place, because copies are slow."""
    words: dict[str, Any] = {
        "labelFontSize": 12,
        "titleFontSize": 13,
        "labelColor": "#222",
        "titleColor": "#222",
        "gridColor": "#e4e4e4",
    }
    heads: dict[str, Any] = {
        "anchor": "start",
        "fontSize": 16,
        "subtitleFontSize": 12,
        "subtitleColor": "#444",
        "subtitlePadding": 5,
    }
    chart.config = alt.Config(
        font=FONT,
        background="white",
        padding=8,
        axis=alt.AxisConfig(**words),
        title=alt.TitleConfig(**heads, offset=12),
        legend=alt.LegendConfig(labelFontSize=12),
        view=alt.ViewConfig(stroke="#bbb"),
    )
    return chart


def _data(rows: Rows) -> alt.Data:
    """Rows that Altair hands on by reference, as it does with tuples; lists it would copy for every layer."""
    return alt.Data(values=tuple(rows))


# Files


def svg(chart: Chart) -> str:
    """The chart as SVG that needs nothing else, the same whenever it is drawn."""
    plain = chart.to_dict(validate=False)  # tests hold the charts against the schema, which takes as long as drawing
    return _own_ids(vlc.vegalite_to_svg(plain, vl_version=VEGA_LITE))


def _own_ids(drawn: str) -> str:
    """Ids are counted through a process; here they follow from the chart, so that several fit one page."""
    ids = {old: str(place) for place, old in enumerate(re.findall(r'<\w+ id="(\w+)"', drawn))}
    mark = hashlib.sha256(re.sub(r'(id="|url\(#)\w+', r"\1", drawn).encode()).hexdigest()[:8]
    return re.sub(r'(<\w+ id="|="url\(#)(\w+)', lambda m: f"{m[1]}c{mark}-{ids[m[2]]}" if m[2] in ids else m[0], drawn)


def write_chart(chart: Chart, stem: Path) -> list[Path]:
    """Write `stem`.svg and `stem`.png, each whole or not at all."""
    drawn = svg(chart)
    files = {".svg": drawn.encode(), ".png": vlc.svg_to_png(drawn, scale=2)}
    paths = [stem.with_name(stem.name + ending) for ending in files]
    for path in paths:
        with disk_errors(path):
            put(path, files[path.suffix], Disk())
    return paths


def profile_chart(made: Profile) -> alt.LayerChart:
    """A bar for the time of each part of a run."""
    total = sum(made.seconds.values())
    rows = [
        {"part": part, "seconds": value, "shown": f"{wording.duration(value)}, {wording.percent(value / total, 1)}"}
        for part, value in made.seconds.items()
    ]
    x = alt.X("seconds:Q", title="seconds", scale=alt.Scale(domain=[0, 1.25 * max(made.seconds.values())]))
    base = alt.Chart(_data(rows)).encode(x=x, y=alt.Y("part:N", title=None, sort=list(made.seconds)))
    bars = base.mark_bar(color=COLOURS[0], height={"band": 0.7})
    names = base.mark_text(align="left", dx=4, fontSize=12, color="#333").encode(text="shown:N")
    lines = [line for text in (views.title(made.record.recipe), made.said()) for line in wrap(text, HEADING_WIDTH)]
    heading = _heading(made.record.name, lines)
    return styled(alt.LayerChart(layer=[bars, names], width=2 * WIDTH, height=HEIGHT, title=heading))


# The first checks of a net


def rate_chart(test: RateTest) -> alt.LayerChart:
    """Loss against the rate, each point and smoothed, with the rate that is suggested."""
    x = alt.X("lr:Q", title="lr", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~g", grid=False))
    rows = [{"lr": point.lr, "value": point.loss, "smooth": point.smooth} for point in test.points]
    base = alt.Chart(_data(rows)).encode(x=x)
    y = _scores("running/loss", views.frame(test.seen, False), False)
    layers: list[alt.Chart] = [
        base.mark_point(filled=True, clip=True, size=18, opacity=0.5, color=PART_COLOURS["running"]).encode(y=y),
        base.mark_line(clip=True, strokeWidth=2.4, color=COLOURS[0]).encode(y="smooth:Q"),
    ]
    if test.lr is not None:
        mark = alt.Chart(_data([{"lr": test.lr, "name": f"lr={test.lr:g}"}])).encode(x="lr:Q")
        layers.append(mark.mark_rule(strokeDash=[4, 3], color="#555"))
        layers.append(
            mark.mark_text(dy=-8, fontSize=12, color="#333", align="left").encode(text="name:N", y=alt.value(0))
        )
    heading = _check_heading(test.record, test.said)
    return styled(alt.LayerChart(layer=layers, width=2 * WIDTH, height=HEIGHT, title=heading))


def batch_chart(test: BatchTest) -> alt.HConcatChart:
    """Loss and accuracy against the step, in eval mode and while the net was learning."""
    heading = _check_heading(test.record, test.said)
    panels = [_batch_panel(test, "loss"), _batch_panel(test, "accuracy")]
    return styled(alt.HConcatChart(hconcat=panels, spacing=30, title=heading))


def _batch_panel(test: BatchTest, measure: str) -> alt.LayerChart:
    share = measure == "accuracy"
    rows = [row for step in test.steps for row in _batch_rows(step, share)]
    parts = ["train", "running"]
    colour = alt.Color(
        "part:N", scale=alt.Scale(domain=parts, range=[PART_COLOURS[p] for p in parts]), legend=_legend()
    )
    x = alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    y = _scores(measure, views.frame([row["value"] for row in rows], share), share)
    base = alt.Chart(_data(rows)).encode(x=x, y=y, color=colour)
    layers = [
        base.transform_filter("datum.part == 'running'").mark_line(clip=True, strokeWidth=1.4, strokeDash=[4, 2]),
        base.transform_filter("datum.part == 'train'").mark_line(clip=True, strokeWidth=2.2),
        *(_step_mark(test.fitted, len(test.steps)) if test.fitted else []),
    ]
    return alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT)


def _batch_rows(step: BatchStep, share: bool) -> Rows:
    train, running = (step.accuracy, step.running_accuracy) if share else (step.loss, step.running_loss)
    return [
        {"part": "train", "step": step.step, "value": train},
        {"part": "running", "step": step.step, "value": running},
    ]


def _step_mark(step: int, last: int) -> list[alt.Chart]:
    """A dashed line at the step after which the batch was learnt, with its name above the frame."""
    base = alt.Chart(_data([{"step": step, "name": f"fits after {step}"}])).encode(x="step:Q")
    name = base.mark_text(dy=-8, fontSize=12, color="#333", align="right" if 2 * step > last else "left")
    return [base.mark_rule(strokeDash=[4, 3], color="#555"), name.encode(text="name:N", y=alt.value(0))]


def _check_heading(record: Record, said: str) -> alt.TitleParams:
    return _heading(
        record.name, [line for text in (subject(record.recipe), said) for line in wrap(text, HEADING_WIDTH)]
    )
