"""Tables as HTML, of which every word is escaped."""

from __future__ import annotations

from html import escape

from fairtrial.report import tables


def table_html(table: tables.Table) -> str:
    """A table with its caption, headings that say what they head, and its notes below.

    The roles say again what it is: a style sheet that stacks its cells on a phone takes that from the elements.
    """
    heads = "".join(
        f'<th scope="col" role="columnheader"{_kind(column)}>{escape(column.name)}</th>' for column in table.columns
    )
    rows = "".join(f'<tr role="row">{_row(row, table.columns)}</tr>\n' for row in table.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    caption = escape(table.caption)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}"><table role="table">\n'
        f'<caption>{caption}</caption>\n<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{rows}</tbody>\n</table></div>{notes}'
    )


def _row(row: tuple[str, ...], columns: tuple[tables.Column, ...]) -> str:
    name, *cells = row
    body = "".join(
        f'<td role="cell"{_kind(column)} data-name="{escape(column.name)}">{escape(cell)}</td>'
        for column, cell in zip(columns[1:], cells, strict=True)
    )
    return f'<th scope="row" role="rowheader">{escape(name)}</th>{body}'


def _kind(column: tables.Column) -> str:
    return ' class="number" style="text-align:right"' if column.numeric else ""
