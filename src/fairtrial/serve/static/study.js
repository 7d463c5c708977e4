// A study: what came out, or has so far; arms, seeds, verdicts, as `compare` reports them.

import { ask, follow, get, keep, word } from "./api.js";
import { el, fill, section } from "./dom.js";
import { dots } from "./dots.js";
import { curves } from "./lines.js";
import { page, titled } from "./page.js";
import { table } from "./table.js";

const OVER = ["finished", "early-stopped", "diverged"];
const LEAST = 1000; // milliseconds between two judgements of a study that is under way

function progress(runs) {
  const arms = [...new Set(runs.map((run) => run.arm))], over = runs.filter((run) => OVER.includes(run.ended)).length;
  const cell = (run) => {
    const working = run.epochs !== null && run.planned && !OVER.includes(run.ended);
    const said = `seed ${run.seed}: ${run.ended === "unfinished" ? "training" : run.ended}${working ? `, ${run.epochs} of ${run.planned} epochs` : ""}`;
    const mark = el("span", { class: `seed ${run.ended}`, title: said, "aria-label": said, role: "img" });
    if (working) mark.style.setProperty("--share", `${(100 * run.epochs) / run.planned}%`);
    return run.run ? el("a", { href: `/runs/${word(run.run)}`, "aria-label": said }, mark) : mark;
  };
  return el("section", { "aria-label": "runs of the study" },
    el("p", { role: "status" }, el("span", { class: "live-dot state training", "aria-hidden": "true" }), `${over} of ${runs.length} runs are over.`),
    el("ul", { class: "arms" }, arms.map((arm) => {
      const own = runs.filter((run) => run.arm === arm), done = own.filter((run) => OVER.includes(run.ended)).length;
      return el("li", {}, el("span", { class: "arm" }, arm), el("span", { class: "note" }, `${done}/${own.length}`), el("span", { class: "seeds" }, own.map(cell)));
    })));
}

function charts(study) {
  const made = [];
  if (study.curves.length)
    made.push(curves({ title: `${study.key} by epoch`, caption: study.caption, key: study.key, file: `${study.name}-curves`, bands: study.bands,
      lines: study.curves.map((line) => ({ name: line.name, points: line.points, faint: line.runs.map((run) => run.points), runs: line.runs.map((run) => run.name) })) }).node);
  if (study.dots.length) made.push(dots({ title: `${study.metric} of each seed`, caption: study.dots_caption, key: study.metric, file: `${study.name}-scores`, lines: study.dots }).node);
  return el("div", { class: "row" }, made);
}

function outcome(study) {
  const waiting = study.done ? null : el("p", { class: "note" }, study.until_settled
    ? "So far. These verdicts hold at any time: a pair that is decided stays decided."
    : "So far. Verdicts may change until all runs are over: only the last ones count.");
  return [
    el("p", { class: "summary" }, study.summary), waiting,
    study.alarms.map((alarm) => el("p", { class: "alarm" }, alarm)),
    charts(study),
    section("Results", study.tables.map(table)),
  ];
}

const kept = (study) => el("p", { class: "note" }, "The report that compare wrote: ",
  study.files.flatMap((file) => [el("button", { class: "plain", onclick: async () =>
    keep(file === "report.html" ? `${study.name}.html` : `${study.name}-${file}`, await (await ask(`/studies/${word(study.name)}/files/${file}`)).blob()) }, file), " "]));

// Names of faults lead to their pages
const linked = (findings) => (cell, place) =>
  findings.columns[place].name === "fault" ? el("a", { href: `/faults/${word(cell)}` }, cell) : cell;

page(async (main, name) => {
  titled(name);
  const path = `/studies/${word(name)}`;
  const now = el("div"), out = el("div"), about = el("div");
  let study = await get(path);
  const show = () => {
    fill(now, study.progress ? progress(study.progress) : null);
    if (study.tunes) now.append(el("p", {}, "This study first finds each arm its own values; its runs are shown when they are known."));
    fill(out, study.summary === undefined ? el("p", {}, "No run of it is over yet.") : outcome(study));
    fill(about, study.about?.map((each) => el("details", {}, el("summary", {}, each.caption), table(each))), study.files.length ? kept(study) : null);
  };
  const doctor = section("Findings");
  fill(main, el("h1", {}, study.study), el("p", { class: "note" }, `${name}, by ${study.metric}`), now, out, doctor, section("What was compared", about));
  show();
  const found = async () => {
    const told = await get(`${path}/findings`);
    fill(doctor, doctor.firstChild, told.table?.rows.length ? table({ ...told.table, rows: told.table.rows.map((row) => row.map(linked(told.table))) }) : el("p", {}, "The doctor found no fault so far."));
  };
  found();
  if (study.done) return;
  let judged = 0;
  follow(() => `${path}/changes`, async (news) => {
    if (news.done) return location.reload();
    const count = (runs) => runs.filter((run) => OVER.includes(run.ended)).length;
    const before = count(study.progress);
    study.progress = news.progress;
    fill(now, progress(news.progress));
    if (count(news.progress) === before || Date.now() - judged < LEAST) return;
    judged = Date.now();
    study = await get(path);
    show();
    found();
  });
});
