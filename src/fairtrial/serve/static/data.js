// Data: what there is, and of one data set what is in it, what repeats, which labels are doubtful, what cannot be read.

import { get, word } from "./api.js";
import { el, fill, percent, section } from "./dom.js";
import { picture } from "./mistakes.js";
import { asked, page, remember, titled } from "./page.js";
import { simple } from "./table.js";

const counted = (n) => n.toLocaleString("en");
const several = (n, one, many) => `${counted(n)} ${n === 1 ? one : many}`;

async function list(main) {
  titled("Data");
  const { data } = await get("/data");
  const rows = data.map((each) => [
    each.missing ? each.name : el("a", { href: `/data/${word(each.name)}` }, each.name),
    each.kind, String(each.runs), each.missing || "ready",
  ]);
  fill(main, el("h1", {}, "Data"), el("p", {}, "Every data set here can be looked at: counts, samples, duplicates, doubtful labels, files that cannot be read."),
    simple("Data sets", [["name"], ["what"], ["runs", true], ["state"]], rows),
    el("p", { class: "note" }, "A folder of pictures, a folder for each class, becomes one when it lies in the data folder, or after ", el("code", {}, "fairtrial run cnn2 data=PATH"), "."));
}

// What speaks against the data, in sentences
function doubts(told) {
  const found = [
    ...told.faults,
    told.bad_count && `${several(told.bad_count, "file", "files")} cannot be read.`,
    told.test_in_train.count && `${several(told.test_in_train.count, "image", "images")} of the test part ${told.test_in_train.count === 1 ? "is" : "are"} in the training part as well: test scores are too good.`,
    told.contradictions.count && `${several(told.contradictions.count, "pair", "pairs")} of equal pictures with different labels.`,
    told.balance > 10 && `The largest class has ${told.balance.toFixed(1)} times the images of the smallest.`,
  ].filter(Boolean);
  return found.length ? found.map((text) => el("p", { class: "alarm" }, text)) : el("p", {}, "Nothing speaks against these data.");
}

function counts(told) {
  const parts = Object.keys(told.counts), classes = [...new Set(parts.flatMap((part) => Object.keys(told.counts[part])))];
  const of = (part, name) => told.counts[part][name] ?? 0, most = Math.max(1, ...classes.map((name) => of("train", name)));
  const total = (part) => classes.reduce((sum, name) => sum + of(part, name), 0);
  const bar = (count) => {
    const made = el("span", { class: "bar", "aria-hidden": "true" });
    made.style.width = `${(7 * count) / most}rem`;
    return made;
  };
  return simple("Images of each class", [["class"], ...parts.map((part) => [part, true]), ["as a bar"]],
    [...classes.map((name) => [name, ...parts.map((part) => counted(of(part, name))), bar(of("train", name))]), ["all", ...parts.map((part) => counted(total(part))), ""]]);
}

function about(told) {
  const [channels, height, width] = told.shape ?? [];
  const rows = [
    told.shape && ["images", `${width} × ${height}, ${channels === 1 ? "grey" : `${channels} channels`}`],
    told.balance && ["largest class to smallest", told.balance.toFixed(2)],
    told.fingerprint && ["fingerprint", el("code", {}, told.fingerprint.slice(0, 16))],
    ["on the command line", el("code", {}, `fairtrial data ${/^[\w.@%+=:,/-]+$/.test(told.word) ? told.word : `'${told.word.replaceAll("'", "'\\''")}'`}`)],
  ].filter(Boolean);
  return [simple("About", [["what"], ["value"]], rows), ...told.notes.map((note) => el("p", { class: "note" }, note))];
}

const samples = (told) => told.samples.length && section("Samples of each class",
  el("ul", { class: "plain samples" }, told.samples.map((each) => el("li", {},
    el("strong", {}, each.class), el("div", { role: "img", "aria-label": `${each.pictures.length} training images of class ${each.class}` },
      each.pictures.map((one) => Object.assign(picture(one.pixels, one.size, one.name), { title: one.name })))))));

const KINDS = [
  ["train_repeats", "Images that come twice in the training part"],
  ["test_in_train", "Images of the test part that are in the training part"],
  ["contradictions", "Equal pictures with different labels"],
];

function repeats(told) {
  const kind = ([name, said]) => {
    const { count, examples } = told[name];
    const one = (each) => el("li", {}, picture(each.pixels, each.size, `${each.name}, again as ${each.again}`),
      el("span", {}, [...new Set(each.classes)].join(" and ")), el("span", { class: "note" }, `${each.name} = ${each.again}`));
    return [el("h3", {}, `${said}: ${counted(count)}`), examples.length ? el("ul", { class: "pictures" }, examples.map(one)) : null,
      count > examples.length ? el("p", { class: "note" }, `The first ${examples.length} are shown; fairtrial data --json names them too.`) : null];
  };
  return section("Duplicates", el("p", { class: "note" }, "Pixel by pixel; a picture that was saved anew is not found."), KINDS.flatMap(kind));
}

const bad = (told) => told.bad_count > 0 && section("Files that cannot be read",
  simple(`${several(told.bad_count, "file", "files")}${told.bad.length < told.bad_count ? `, the first ${told.bad.length}` : ""}`, [["file"], ["why"]], told.bad.map((each) => [each.path, each.reason])));

// Held-out images that a run is surest are something else: the places where wrong labels are found
function suspects(told) {
  if (!told.runs.length) return section("Suspicious labels", el("p", {}, "A finished run of these data can say which labels it doubts: ", el("code", {}, `fairtrial run cnn2 data=${told.word}`), "."));
  const wanted = asked().get("by") ?? told.runs[0].name, body = el("div");
  const which = el("select", { onchange: () => (remember({ by: which.value }), look()) },
    told.runs.map((run) => el("option", { value: run.name, selected: run.name === wanted }, `${run.name} (${percent(run.valid)})`)));
  async function look() {
    fill(body, el("p", { class: "note", role: "status" }, "looking … the net reads the images"));
    try {
      const said = await get(`/runs/${word(which.value)}/mistakes`), classes = said.classes;
      const one = (each) => el("li", {}, picture(each.pixels, said.size, `${each.name}, labelled ${classes[each.truth]}`),
        el("span", {}, "labelled ", el("strong", {}, classes[each.truth])), el("span", {}, `seen as ${classes[each.said]}, ${percent(each.sure)}`), el("span", { class: "note" }, each.name));
      fill(body, el("p", {}, `${counted(said.wrong)} of ${counted(said.images)} images of the ${said.part} part are named otherwise than they are labelled; those where the run is surest:`),
        said.worst.length ? el("ul", { class: "pictures" }, said.worst.map(one)) : null);
    } catch (error) {
      fill(body, el("p", { role: "alert" }, error.message));
    }
  }
  const node = section("Suspicious labels", el("p", { class: "note" }, "Most of these are the run's own mistakes: look before you change a label."), el("div", { class: "tools" }, el("label", {}, "by the run", which)), body);
  new IntersectionObserver((seen, watch) => {
    if (!seen.some((each) => each.isIntersecting)) return;
    watch.disconnect();
    look();
  }).observe(node);
  return node;
}

page(async (main, name) => {
  if (!name) return list(main);
  titled(name);
  fill(main, el("h1", {}, name), el("p", { role: "status" }, "looking … the first time every file is read, which may take a minute"));
  const told = await get(`/data/${word(name)}`);
  titled(told.name);
  fill(main, el("h1", {}, told.name), doubts(told),
    el("div", { class: "row" }, el("div", {}, counts(told)), el("div", {}, about(told))),
    bad(told), samples(told), told.shape && repeats(told), told.shape && suspects(told));
});
