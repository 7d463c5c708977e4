// All runs and studies of the store: filter, sort, group, and draw those that are ticked over each other.

import { follow, get, post } from "./api.js";
import { el, fill, moment, percent, setting } from "./dom.js";
import { curves } from "./lines.js";
import { asked, page, remember, titled } from "./page.js";
import { studies } from "./studies.js";

const TALL = 34; // pixels of a row, as the style sheet has it
const AIR = 12; // rows drawn beyond the edges
const OFTEN = 300; // milliseconds between two drawings of what arrives
const FRESH = 60; // seconds within which a run that is not over is taken to be at work
const MOST = 100; // runs that are drawn over each other
const ENDS = ["finished", "early-stopped", "diverged"];

const state = {
  rows: new Map(), // by name
  fields: [],
  version: 0,
  whole: false,
  shown: [], // rows in order, and {group, rows} before those of a group
  picked: new Set(asked().get("runs")?.split(",") ?? []),
  q: asked().get("q") ?? "",
  sort: asked().get("sort") ?? "-written",
  by: asked().get("by") ?? "",
  key: asked().get("key") ?? "valid/accuracy",
};

// Rows from the server

function take(news) {
  state.version = news.version;
  state.whole = news.whole;
  const again = news.fields.join() !== state.fields.join();
  state.fields = news.fields;
  const names = [...news.told, ...news.fields];
  for (const values of news.rows) {
    const row = Object.fromEntries(names.map((name, place) => [name, values[place]]));
    row.words = [row.name, row.model, row.data, row.optimizer, row.ended].join(" ").toLowerCase();
    state.rows.set(row.name, row);
  }
  for (const name of news.gone) state.rows.delete(name);
  return again;
}

const counted = (n) => `${n.toLocaleString("en")} ${n === 1 ? "run" : "runs"}`;
const value = (row, field) => row[field] ?? null;

// `adam lr>0.01 ended=finished`: every word has to hold
function test(question) {
  const tests = question.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [, field, sign, wanted] = /^([a-z_0-9]+)(<=|>=|=|<|>)(.+)$/.exec(word) ?? [];
    if (!field) return (row) => row.words.includes(word);
    const limit = wanted.endsWith("%") ? parseFloat(wanted) / 100 : Number(wanted);
    const holds = { "<": (a) => a < limit, ">": (a) => a > limit, "<=": (a) => a <= limit, ">=": (a) => a >= limit }[sign];
    if (holds) return (row) => typeof row[field] === "number" && holds(row[field]);
    return (row) => (typeof row[field] === "number" ? row[field] === limit : String(row[field]).toLowerCase() === wanted);
  });
  return (row) => tests.every((holds) => holds(row));
}

function order(rows) {
  const down = state.sort.startsWith("-"), field = state.sort.replace(/^-/, ""), sign = down ? -1 : 1;
  const known = rows.filter((row) => value(row, field) !== null), rest = rows.filter((row) => value(row, field) === null);
  known.sort((a, b) => {
    const x = a[field], y = b[field];
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y))) || (a.name < b.name ? -1 : 1);
  });
  return [...known, ...rest];
}

const mean = (rows, field) => {
  const known = rows.map((row) => row[field]).filter((each) => typeof each === "number");
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
};

function arrange() {
  const rows = order([...state.rows.values()].filter(test(state.q)));
  state.count = rows.length;
  if (!state.by) return rows;
  const groups = Map.groupBy ? Map.groupBy(rows, (row) => setting(value(row, state.by))) : grouped(rows);
  return [...groups].flatMap(([group, own]) => [{ group, rows: own }, ...own]);
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) {
    const group = setting(value(row, state.by));
    groups.has(group) ? groups.get(group).push(row) : groups.set(group, [row]);
  }
  return groups;
}

// The table: only the rows that are in view are there

const columns = () => [
  ["name", "run"], ["ended", "state"], ["valid", "valid"], ["test", "test"],
  ...state.fields.map((field) => [field, field]), ["written", "written"],
];
const NUMERIC = new Set(["valid", "test", "written"]);
const numeric = (field) => NUMERIC.has(field) || [...state.rows.values()].some((row) => typeof row[field] === "number");
const MAIN = new Set(["name", "ended", "valid"]); // what a phone has room for

function cells(row) {
  if (row.ended === "damaged") return [el("td", { class: "reason", colspan: columns().length - 1 }, `damaged: ${row.reason}`)];
  return columns().slice(1).map(([field]) => {
    const about = { class: [(NUMERIC.has(field) || typeof row[field] === "number") && "number", !MAIN.has(field) && "spare"].filter(Boolean).join(" ") || null };
    if (field === "ended") return el("td", about, ended(row));
    if (field === "valid" || field === "test") return el("td", about, percent(row[field]));
    if (field === "written") return el("td", about, moment(row.written));
    return el("td", { ...about, title: String(row[field] ?? "") }, setting(row[field]));
  });
}

function ended(row) {
  const working = !ENDS.includes(row.ended) && Date.now() / 1000 - row.written < FRESH;
  const word = working ? "training" : row.ended, epochs = `${row.epochs}/${row.planned}`;
  const sign = working ? el("span", { class: "live-dot", "aria-hidden": "true" }) : null;
  return el("span", { class: `state ${word}` }, sign, `${word} ${word === "finished" ? "" : epochs}`);
}

function line(row, place) {
  const about = { "aria-rowindex": place + 2, class: row.group === undefined ? null : "group" };
  if (row.group !== undefined) {
    const own = row.rows.slice(0, MOST).map((each) => each.name), all = own.length > 0 && own.every((name) => state.picked.has(name));
    const of = el("input", { type: "checkbox", checked: all, "aria-label": `draw all of ${state.by} ${row.group}`, onchange: () => pick(own, !all) });
    return el("tr", about, el("td", { class: "tick-cell" }, of),
      el("th", { scope: "rowgroup", colspan: 2 }, `${state.by} = ${row.group} `, el("span", { class: "note" }, `${counted(row.rows.length)}, means:`)),
      ...["valid", "test"].map((field) => el("td", { class: `number${field === "test" ? " spare" : ""}` }, percent(mean(row.rows, field)))),
      el("td", { class: "spare", colspan: columns().length - 4 }));
  }
  const picked = state.picked.has(row.name);
  const box = el("input", { type: "checkbox", checked: picked, "data-name": row.name, "aria-label": `draw ${row.name}`, onchange: () => pick([row.name], !picked) });
  const plain = /^[^./\\:;%][^/\\:;%]*$/.test(row.name);
  const name = plain ? el("a", { href: `/runs/${encodeURIComponent(row.name)}`, title: row.name }, row.name) : row.name;
  return el("tr", { ...about, "aria-selected": String(picked) }, el("td", { class: "tick-cell" }, box), el("th", { scope: "row" }, name), cells(row));
}

const view = {
  body: el("tbody"),
  head: el("tr"),
  status: el("p", { class: "note", role: "status" }),
  by: el("select", { id: "by", onchange: (event) => change({ by: event.target.value }) }),
};
view.scroll = el("div", { class: "runs wide", tabindex: 0, role: "region", "aria-label": "runs", onscroll: rows },
  (view.table = el("table", { "aria-label": "runs" }, el("thead", {}, view.head), view.body)));

function rows() {
  const first = Math.max(0, Math.floor(view.scroll.scrollTop / TALL) - AIR);
  const last = Math.min(state.shown.length, first + Math.ceil(innerHeight / TALL) + 2 * AIR);
  const space = (count) => {
    const row = el("tr", { "aria-hidden": "true", class: "space" });
    row.style.height = `${count * TALL}px`;
    return row;
  };
  const focused = document.activeElement?.dataset?.name;
  fill(view.body, space(first), state.shown.slice(first, last).map((row, place) => line(row, first + place)), space(state.shown.length - last));
  if (focused && document.activeElement === document.body)
    view.body.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

function head() {
  const field = state.sort.replace(/^-/, ""), down = state.sort.startsWith("-");
  fill(view.head, el("th", { scope: "col", class: "tick-cell" }, el("span", { class: "hidden" }, "draw")),
    columns().map(([name, said]) => {
      const about = { scope: "col", class: [numeric(name) && "number", !MAIN.has(name) && "spare"].filter(Boolean).join(" ") || null,
        "aria-sort": name === field ? (down ? "descending" : "ascending") : null };
      const next = name === field && down ? name : `-${name}`;
      return el("th", about, el("button", { class: "plain", onclick: () => change({ sort: next }) }, said,
        el("span", { "aria-hidden": "true" }, name === field ? (down ? " ▾" : " ▴") : "")));
    }));
  fill(view.by, ["", ...state.fields].map((each) => el("option", { value: each, selected: each === state.by }, each || "nothing")));
}

function show() {
  state.shown = arrange();
  view.table.setAttribute("aria-rowcount", state.shown.length + 1);
  rows();
  const all = state.rows.size;
  view.status.textContent = !all && state.whole ? "No runs yet: fairtrial run cnn2 makes one."
    : `${state.count === all ? counted(all) : `${state.count.toLocaleString("en")} of ${counted(all)}`}${state.whole ? "" : ", reading on …"}${
      state.count ? "" : ": words are looked for in name, model, data, optimizer and end; other fields as seed=1 or lr>0.01"}`;
}

function change(words) {
  Object.assign(state, words);
  remember({ q: state.q, sort: state.sort === "-written" ? "" : state.sort, by: state.by, key: state.key === "valid/accuracy" ? "" : state.key, runs: [...state.picked].join() });
  if ("sort" in words || "by" in words) head();
  if (!("picked" in words)) show();
  if ("by" in words || "key" in words || "picked" in words) overlay();
}

// Curves of the runs that are ticked

const chart = { box: el("section", { "aria-label": "curves of the ticked runs" }), figure: null, asked: 0 };

function pick(names, on) {
  for (const name of names) on ? state.picked.add(name) : state.picked.delete(name);
  rows();
  change({ picked: state.picked });
}

// What tells the ticked runs apart, in words
function label(name, differing) {
  const row = state.rows.get(name);
  return differing.length && row ? differing.map((field) => `${field} ${setting(row[field])}`).join(", ") : name;
}

async function overlay() {
  const mine = ++chart.asked;
  if (!state.picked.size) return fill(chart.box);
  const told = await post("/curves", { runs: [...state.picked], key: state.key, by: state.by });
  if (mine !== chart.asked) return;
  const picked = [...state.picked].map((name) => state.rows.get(name)).filter(Boolean);
  const differing = state.fields.filter((field) => new Set(picked.map((row) => JSON.stringify(row[field]))).size > 1);
  const lines = told.lines.map((line) => ({
    name: state.by ? `${line.name} (n = ${line.n})` : label(line.name, differing),
    href: state.by ? null : `/runs/${encodeURIComponent(line.name)}`,
    points: line.points,
    faint: state.by ? line.runs.map((run) => run.points) : [],
    runs: line.runs.map((run) => run.name),
  }));
  const caption = [
    state.by ? `Mean and its 95 % interval (Student's t) over the runs of each ${state.by}, as far as all of them came; faint: single runs.` : "At the ends of epochs.",
    told.mixed.length ? `Runs of one line differ in more than the seed: ${told.mixed.join(", ")}.` : "",
    told.left_out ? `${told.left_out} more are ticked: ${MOST} at most are drawn.` : "",
  ].join(" ");
  const about = { title: `${told.key} by epoch`, caption, key: told.key, lines, file: `runs-${told.key}` };
  if (chart.figure) chart.figure.draw(about);
  else chart.figure = curves(about);
  const keys = el("select", { id: "key", onchange: (event) => change({ key: event.target.value }) },
    [...new Set([...told.keys, state.key])].map((key) => el("option", { value: key, selected: key === state.key }, key)));
  const none = el("button", { onclick: () => { state.picked.clear(); rows(); change({ picked: state.picked }); } }, "Untick all");
  fill(chart.box, el("div", { class: "tools" }, el("label", {}, "score", keys), none), chart.figure.node);
}

page(async (main) => {
  titled("Runs");
  const list = await get("/runs");
  take(list);
  const filter = el("input", { type: "search", id: "q", placeholder: "adam lr>0.01 ended=finished valid>95%", value: state.q,
    oninput: (event) => change({ q: event.target.value }) });
  const all = el("button", { onclick: () => pick(state.shown.filter((row) => row.name).slice(0, MOST).map((row) => row.name), true) }, `Tick the first ${MOST}`);
  const box = el("div");
  fill(main, el("h1", {}, "Runs"), box, chart.box,
    el("div", { class: "tools" }, el("label", { class: "grow" }, "filter", filter), el("label", {}, "group by", view.by), all), view.status, view.scroll);
  head();
  show();
  overlay();
  addEventListener("resize", rows);
  fill(box, studies((await get("/studies")).studies));
  let due = null, last = 0;
  follow(() => `/changes?after=${state.version}`, async (news) => {
    if (take(news)) take(await get("/runs")); // other columns: all rows again
    const touched = news.rows.some(([name]) => state.picked.has(name));
    due ??= setTimeout(() => {
      due = null;
      last = performance.now();
      head();
      show();
      if (touched) overlay();
    }, Math.max(0, last + OFTEN - performance.now()));
  });
});
