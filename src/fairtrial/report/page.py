"""A comparison as one HTML page that needs no network and no scripts; every word of a user's in it is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from fairtrial.report import charts, tables, views, wording
from fairtrial.report.arm_findings import study_findings
from fairtrial.report.html import table_html
from fairtrial.store import Record
from fairtrial.verdicts import Comparison

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #555; --paper: #fff; --line: #ccc; --code: #f2f2f2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #aaa; --paper: #161616; --line: #444; --code: #262626 }
  .charts svg > rect[fill="white"] { fill: none }
  .charts text, .charts [fill="#000000"] { fill: var(--ink) }
  .charts [stroke="#000000"] { stroke: var(--ink) }
  .charts [stroke="#e4e4e4"] { stroke: #333 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere }
:focus-visible { outline: 3px solid; outline-offset: 2px }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
a { color: inherit }
.summary { font-size: 1.1rem }
.alarm { font-weight: 700; border-left: .3rem solid #d55e00; padding-left: .7rem }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0; padding: 0 }
.charts figure { margin: 0 }
.charts svg { display: block; width: 100%; height: auto }
figcaption { font-size: .9rem; color: var(--soft); padding-bottom: .4rem }
figcaption strong { display: block; font-size: 1rem; color: var(--ink) }
.seeds { border: 0; margin: 1.5rem 0 0; padding: 0 }
.seeds label { display: inline-block; margin-right: .9rem; padding: .3rem 0 }
.seeds input { width: 1.1rem; height: 1.1rem; vertical-align: middle }
.seeds span { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .3rem }
.wide { overflow-x: auto; margin: 0 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .5rem 0 }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  font-weight: 400; overflow-wrap: normal }
thead th { color: var(--soft); font-size: .9rem }
tbody th { min-width: 8rem; max-width: 26rem; overflow-wrap: anywhere }
.number { text-align: right; white-space: nowrap }
.note { color: var(--soft); font-size: .9rem; margin: .3rem 0 }
@media (max-width: 34rem) {
  .charts .role-axis-label text { font-size: 14px }
  thead { position: absolute; clip-path: inset(50%) }
  table, caption, tbody, tr, tbody th, td { display: block; max-width: none }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0 }
  tbody th { font-weight: 600; border: 0; padding: 0 }
  td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: 0 0 0 1rem; text-align: right }
  td::before { content: attr(data-name); color: var(--soft); text-align: left }
  .number { white-space: normal }
}
summary { cursor: pointer; font-weight: 600; padding: .3rem 0 }
pre { background: var(--code); padding: .7rem; border-radius: .4rem; white-space: pre-wrap; margin: .5rem 0 }
pre code { user-select: all }
@media print { .seeds { display: none } }
"""
FILES = ("chart.svg", "chart.png", "scores.csv", "study.json")  # beside the page
LONGEST = 600  # characters of a summary; that of many arms is in the table of pairs
_WIDTH = re.compile(r'<svg [^>]*?\bwidth="([\d.]+)"')
# A notebook has its own look, and room for one column
NOTEBOOK_STYLE = "display:flex;flex-wrap:wrap;gap:1em;background:#fff;color:#222;max-width:64em"


def comparison_page(comparison: Comparison, command: str) -> str:
    """The page of a study; `command` is what makes it again."""
    name = escape(wording.clean(comparison.study))
    lines = "\n".join(map(wording.clean, command.split("\n")))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}: {escape(comparison.metric)}</title>
<style>{STYLE}{_hidden_seeds(comparison)}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p class="summary">{escape(views.headline(comparison, LONGEST))}</p>
{_alarms(comparison)}
{_charts(comparison)}
<h2>Results</h2>
{table_html(tables.arms_table(comparison))}
{"".join(map(table_html, _pairs(comparison)))}
{table_html(tables.costs_table(comparison))}
<h2>Findings</h2>
{_findings(comparison)}
{_tuning(comparison) if comparison.tuning else ""}
<h2>What was compared</h2>
{table_html(tables.settings_table(comparison)) if len(comparison.arms) > 1 else ""}
<p>{escape(views.seeds_line(comparison))}</p>
{_folded(tables.base_table(comparison))}
<h2>To make it again</h2>
<pre tabindex="0" role="region" aria-label="the command"><code>{escape(lines)}</code></pre>
{table_html(tables.made_table(comparison))}
{_folded(tables.runs_table(comparison))}
<p class="note">Files beside this page: {", ".join(f'<a href="{file}">{file}</a>' for file in FILES)}</p>
</main>
</body>
</html>
"""


def _alarms(comparison: Comparison) -> str:
    """What may be unfair, beside the verdict."""
    return "".join(f'<p class="alarm">{escape(wording.clean(alarm))}</p>' for alarm in comparison.alarms)


def _charts(comparison: Comparison) -> str:
    """Curves and dots, the curves in numbers, and boxes that show single seeds: by style sheets, without scripts."""
    boxes = _boxes(comparison) if _has_seeds(comparison) else ""
    numbers = _folded(tables.means_table(comparison))
    return f'{boxes}<div class="charts">{_drawn(charts.page_panels(comparison))}</div>{numbers}'


def _has_seeds(comparison: Comparison) -> bool:
    """Whether there are curves of several seeds to be shown."""
    arms = views.arm_views(comparison)
    return views.has_curves(arms) and any(len(arm.curves) > 1 for arm in arms)


def _boxes(comparison: Comparison) -> str:
    """A box to be ticked for each arm, and one for all."""
    arms = "".join(
        f'<label><input type="checkbox" id="seeds{place}"> <span style="background:{charts.colour(place)}"></span>'
        f"{escape(wording.clean(arm.name))}</label>"
        for place, arm in enumerate(comparison.arms)
    )
    every = '<label><input type="checkbox" id="seeds-all"> all arms</label>'
    return f'<fieldset class="seeds"><legend>Single seeds in the curves of</legend>{arms}{every}</fieldset>'


def _hidden_seeds(comparison: Comparison) -> str:
    """Style that hides the single seeds of each arm until its box, or that of all, is ticked."""
    none = "main:not(:has(#seeds{0}:checked, #seeds-all:checked)) .seeds{0}_pathgroup {{ display: none }}\n"
    return "".join(none.format(place) for place in range(len(comparison.arms))) if _has_seeds(comparison) else ""


def _findings(comparison: Comparison) -> str:
    """What the doctor says of the runs; what may be meant opens when it is asked for."""
    found = [each for arm in study_findings(comparison).values() for each in arm]
    faults = [each for each in found if each.worst.level != "info"]
    hints = [each for each in found if each.worst.level == "info"]
    runs = wording.counted(sum(len(arm.runs) for arm in comparison.arms), "run")
    told = table_html(tables.findings_table("What is wrong, or likely to be", faults)) if faults else ""
    none = f"<p>The doctor found no fault in {'this' if runs == '1 run' else 'these'} {runs}.</p>" if not faults else ""
    return f"{told}{none}{_folded(tables.findings_table('What may be meant', hints)) if hints else ''}"


def _tuning(comparison: Comparison) -> str:
    """How each arm got its own value."""
    drawn = f'<div class="charts">{_drawn(charts.tuning_panels(comparison))}</div>'
    return (
        f"<h2>Tuning</h2>{table_html(tables.tuned_table(comparison))}{drawn}{_folded(tables.trials_table(comparison))}"
    )


def comparison_html(comparison: Comparison) -> str:
    """A comparison as a notebook shows it: the charts, the tables and the findings."""
    shown = [tables.arms_table(comparison), *_pairs(comparison)]
    summary = f"<p><strong>{escape(wording.clean(comparison.summary))}</strong></p>"
    return _notebook(_drawn(charts.comparison_panels(comparison)), shown, summary) + _findings(comparison)


def record_html(record: Record) -> str:
    """A run as a notebook shows it: its curves and its scores."""
    drawn = "".join(_svg(charts.styled(panel), "", record.name) for panel in charts.run_panels(record))
    return _notebook(drawn, [tables.run_table(record)], "")


def _notebook(panels: str, shown: Iterable[tables.Table], above: str) -> str:
    drawn = f'<div style="{NOTEBOOK_STYLE}">{panels}</div>'
    return f"<div>{above}{drawn}{''.join(map(table_html, shown))}</div>"


def _pairs(comparison: Comparison) -> list[tables.Table]:
    """The table of all pairs, if there are any."""
    return [tables.pairs_table(comparison, comparison.pairs)] if comparison.pairs else []


def _drawn(panels: Iterable[charts.Panel]) -> str:
    """Panels with their headings and captions as text that flows."""
    return "".join(
        _svg(
            charts.styled(panel.drawing),
            f"<figcaption><strong>{escape(wording.clean(panel.heading))}</strong>{escape(panel.caption)}</figcaption>",
            f"{panel.heading}. {panel.said}",
        )
        for panel in panels
    )


def _svg(chart: charts.Chart, caption: str, said: str) -> str:
    """A panel as wide as there is room, all of them at one scale, down to about the width of a phone."""
    drawn = charts.svg(chart)
    width = _WIDTH.search(drawn)
    pixels = int(float(width[1])) if width else charts.WIDTH
    image = drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(wording.clean(said))}" ', 1)
    room = f"flex:{pixels} 1 {6 * pixels // 10}px;max-width:{13 * pixels // 10}px;margin:0"
    return f'<figure style="{room}">{caption}{image}</figure>'


def _folded(table: tables.Table) -> str:
    """A long table that opens when it is asked for."""
    return f"<details><summary>{escape(table.caption)}</summary>{table_html(table)}</details>"
