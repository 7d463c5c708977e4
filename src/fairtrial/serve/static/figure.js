// A figure: its picture, legend, the numbers as a table, and all of it kept as SVG, PNG and CSV.

import { keep } from "./api.js";
import { el, fill, svg } from "./dom.js";

const COLOURS = 7;

// `kind` draws: drawn(chart, width) -> svg, table(chart) -> element, rows(chart) -> rows of the CSV; `seen`: of
// the chart, the {lines, caption} to tell; `named`: the
// picture itself names its lines.
// `about` is the chart: {title, caption, file, lines: [{name, colour, href}], ...what the kind takes}.
// -> {node, draw(change)}
export function figure(kind, about) {
  const picture = el("div", { class: "picture" });
  const legend = el("ul", { class: "legend" });
  const numbers = el("details", { class: "numbers" }, el("summary", {}, "The numbers"));
  const caption = el("span", {}), title = el("strong", {});
  let chart = about;
  const tool = (said, kept) =>
    el("button", { class: "plain", "aria-label": `keep ${about.title} as ${said}`, onclick: () => kept(kind, chart, picture.firstChild) }, said);
  const keepCsv = () => keep(file(chart, "csv"), csv(kind.rows(chart)), "text/csv");
  const node = el(
    "figure", { class: "chart" }, el("figcaption", {}, title, caption), picture, kind.named ? null : legend,
    el("div", { class: "keep" }, tool("SVG", keepSvg), tool("PNG", keepPng), tool("CSV", keepCsv), numbers),
  );
  const paint = () => {
    if (picture.clientWidth) fill(picture, kind.drawn(chart, picture.clientWidth));
  };
  const told = () => numbers.open && fill(numbers, numbers.firstChild, kind.table(chart));
  numbers.addEventListener("toggle", told);
  new ResizeObserver(paint).observe(picture);
  const draw = (change) => {
    chart = { ...chart, ...change };
    chart.lines = chart.lines.map((line, place) => ({ colour: place, ...line }));
    title.textContent = chart.title;
    const seen = kind.seen?.(chart) ?? chart;
    caption.textContent = seen.caption ?? "";
    fill(legend, seen.lines.map(entry));
    told();
    paint();
  };
  draw({});
  return { node, draw };
}

// Colour and dashes of a line: neighbours differ in both
export const look = (line) => `s${line.colour % (COLOURS + 1)} d${line.colour % 3}`;

function entry(line) {
  const sign = svg("svg", { width: 26, height: 10, "aria-hidden": "true" }, svg("path", { d: "M0 5H26", class: `${line.loose ? "loose" : "line"} ${look(line)}` }));
  return el("li", {}, sign, line.href ? el("a", { href: line.href }, line.name) : line.name);
}

// Scales

// A range that shows these values with a little air; a share's hardly goes beyond 0 and 1
export function range(values, key) {
  if (!values.length) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  const air = 0.06 * (high - low) || 0.02 * Math.abs(high) || 0.05;
  const top = key.endsWith("accuracy") ? Math.min(1 + 0.3 * air, high + air) : high + air;
  return [Math.max(low >= 0 ? -0.3 * air : low - air, low - air), top];
}

// Round numbers in a range
export function ticks(low, high, most, whole) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough);
  if (whole) step = Math.max(1, Math.round(step));
  const made = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) made.push(Number((k * step).toPrecision(12)));
  return made;
}

export const tick = (key, value) => (key.endsWith("accuracy") ? `${Number((100 * value).toPrecision(4))} %` : String(Number(value.toPrecision(4))));

// What is kept

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "font-family", "font-size", "font-weight"];

// The picture in the colours of the light page, with title and legend, and every style in its elements
function whole(kind, chart, picture) {
  const width = Number(picture.getAttribute("width"));
  const perRow = Math.max(1, Math.floor(width / 220));
  const top = 34, tall = Number(picture.getAttribute("height")), legend = kind.named ? [] : (kind.seen?.(chart) ?? chart).lines, below = 22 * Math.ceil(legend.length / perRow) + 8, height = top + tall + below;
  const copy = picture.cloneNode(true);
  copy.setAttribute("y", top);
  const made = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
    svg("rect", { width, height, class: "paper" }),
    svg("text", { x: 12, y: 22, class: "title" }, chart.title), copy,
    legend.map((line, place) => {
      const left = 12 + (place % perRow) * 220, middle = top + tall + 14 + 22 * Math.floor(place / perRow);
      return [svg("path", { d: `M${left} ${middle}h26`, class: `${line.loose ? "loose" : "line"} ${look(line)}` }), svg("text", { x: left + 32, y: middle + 4, class: "tick" }, line.name)];
    }).flat());
  const aside = el("div", { class: "chart light hidden" }, made);
  document.body.append(aside);
  for (const node of made.querySelectorAll("*")) {
    const style = getComputedStyle(node);
    for (const name of STYLES) node.setAttribute(name, style.getPropertyValue(name));
    node.removeAttribute("class");
  }
  aside.remove();
  return made;
}

const file = (chart, ending) => `${chart.file ?? chart.title}.${ending}`;
const text = (node) => new XMLSerializer().serializeToString(node);
const keepSvg = (kind, chart, picture) => keep(file(chart, "svg"), text(whole(kind, chart, picture)), "image/svg+xml");

async function keepPng(kind, chart, picture) {
  const made = whole(kind, chart, picture), image = new Image();
  const address = URL.createObjectURL(new Blob([text(made)], { type: "image/svg+xml" }));
  image.src = address;
  await image.decode();
  const canvas = el("canvas", { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  canvas.toBlob((blob) => keep(file(chart, "png"), blob));
}

// A cell that a spreadsheet would take for a formula is made text
export function csv(rows) {
  const cell = (value) => typeof value === "number" ? String(value)
    : `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
