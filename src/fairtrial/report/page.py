"""A comparison as one HTML page that needs no network and no scripts; every word of a user's in it is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from fairtrial.report import charts, tables, views, wording
from fairtrial.store import Record
from fairtrial.verdicts import Comparison

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #555; --paper: #fff; --line: #ccc; --code: #f2f2f2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #aaa; --paper: #161616; --line: #444; --code: #262626 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
.summary { font-size: 1.1rem }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0; padding: 0 }
.charts > div { background: #fff; border-radius: .4rem; padding: .4rem }
.charts svg { display: block; width: 100%; height: auto }
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
"""
LONGEST = 600  # characters of a summary; that of many arms is in the table of pairs
_WIDTH = re.compile(r'<svg [^>]*?\bwidth="([\d.]+)"')
# A notebook has its own look, and room for one column
NOTEBOOK_STYLE = "display:flex;flex-wrap:wrap;gap:1em;background:#fff;max-width:64em"


def comparison_page(comparison: Comparison, command: str) -> str:
    """The page of a study; `command` is what makes it again."""
    name = escape(wording.clean(comparison.study))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}: {escape(comparison.metric)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p class="summary">{escape(views.headline(comparison, LONGEST))}</p>
<figure class="charts">{_panels(comparison)}</figure>
<h2>Results</h2>
{table_html(tables.arms_table(comparison))}
{"".join(map(table_html, _pairs(comparison)))}
{table_html(tables.costs_table(comparison))}
<h2>What was compared</h2>
{table_html(tables.settings_table(comparison)) if len(comparison.arms) > 1 else ""}
<p>{escape(views.seeds_line(comparison))}</p>
{_folded(tables.base_table(comparison))}
<h2>To make it again</h2>
<pre><code>{escape(wording.clean(command))}</code></pre>
{table_html(tables.made_table(comparison))}
{_folded(tables.runs_table(comparison))}
</main>
</body>
</html>
"""


def comparison_html(comparison: Comparison) -> str:
    """A comparison as a notebook shows it: the charts and the tables."""
    shown = [tables.arms_table(comparison), *_pairs(comparison)]
    summary = f"<p><strong>{escape(wording.clean(comparison.summary))}</strong></p>"
    return _notebook(_panels(comparison), shown, summary)


def record_html(record: Record) -> str:
    """A run as a notebook shows it: its curves and its scores."""
    return _notebook(_svgs(charts.run_panels(record)), [tables.run_table(record)], "")


def _notebook(panels: str, shown: Iterable[tables.Table], above: str) -> str:
    drawn = f'<div style="{NOTEBOOK_STYLE}">{panels}</div>'
    return f"<div>{above}{drawn}{''.join(map(table_html, shown))}</div>"


def _pairs(comparison: Comparison) -> list[tables.Table]:
    """The table of all pairs, if there are any."""
    return [tables.pairs_table(comparison, comparison.pairs)] if comparison.pairs else []


def _panels(comparison: Comparison) -> str:
    return _svgs(charts.comparison_panels(comparison))


def _svgs(panels: Iterable[charts.Chart]) -> str:
    return "".join(_svg(charts.styled(panel)) for panel in panels)


def _svg(chart: charts.Chart) -> str:
    """A panel as wide as there is room, all of them at one scale, down to about the width of a phone."""
    drawn = charts.svg(chart)
    width = _WIDTH.search(drawn)
    pixels = int(float(width[1])) if width else charts.WIDTH
    return f'<div style="flex:{pixels} 1 {6 * pixels // 10}px;max-width:{13 * pixels // 10}px">{drawn}</div>'


def _folded(table: tables.Table) -> str:
    """A long table that opens when it is asked for."""
    return f"<details><summary>{escape(table.caption)}</summary>{table_html(table)}</details>"


def table_html(table: tables.Table) -> str:
    """A table with its caption, headings that say what they head, and its notes below."""
    heads = "".join(f'<th scope="col"{_kind(column)}>{escape(column.name)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{_row(row, table.columns)}</tr>\n" for row in table.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return (
        f'<div class="wide"><table>\n<caption>{escape(table.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table>{notes}</div>"
    )


def _row(row: tuple[str, ...], columns: tuple[tables.Column, ...]) -> str:
    name, *cells = row
    body = "".join(
        f'<td{_kind(column)} data-name="{escape(column.name)}">{escape(cell)}</td>'
        for column, cell in zip(columns[1:], cells, strict=True)
    )
    return f'<th scope="row">{escape(name)}</th>{body}'


def _kind(column: tables.Column) -> str:
    return ' class="number" style="text-align:right"' if column.numeric else ""
