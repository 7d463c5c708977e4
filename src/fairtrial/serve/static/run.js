// A run: its curves while it trains, settings, net, the doctor's findings, what it gets wrong, where the time went.

import { follow, get, word } from "./api.js";
import { duration, el, fill, number, percent, section, setting } from "./dom.js";
import { grow } from "./growth.js";
import { code, layers } from "./made.js";
import { curves } from "./lines.js";
import { mistakes } from "./mistakes.js";
import { page, titled } from "./page.js";
import { simple } from "./table.js";

const PARTS = ["train", "valid", "test", "running"];
const COLOUR = { train: 4, valid: 0, test: 2, running: 7 }; // as in the files that a run's charts are written to
const SELDOM = 30_000; // milliseconds between two looks of the doctor at a run that goes on
const OVER = ["finished", "early-stopped", "diverged"];

// Curves

function lines(run, measure) {
  const known = PARTS.map((part) => run.curves[measure].find((curve) => curve.part === part)).filter(Boolean);
  return known.map((curve) => ({ name: curve.part, colour: COLOUR[curve.part], loose: curve.part === "running", free: curve.part === "running", points: curve.points }));
}

function charts(run) {
  const made = ["accuracy", "loss"].map((measure) => [measure, curves({ title: measure, key: measure, file: `${run.name}-${measure}`, lines: lines(run, measure), bands: false })]);
  const draw = () => {
    for (const [measure, chart] of made)
      chart.draw({ lines: lines(run, measure), mark: run.best_epoch ? { x: run.best_epoch, name: `best epoch ${run.best_epoch}` } : null });
  };
  draw();
  return { node: el("div", { class: "row" }, made.map(([, chart]) => chart.node)), draw };
}

// What is known of it

function scores(run) {
  const parts = PARTS.filter((part) => `${part}/loss` in run.scores);
  if (!parts.length) return null;
  return simple("Scores of the best epoch's weights", [["part"], ["loss", true], ["accuracy", true], ["images", true]],
    parts.map((part) => [part, number(run.scores[`${part}/loss`]), percent(run.scores[`${part}/accuracy`]), String(run.images[part] ?? "–")]));
}

function settings(run) {
  const rows = (fields) => fields.map((field) => [field, setting(Array.isArray(run.recipe[field]) ? run.recipe[field].join(",") : run.recipe[field])]);
  const rest = Object.keys(run.recipe).filter((field) => !run.changed.includes(field));
  return section("Settings",
    el("div", { class: "row" },
      el("div", {}, simple("Set for this run", [["field"], ["value"]], rows(run.changed)),
        el("details", {}, el("summary", {}, `${rest.length} fields as they are by default`), simple("As by default", [["field"], ["value"]], rows(rest)))),
      el("div", {}, el("h3", {}, "To make it again"), code("on the command line", run.command), code("in Python", run.python))));
}

function net(run) {
  if (!run.net) return section("Net", el("p", {}, "A module of your own: its layers are not in the record."));
  return section("Net", el("p", {}, el("code", {}, run.net.text)), layers(run.net));
}

const LEVELS = { fail: "fail: at fault", warn: "warn: likely", info: "hint" };

function findings(told, over) {
  const one = (found) => el("li", { class: `finding ${found.level}` },
    el("strong", {}, el("a", { href: `/faults/${word(found.fault)}` }, found.fault)), ` (${LEVELS[found.level]}${found.where ? `, ${found.where}` : ""})`,
    el("p", {}, found.evidence), el("p", {}, found.why), el("p", {}, el("strong", {}, "Change: "), found.fix));
  const checked = `${told.checked.length} faults were looked for${over ? "" : " so far"}, ${told.not_observable.length} cannot be seen in a record.`;
  return [told.findings.length ? el("ul", { class: "plain" }, told.findings.map(one)) : el("p", {}, `The doctor found nothing${over ? "" : " so far"}.`), el("p", { class: "note" }, checked)];
}

function profile(run) {
  if (!run.profile) return null;
  const entries = Object.entries(run.profile.seconds), total = entries.reduce((sum, [, value]) => sum + value, 0);
  const bar = (value) => {
    const made = el("span", { class: "bar", "aria-hidden": "true" });
    made.style.width = `${(12 * value) / total}rem`;
    return made;
  };
  return section("Where the time went", simple(`${duration(total)} in one call`, [["part"], ["time", true], ["share", true], ["as a bar"]],
    entries.map(([part, value]) => [part, duration(value), percent(value / total), bar(value)])));
}

function made(run) {
  const entries = Object.entries(run.made).filter(([, value]) => typeof value !== "object");
  const versions = Object.entries(run.made.environment ?? {});
  return section("How it was made", el("details", {}, el("summary", {}, "machine, versions, hashes"),
    simple("As recorded", [["what"], ["value"]], [...entries, ...versions].map(([name, value]) => [name, String(value)]))));
}

const tried = (run) => ["finished", "early-stopped"].includes(run.ended) && run.best_epoch > 0 && run.net &&
  [" · ", el("a", { href: `/draw?runs=${word(run.name)}` }, "draw and try")];

page(async (main, name) => {
  titled(name);
  const run = await get(`/runs/${word(name)}`);
  if (run.damaged !== undefined) {
    fill(main, el("h1", {}, name), el("p", { class: "alarm", role: "alert" }, `This run is damaged: ${run.damaged}.`),
      el("p", {}, "What is whole of it lies in its folder; the same command with ", el("code", {}, "--from-scratch"), " makes it anew."));
    return;
  }
  const drawn = charts(run), top = el("div"), below = el("div");
  const now = el("p", { role: "status" });
  const says = (news) => fill(now, OVER.includes(run.ended) ? run.ending : [
    el("span", { class: "state training" }, el("span", { class: "live-dot", "aria-hidden": "true" }), news ? "training" : run.ended),
    ` ${run.epochs} of ${run.planned} epochs done${run.images_per_second ? `, ${Math.round(run.images_per_second).toLocaleString("en")} images/s` : ""}`]);
  const lost = run.unread && el("p", { class: "alarm", role: "alert" }, `${run.unread}.`);
  fill(main, el("h1", {}, run.title), el("p", { class: "note" }, run.name, tried(run)), now, lost, top, drawn.node, el("p", { class: "note" }, run.caption), below);
  says(null);
  const doctor = section("What the doctor says", el("p", { class: "note" }, "looking …")), wrong = section("What it gets wrong");
  fill(top, scores(run));
  fill(below, doctor, wrong, settings(run), net(run), profile(run), made(run));
  let asked = 0;
  const examine = async () => {
    asked = Date.now();
    const told = await get(`/runs/${word(name)}/findings`).catch((error) => error);
    fill(doctor, doctor.firstChild, told instanceof Error ? el("p", {}, told.message) : findings(told, OVER.includes(run.ended)));
  };
  examine();
  mistakes(wrong, name, run.best_epoch > 0);
  if (OVER.includes(run.ended)) return;
  follow(() => `/runs/${word(name)}/changes?after=${run.size}`, (news) => {
    if (news.again || news.ended) return location.reload();
    grow(run, news);
    drawn.draw();
    says(news);
    if (news.best_epoch) fill(top, scores(run));
    if (news.epochs && Date.now() - asked > SELDOM) examine();
  });
});
