// Tables as the reports have them: {caption, columns: [{name, numeric}], rows: [[text]], notes}.

import { el } from "./dom.js";

export function table(about) {
  const kind = (column) => ({ class: column.numeric ? "number" : null });
  const cell = (content, place) => el("td", { role: "cell", "data-name": about.columns[place + 1].name, ...kind(about.columns[place + 1]) }, content);
  // The roles say again what it is: the style sheet stacks its cells on a phone, which takes that from the elements
  return el("div", {},
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": about.caption },
      el("table", { role: "table", class: "stacks" },
        el("caption", {}, about.caption),
        el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, about.columns.map((column) =>
          el("th", { scope: "col", role: "columnheader", ...kind(column) }, column.name)))),
        el("tbody", { role: "rowgroup" }, about.rows.map(([name, ...cells]) =>
          el("tr", { role: "row" }, el("th", { scope: "row", role: "rowheader" }, name), cells.map(cell)))))),
    (about.notes ?? []).map((note) => el("p", { class: "note" }, note)));
}

// columns of [name, numeric] and rows of text or elements, without notes
export const simple = (caption, columns, rows) =>
  table({ caption, columns: columns.map(([name, numeric = false]) => ({ name, numeric })), rows });
