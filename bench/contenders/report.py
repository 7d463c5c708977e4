"""What was measured, as tables and a chart; every figure follows from the raw seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import altair as alt

from contenders.field import FIELD, OURS
from fairtrial.report.charts import COLOURS, styled
from loop import NETS

FAR = 0.05  # of accuracy: three standard errors of the difference of two on 2,000 images
KINDS = ("steps", "epoch")
FRAMEWORKS = ("lightning", "skorch", "keras-torch", "keras-jax")
NUMPY_GOALS = {"E": 1.0, "D": 0.7, "A": 0.5, "A-colour": 0.5, "C": 0.4}  # of the plain loop's speed
HEAD = "| contender | steps: images/s | fairtrial over | epoch: images/s | fairtrial over | test accuracy | warm-up s |"


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the lowest and highest value."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def ratios(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """a over b, round by round."""
    return [x / y for x, y in zip(a, b, strict=True)]


def speeds(images: int, seconds: Sequence[float]) -> list[float]:
    """Images a second."""
    return [images / s for s in seconds]


def machine_lines(told: dict[str, Any]) -> str:
    """Where it was measured, and with what."""
    machine, versions = told["machine"], ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, 1 thread on one of them, {' '.join(machine['flags'])}\n"
        f"sgemm {machine['sgemm_gflops']} GFLOP/s; {versions}"
    )


def net_table(net: str, told: dict[str, Any]) -> str:
    """All contenders on one net."""
    field, images = told["nets"][net], told["images"]
    least = median(row["accuracy"] for row in field.values()) - FAR
    lines = [f"\n{net}: {images:,} training images an epoch, n = {told['repeats']}\n", HEAD, "| --- |" + " ---: |" * 6]
    for name, row in field.items():
        cells = [name]
        for kind in KINDS:
            cells.append(spread(speeds(images, row[kind]), ",.0f"))
            cells.append(spread(ratios(row[kind], field[OURS][kind]), ".2f") if name != OURS else "")
        far = " (far off)" if row["accuracy"] < least else ""
        lines.append(f"| {' | '.join(cells)} | {row['accuracy']:.3f}{far} | {row['warm_up']:.1f} |")
    return "\n".join(lines)


def goal_table(told: dict[str, Any]) -> str:
    """What the goals say of all nets."""
    lines = [f"| {net} | {' | '.join(cells)} |" for net, field in told["nets"].items() for cells in goals(net, field)]
    return "\n".join(["\n| net | goal | measured | |", "| --- | --- | ---: | --- |", *lines])


def goals(net: str, field: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """P1 to P4 where the contenders took part: the goal, the ratio of whole epochs or of steps, the word."""

    def row(goal: str, kind: str, a: str, b: str, least: float) -> tuple[str, str, str]:
        faster = ratios(field[b][kind], field[a][kind])
        word = "reached" if median(faster) >= least else "missed"
        return f"{goal}: {a} over {b}, {kind}, at least {least:.2f}", spread(faster, ".2f"), word

    mlp = net == "E"
    for kind in KINDS:
        if "plain" in field:
            yield row("P1", kind, OURS, "plain", 1 / 1.02)
        if "tutorial" in field:
            yield row("P2", kind, OURS, "tutorial", 4 if mlp else 2)
        others = [name for name in FRAMEWORKS if name in field]
        if others:
            best = min(others, key=lambda name: median(field[name][kind]))
            yield row("P3", kind, OURS, best, 1 if mlp else 1.5)
        if "plain" in field and "fairtrial-numpy" in field:
            yield row("P4", kind, "fairtrial-numpy", "plain", NUMPY_GOALS[net])


def chart(told: dict[str, Any]) -> alt.HConcatChart:
    """Images a second in training steps, a panel a net: medians as bars, lowest to highest as lines."""
    images, nets = told["images"], told["nets"]
    names = [name for name in FIELD if any(name in field for field in nets.values())]
    panels = [panel(net, images, field, names, first=net == next(iter(nets))) for net, field in nets.items()]
    machine = f"{told['machine']['cpu']}, one thread, float32; {images:,} images an epoch"
    about = [machine, f"median of {told['repeats']} interleaved epochs, line: lowest to highest"]
    title = alt.TitleParams("Training steps: images a second", subtitle=about)
    return styled(alt.HConcatChart(hconcat=panels, title=title, spacing=18))


def panel(net: str, images: int, field: dict[str, Any], names: list[str], first: bool) -> alt.LayerChart:
    """The bars of a net, a row for each name, empty for one that was left out; only the first panel has the names."""
    rows = [
        {"name": name, "speed": median(s), "low": min(s), "high": max(s), "label": f"{median(s):,.0f}"}
        for name, row in field.items()
        for s in [speeds(images, row["steps"])]
    ]
    axis = alt.Axis(labelLimit=200) if first else None
    y = alt.Y("name:N", sort=None, title=None, axis=axis, scale=alt.Scale(domain=names))
    room = alt.Scale(domainMax=1.45 * max(max(speeds(images, row["steps"])) for row in field.values()))  # for labels
    x = alt.X("speed:Q", title=None, scale=room, axis=None)
    ours = alt.condition(f"slice(datum.name, 0, 9) == '{OURS}'", alt.value(COLOURS[0]), alt.value("#b8b8b8"))
    base = alt.Chart(alt.Data(values=tuple(rows))).encode(y=y)
    bars = base.mark_bar(height=15).encode(x=x, color=ours)
    ends = base.mark_rule(color="#222").encode(x=alt.X("low:Q"), x2="high:Q")
    labels = base.mark_text(align="left", dx=5, fontSize=11).encode(x=alt.X("high:Q"), text="label:N")
    title = alt.TitleParams(f"{net}: {NETS[net]}", fontSize=13)
    return alt.LayerChart(layer=[bars, ends, labels], title=title, width=150, height=220)
