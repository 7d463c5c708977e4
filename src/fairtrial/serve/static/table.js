// Tables as the reports have them: {caption, columns: [{name, numeric}], rows: [[text]], notes}.

import { el } from "./dom.js";

export function table(about) {
  const kind = (column) => ({ class: column.numeric ? "number" : null });
  return el("div", {},
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": about.caption },
      el("table", {},
        el("caption", {}, about.caption),
        el("thead", {}, el("tr", {}, about.columns.map((column) => el("th", { scope: "col", ...kind(column) }, column.name)))),
        el("tbody", {}, about.rows.map(([name, ...cells]) =>
          el("tr", {}, el("th", { scope: "row" }, name), cells.map((cell, place) => el("td", kind(about.columns[place + 1]), cell))))))),
    (about.notes ?? []).map((note) => el("p", { class: "note" }, note)));
}

// columns of [name, numeric] and rows of text or elements, without notes
export const simple = (caption, columns, rows) =>
  table({ caption, columns: columns.map(([name, numeric = false]) => ({ name, numeric })), rows });
