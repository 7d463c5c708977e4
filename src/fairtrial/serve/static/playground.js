// The playground: a setting, or two beside each other, trained at once; the whole of it stands in the address.

import { Failed, follow, get, post, word } from "./api.js";
import { duration, el, fill, number, percent, section } from "./dom.js";
import { grow } from "./growth.js";
import { code, layers } from "./made.js";
import { curves } from "./lines.js";
import { asked, page, remember, titled } from "./page.js";
import { simple } from "./table.js";

const OVER = ["finished", "early-stopped", "diverged"];
const BUSY = ["waiting", "working", "stopping"];
const PAUSE = 200; // milliseconds without a key after which what was typed is checked
const OWN = "own line of text …";
const ABOUT = { // a field in few words, where the recipe's own are many
  data: "data", images: "images (0: all)", model: "model", activation: "activation", init: "start (init)", dropout: "dropout", optimizer: "optimizer", lr: "learning rate (lr)",
  batch: "batch", epochs: "epochs", loss: "loss", weight_decay: "weight decay", l2: "l2 penalty", l1: "l1 penalty", seed: "seed",
};

let form; // what can be chosen: {fields, seeds, cores}
let jobs = new Map(); // what the page started, by name

// A setting: its words by field, what the server says of them, its run and how that gets on

class Side {
  constructor(letter) {
    this.letter = letter;
    this.told = null; // {run, net, command, python, recipe}
    this.wrong = "";
    this.run = null;
    this.state = ""; // said aloud when it changes
    this.inputs = new Map();
    this.node = this.build();
    this.words(asked());
  }

  // The address has a's fields by their names, those of b behind `b.`
  key(field) {
    return this.letter === "B" && field !== "seed" ? `b.${field}` : field;
  }

  words(address) {
    for (const field of form.fields) this.inputs.get(field.name)?.put(address.get(this.key(field.name)) ?? field.default);
    return this;
  }

  // What is not as by default
  get fields() {
    const own = form.fields.map(({ name, default: usual }) => [name, this.value(name), usual]);
    return Object.fromEntries(own.filter(([, value, usual]) => value !== usual).map(([name, value]) => [name, value]));
  }

  value(field) {
    return field === "seed" ? seed.value : this.inputs.get(field).get();
  }

  build() {
    const group = (heading, names) => el("fieldset", {}, el("legend", {}, heading),
      el("div", { class: "fields" }, names.map((name) => this.input(form.fields.find((field) => field.name === name)))));
    this.error = el("p", { class: "alarm", role: "alert", hidden: true });
    this.main = el("button", { type: "submit", class: "main" });
    this.stop = el("button", { type: "button", onclick: () => act("stop", { name: this.told.run }, this) });
    this.status = el("p", { role: "status" });
    this.count = el("p", { class: "note" });
    this.net = el("details", {}, el("summary", {}, "Layers and shapes"));
    this.same = el("details", {}, el("summary", {}, "The same on the command line and in Python"));
    this.heading = el("h2", {});
    return el("form", { class: "setting", onsubmit: (event) => { event.preventDefault(); act("train", { fields: this.fields }, this); } },
      this.heading,
      group("Data and net", ["data", "images", "model", "activation", "init", "dropout"]),
      group("Training", ["optimizer", "lr", "batch", "epochs", "loss"]),
      group("Penalties", ["weight_decay", "l2", "l1"]),
      this.error, el("div", { class: "tools" }, this.main, this.stop), this.status, this.count, this.net, this.same);
  }

  input(field) {
    const id = `${this.letter}-${field.name}`;
    const made = field.name === "model" ? model(id, field, () => this.typed(), () => (this.net.open = true)) : field.choices ? choice(id, field, () => this.typed()) : slider(id, field, () => this.typed());
    this.inputs.set(field.name, made);
    return made.node;
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), PAUSE);
    remember(Object.fromEntries(form.fields.filter(({ name }) => this.inputs.has(name)).map(({ name, default: usual }) => [this.key(name), this.value(name) === usual ? "" : this.value(name)])));
    differences();
  }

  async check() {
    const mine = (this.asking = {});
    let told = null, wrong = "";
    try {
      told = await post("/playground/check", { fields: this.fields });
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      wrong = error.message;
    }
    if (mine !== this.asking) return;
    const other = told?.run !== this.told?.run;
    Object.assign(this, { told, wrong });
    for (const [name, input] of this.inputs) {
      const blamed = Boolean(wrong) && (name === "model" ? /^(model\b|unknown (model|layer))/ : new RegExp(`^(unknown )?${name}\\b`)).test(wrong);
      input.node.classList.toggle("wrong", blamed);
      input.node.querySelector("input, select, textarea").setAttribute("aria-invalid", blamed);
    }
    this.error.hidden = !wrong;
    this.error.textContent = wrong;
    fill(this.net, this.net.firstChild, told ? [el("p", {}, el("code", {}, told.net.text)), ...layers(told.net)] : []);
    this.net.firstChild.textContent = told ? `Layers and shapes: ${told.net.parameters.toLocaleString("en")} parameters` : "Layers and shapes";
    fill(this.same, this.same.firstChild, told ? [copied("on the command line", told.command), copied("in Python", told.python)] : []);
    if (other) this.leave();
    if (told?.begun && !this.run) await this.load();
    this.show();
    between();
  }

  // The run of the setting as it is now, and what comes

  leave() {
    this.ended?.();
    this.ended = this.run = null;
    draw();
  }

  async load() {
    const name = this.told.run, run = await get(`/runs/${word(name)}`);
    if (this.told?.run !== name || run.damaged !== undefined) return;
    this.ended?.();
    this.ended = null;
    this.run = run;
    if (!OVER.includes(run.ended)) this.ended = follow(() => `/runs/${word(name)}/changes?after=${this.run.size}`, (news) => {
      if (news.again || news.ended) return this.load();
      grow(this.run, news);
      this.show();
      draw();
    });
    this.show();
    draw();
    between();
  }

  get job() {
    return this.told && jobs.get(this.told.run);
  }

  show() {
    const job = this.job, run = this.run, over = run && OVER.includes(run.ended), busy = BUSY.includes(job?.state) && !over;
    const begun = run && run.epochs > 0 && !over;
    this.main.textContent = begun ? "Go on" : "Train";
    this.main.disabled = !this.told || busy || over;
    this.main.hidden = busy;
    this.stop.hidden = !busy;
    this.stop.disabled = job?.state === "stopping";
    this.stop.textContent = job?.state === "waiting" ? "Take out of the queue" : "Stop";
    const state = !this.told ? "" : over ? `${run.ending}: this setting gives this run again, to the bit`
      : job?.state === "waiting" ? `waits for one of ${form.cores} cores`
      : job?.state === "working" ? (run ? "training" : "starting …")
      : job?.state === "stopping" ? "saving …"
      : job?.state === "failed" ? `failed: ${job.said}`
      : begun ? "stopped and saved: it goes on to the same bits" : "not trained yet";
    if (state !== this.state) {
      this.state = state;
      fill(this.status, busy ? el("span", { class: "live-dot state training", "aria-hidden": "true" }) : null, state);
    }
    fill(this.count, run ? [`${run.epochs} of ${run.planned} epochs`, run.images_per_second ? `, ${Math.round(run.images_per_second).toLocaleString("en")} images/s` : "", ". ", el("a", { href: `/runs/${word(run.name)}` }, "All of this run")] : null);
  }
}

// Inputs: {node, get, put}

const labelled = (id, field, ...inputs) => el("div", { class: "field", title: field.about }, el("label", { for: id }, ABOUT[field.name], el("span", { class: "apart", hidden: true }, " differs")), ...inputs);

function choice(id, field, changed) {
  const offered = (each) => el("option", { value: each.name, disabled: each.here === false, title: each.about }, each.here === false ? `${each.name} (not on this machine)` : each.name);
  const select = el("select", { id, onchange: changed }, field.choices.map(offered));
  return { node: labelled(id, field, select), get: () => select.value, put: (value) => {
    if (![...select.options].some((option) => option.value === value)) select.append(el("option", { value }, value)); // the server says what is wrong with it
    select.value = value;
  } };
}

function slider(id, field, changed) {
  const text = el("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", placeholder: field.default === "" ? "by optimizer" : "", oninput: () => { place(); changed(); } });
  const steps = field.default === "" ? ["", ...field.numbers] : field.numbers;
  const range = el("input", { type: "range", min: 0, max: steps.length - 1, step: 1, "aria-label": `${ABOUT[field.name]}, in steps`, oninput: () => {
    text.value = steps[range.value];
    spoken();
    changed();
  } });
  const near = (a) => (a === "" ? -1 : Number(a));
  const spoken = () => range.setAttribute("aria-valuetext", text.value || "the optimizer's own");
  const place = () => {
    const wanted = near(text.value), far = steps.map((step) => Math.abs(near(step) - wanted));
    range.value = far.indexOf(Math.min(...far));
    spoken();
  };
  return { node: labelled(id, field, text, range), get: () => text.value.trim(), put: (value) => { text.value = value; place(); } };
}

// A net of the catalogue, or a line of text, which begins with that of the net chosen before
function model(id, field, changed, own) {
  const lines = new Map(field.choices.map((each) => [each.name, each.line]));
  const text = el("textarea", { id: `${id}-text`, rows: 3, spellcheck: "false", "aria-label": "the model as one line of text", oninput: changed });
  let before = field.default;
  const select = el("select", { id, onchange: () => {
    if (select.value === OWN) text.value = lines.get(before);
    else before = select.value;
    text.hidden = select.value !== OWN;
    if (select.value === OWN) own();
    changed();
  } }, [...field.choices.map((each) => el("option", { value: each.name, title: each.about }, each.name)), el("option", { value: OWN }, OWN)]);
  const node = labelled(id, field, select, text);
  node.classList.add("model");
  return { node, get: () => (select.value === OWN ? text.value.trim() : select.value), put: (value) => {
    const known = lines.has(value);
    select.value = known ? value : OWN;
    if (known) before = value;
    else text.value = value;
    text.hidden = known;
  } };
}

function copied(said, text) {
  const button = el("button", { type: "button", class: "plain", "aria-label": `copy ${said}`, onclick: async () => {
    const code = button.parentNode.querySelector("code");
    getSelection().selectAllChildren(code);
    await navigator.clipboard?.writeText(text); // only there on this machine's own address
    button.textContent = navigator.clipboard ? "Copied" : "Marked: Ctrl+C";
  } }, "Copy");
  return el("div", { class: "copied" }, code(said, text), button);
}

// Both settings

const sides = [];
const seed = el("input", { id: "seed", type: "text", inputmode: "numeric", autocomplete: "off", oninput: () => {
  remember({ seed: seed.value === "0" ? "" : seed.value });
  clearTimeout(seed.timer);
  seed.timer = setTimeout(() => sides.forEach((side) => side.check()), PAUSE);
} });
const settings = el("div", { class: "settings" }), beside = el("div", { class: "tools" });
const shown = { accuracy: null, loss: null }, outcome = el("section", { "aria-label": "curves" }), scores = el("div"), real = el("section");

async function act(what, body, side) {
  try {
    await post(`/playground/${what}`, body);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    side.error.hidden = false;
    side.error.textContent = error.message;
  }
}

const apart = () => (sides.length < 2 ? [] : form.fields.filter(({ name }) => name !== "seed" && sides[0].value(name) !== sides[1].value(name)).map(({ name }) => name));

function differences() {
  const differing = apart();
  for (const side of sides) {
    side.heading.textContent = sides.length < 2 ? "Setting" : `Setting ${side.letter}`;
    for (const [name, input] of side.inputs) {
      input.node.classList.toggle("differs", differing.includes(name));
      input.node.querySelector(".apart").hidden = !differing.includes(name);
    }
  }
}

// What tells a side apart, in words
function called(side) {
  const differing = apart().filter((name) => name !== "model" || !side.value(name).includes(","));
  const words = differing.slice(0, 2).map((name) => `${name} ${side.value(name) || "by default"}`).join(", ");
  return sides.length < 2 ? "" : words ? `${side.letter} (${words})` : side.letter;
}

function second(begun) {
  if (begun) {
    sides.push(new Side("B"));
    settings.append(sides[1].node);
    sides[1].check();
  } else if (sides.length > 1) {
    const [gone] = sides.splice(1);
    gone.ended?.();
    gone.node.remove();
    remember(Object.fromEntries(form.fields.map(({ name }) => [`b.${name}`, ""])));
  }
  remember({ two: sides.length > 1 ? "yes" : "" });
  settings.parentNode.classList.toggle("two", sides.length > 1);
  fill(beside, sides.length > 1 ? el("button", { onclick: () => { second(false); draw(); between(); } }, "Take B away")
    : el("button", { onclick: () => {
      const first = sides[0];
      remember(Object.fromEntries(form.fields.filter(({ name }) => first.inputs.has(name)).map(({ name, default: usual }) => [`b.${name}`, first.value(name) === usual ? "" : first.value(name)])));
      second(true);
      sides[1].inputs.get("optimizer").node.querySelector("select").focus();
    } }, "Set a second one beside it"), el("label", {}, sides.length > 1 ? "seed of both" : "seed", seed));
  differences();
}

function lines(measure) {
  return sides.flatMap((side, place) => {
    if (!side.run) return [];
    const name = called(side), of = (part) => side.run.curves[measure].find((curve) => curve.part === part)?.points ?? [];
    const line = (part, loose) => ({ name: name ? `${name}: ${part}` : part, colour: place, loose, free: part === "running", points: of(part) });
    return [line("valid", false), line(of("train").length ? "train" : "running", true)].filter((each) => each.points.length);
  });
}

function draw() {
  const trained = sides.filter((side) => side.run);
  if (!trained.length) {
    shown.accuracy = shown.loss = null;
    fill(scores);
    return fill(outcome, el("p", { class: "note" }, "Press Train: the curves grow here."));
  }
  if (!shown.accuracy) {
    for (const measure of ["accuracy", "loss"]) shown[measure] = curves({ title: measure, key: measure, file: `playground-${measure}`, lines: lines(measure), bands: false });
    fill(outcome, el("div", { class: "row" }, shown.accuracy.node, shown.loss.node),
      el("p", { class: "note" }, "Thick: validation part. Thin: training part. Both in eval mode, at the ends of epochs."));
  }
  for (const measure of ["accuracy", "loss"]) shown[measure].draw({ lines: lines(measure) });
  const cell = (get) => trained.map((side) => get(side.run));
  const rows = [
    ["validation accuracy", ...cell((run) => percent(run.scores["valid/accuracy"]))], ["training accuracy", ...cell((run) => percent(run.scores["train/accuracy"]))],
    ["test accuracy", ...cell((run) => percent(run.scores["test/accuracy"]))], ["validation loss", ...cell((run) => number(run.scores["valid/loss"]))],
    ["best epoch", ...cell((run) => String(run.best_epoch || "–"))], ["parameters", ...cell((run) => (run.net ? run.net.parameters.toLocaleString("en") : "–"))],
    ["time", ...cell((run) => (OVER.includes(run.ended) ? duration(run.seconds) : "–"))],
  ];
  fill(scores, simple("Scores of the best epoch's weights", [["what"], ...trained.map((side) => [side.heading.textContent, true])], rows));
}

// Is the difference real?

const asking = { seeds: "5", mine: null };

async function between() {
  const mine = (asking.mine = {});
  if (sides.length < 2 || !apart().length || !sides.every((side) => side.told)) return fill(real, sides.length > 1 && !apart().length ? el("p", { class: "note" }, "Change something in B: what differs is marked.") : null);
  const body = () => ({ a: sides[0].fields, b: sides[1].fields, seeds: asking.seeds });
  let told;
  try {
    told = await post("/playground/compared", body());
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    if (mine === asking.mine) fill(real, el("h2", {}, "Is the difference real?"), el("p", { role: "alert" }, error.message));
    return;
  }
  if (mine !== asking.mine) return;
  const job = jobs.get(`studies/${told.study}`), runs = told.arms.length * told.seeds;
  const times = sides.map((side) => side.run).filter((run) => run && OVER.includes(run.ended)).map((run) => run.seconds);
  const needed = times.length ? `, about ${duration((runs * times.reduce((a, b) => a + b)) / times.length / form.cores)} on ${form.cores} cores and the time to start` : "";
  const seeds = el("select", { id: "seeds", onchange: () => { asking.seeds = seeds.value; between(); } }, form.seeds.map((each) => el("option", { value: each, selected: each === asking.seeds }, each)));
  const begin = el("button", { class: "main", disabled: BUSY.includes(job?.state), onclick: async () => {
    begin.disabled = true;
    try {
      const made = await post("/playground/compare", body());
      if (made.done) location.assign(`/studies/${word(made.study)}`);
      asking.awaited = `studies/${made.study}`;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      fill(said, error.message);
    }
  } }, told.done ? "See the study" : "Compare");
  const said = el("p", { role: "status" }, !job ? null : job.state === "failed" ? `failed: ${job.said}` : job.state === "waiting" ? "The study waits for the cores." : BUSY.includes(job.state) ? "The study starts …" : null);
  const link = told.done || job?.begun ? el("a", { href: `/studies/${word(told.study)}` }, "The study's page") : null;
  const [a, b] = sides.map((side) => side.run?.scores["test/accuracy"] ?? NaN);
  const seen = Number.isNaN(b - a) ? "" : `On the test part B is ${Math.abs(100 * (b - a)).toFixed(2)} points ${b >= a ? "above" : "below"} A, with one seed each: another seed may turn that round. `;
  fill(real, el("h2", {}, "Is the difference real?"),
    el("p", {}, seen, `A study makes ${told.arms.length} arms × ${told.until_settled ? `up to ${told.seeds}` : told.seeds} seeds = ${told.until_settled ? "at most " : ""}${runs} runs${needed}, and judges them.`),
    told.arms.length > 2 ? el("p", { class: "note" }, `${apart().length} fields differ: every combination is an arm, so that one sees which field it is.`) : null,
    el("div", { class: "tools" }, el("label", {}, "seeds", seeds), begin, link), said,
    el("details", {}, el("summary", {}, "The same on the command line"), copied("on the command line ", told.command)));
}

page(async (main) => {
  titled("Playground");
  form = await get("/playground");
  seed.value = asked().get("seed") ?? "0";
  sides.push(new Side("A"));
  fill(settings, sides[0].node);
  fill(main, el("h1", {}, "Playground"), beside, el("div", { class: "trial" }, settings, el("div", {}, outcome, el("div", { class: "row" }, scores, real))));
  second(asked().get("two") === "yes");
  draw();
  await sides[0].check();
  follow(() => "/playground/changes", (news) => {
    jobs = new Map(news.jobs.map((job) => [job.name, job]));
    for (const side of sides) {
      if (side.job?.begun && !side.run) side.load();
      side.show();
    }
    if (asking.awaited && jobs.get(asking.awaited)?.begun) location.assign(`/studies/${word(asking.awaited.slice("studies/".length))}`);
    between();
  });
});
