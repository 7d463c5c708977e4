// What a run gets wrong: worked out when it is asked for, because the net has to be run.

import { get, keep, word } from "./api.js";
import { el, fill, percent } from "./dom.js";
import { csv } from "./figure.js";
import { simple } from "./table.js";

const SIDE = 96; // pixels of a picture, at least

// A picture from its bytes, (height, width, channels)
export function picture(pixels, [height, width, channels], said) {
  const data = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  const canvas = el("canvas", { width, height, role: "img", "aria-label": said });
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++)
    for (let part = 0; part < 4; part++)
      image.data[4 * place + part] = part === 3 ? 255 : data[channels * place + (channels === 1 ? 0 : part)];
  canvas.getContext("2d").putImageData(image, 0, 0);
  const scale = Math.max(1, Math.round(SIDE / Math.max(width, height)));
  canvas.style.width = `${scale * width}px`;
  return canvas;
}

function matrix(told) {
  const most = told.matrix.flatMap((row, truth) => row.filter((_, said) => said !== truth)).reduce((a, b) => Math.max(a, b), 1);
  const cell = (count, truth, said) => {
    const made = el("td", { class: truth === said ? "number right" : "number" }, count || truth === said ? String(count) : "·");
    if (truth !== said && count) made.style.background = `color-mix(in srgb, var(--c1) ${Math.round(12 + (38 * count) / most)}%, var(--paper))`;
    return made;
  };
  return el("div", { class: "wide confusion", tabindex: 0, role: "region", "aria-label": "confusion matrix" },
    el("table", {}, el("caption", {}, "Rows: what it is. Columns: what the net says."),
      el("thead", {}, el("tr", {}, el("td"), told.classes.map((name) => el("th", { scope: "col", class: "number" }, name)))),
      el("tbody", {}, told.matrix.map((row, truth) => el("tr", {}, el("th", { scope: "row" }, told.classes[truth]), row.map((count, said) => cell(count, truth, said)))))));
}

function shown(told, name) {
  const classes = told.classes;
  const all = `${told.wrong.toLocaleString("en")} of ${told.images.toLocaleString("en")} images of the ${told.part} part are named wrongly (${percent(told.wrong / told.images)}).`;
  const rows = told.matrix ? [["truth", ...classes], ...told.matrix.map((row, truth) => [classes[truth], ...row])] : [["truth", "said", "images"], ...told.pairs.map(([a, b, n]) => [classes[a], classes[b], n])];
  const worst = told.worst.map((each) => el("li", {},
    picture(each.pixels, told.size, `a ${classes[each.truth]} taken for ${classes[each.said]}`),
    el("span", {}, el("strong", {}, classes[each.said]), ` ${percent(each.sure)}`), el("span", { class: "note" }, `is ${classes[each.truth]} (${percent(each.truth_share)})`)));
  return [
    el("p", {}, all),
    el("div", { class: "row" },
      el("div", {}, el("h3", {}, "Confusions"),
        told.matrix ? matrix(told) : simple("The most frequent", [["it is"], ["the net says"], ["images", true]], told.pairs.map(([a, b, n]) => [classes[a], classes[b], String(n)])),
        el("button", { class: "plain", onclick: () => keep(`${name}-confusions.csv`, csv(rows), "text/csv") }, "CSV")),
      el("div", {}, el("h3", {}, "The surest mistakes"), el("ul", { class: "pictures" }, worst))),
  ];
}

// Into a section with a heading, when it comes into view; `has` weights, or there is nothing to look at yet
export function mistakes(box, name, has) {
  const heading = box.firstChild;
  if (!has) return fill(box, heading, el("p", { class: "note" }, "After the first epoch there are weights to look at."));
  const look = async () => {
    fill(box, heading, el("p", { class: "note", role: "status" }, "the net looks at the images …"));
    try {
      fill(box, heading, shown(await get(`/runs/${word(name)}/mistakes`), name));
    } catch (error) {
      fill(box, heading, el("p", { role: "alert" }, error.message));
    }
  };
  new IntersectionObserver((seen, watch) => {
    if (seen.every((each) => !each.isIntersecting)) return;
    watch.disconnect();
    look();
  }).observe(box);
}
