// Lines over epochs, with the band of a mean and faint lines of what it is the mean of.

import { el, score, svg } from "./dom.js";
import { figure, look, range, tick, ticks } from "./figure.js";

const HEIGHT = 260;
const ROOM = { top: 14, right: 14, bottom: 34, left: 56 };
const FEW = 7; // lines up to which points are marked
const MARKED = 16; // points up to which they are
const SHORT = 5; // epochs up to which the frame holds the beginning too
const NAMED = 8; // lines up to which those that leave the frame are named

// curves({title, caption, file, key, lines, x, mark, bands}): a line is {name, points: [[x, y, low, high]],
// faint: [[[x, y]]], runs: names of these, loose: thin, free: it may leave the frame, colour: a number, href}; `key` says what y is
export const curves = (about) => figure({ drawn, seen, table, rows }, about);

// What comes early may leave the frame for the sake of the rest, unless that is little
function frame(chart) {
  const xs = everyPoint(chart).map(([x]) => x), last = xs.reduce((a, b) => Math.max(a, b), 1), first = xs.reduce((a, b) => Math.min(a, b), last);
  const tight = chart.lines.filter((line) => !line.free);
  const ys = (tight.some((line) => line.points.length > 1) ? tight : chart.lines).flatMap((line) => {
    const late = (points) => points.filter(([x]) => x > last / 10 || (last <= SHORT && !line.free));
    return [
      ...late(line.points).flatMap(([, y, low, high]) => (chart.bands === false ? [y] : [y, low, high])),
      ...(line.faint ?? []).flatMap((points) => late(points).map(([, y]) => y)),
    ];
  });
  const [low, high] = range(ys.filter(known), chart.key);
  return { start: first < last ? Math.min(first, last / 2) : 0, last, low, high };
}

const everyPoint = (chart) => chart.lines.flatMap((line) => [line.points, ...(line.faint ?? [])].flat());
const known = (y) => y !== null && y !== undefined;

// The chart as its legend and caption have it: lines of which something is in the frame, and a word on what is not
function seen(chart) {
  const { low, high } = frame(chart);
  const ys = (line) => everyPoint({ lines: [line] }).map(([, y]) => y).filter(known);
  const lines = chart.lines.filter((line) => ys(line).some((y) => y >= low) && ys(line).some((y) => y <= high));
  const cut = chart.lines.filter((line) => ys(line).some((y) => y < low || y > high));
  const said = cut.length > NAMED ? `${cut.length} lines` : cut.map((line) => line.name).join("; ");
  return { lines, caption: [chart.caption, cut.length && `Not wholly in the frame: ${said}.`].filter(Boolean).join(" ") };
}

function grouped(points, of) {
  const groups = [];
  for (const point of points) of(point) === of(groups.at(-1)?.[0] ?? [NaN]) ? groups.at(-1).push(point) : groups.push([point]);
  return groups;
}

function drawn(chart, width) {
  const { start, last, low, high } = frame(chart);
  const inner = width - ROOM.left - ROOM.right, tall = HEIGHT - ROOM.top - ROOM.bottom;
  const x = (value) => ROOM.left + ((value - start) / (last - start)) * inner;
  const y = (value) => ROOM.top + (1 - (value - low) / (high - low)) * tall;
  const at = (value) => value.toFixed(1);
  const path = (points) => points.map(([a, b], place) => `${place ? "L" : "M"}${at(x(a))} ${at(y(b))}`).join("");
  // A mean over the epoch so far begins anew with each epoch, and so does its line
  const pieces = (line) => line.loose && line.points.some(([a]) => a % 1) ? grouped(line.points, ([a]) => Math.ceil(a)) : [line.points];
  const marked = (line) => !line.loose && !many && line.points.length < MARKED ? line.points : pieces(line).filter((piece) => piece.length === 1).flat();
  const band = (points) => {
    const known = points.filter(([, , down, up]) => down !== null && down !== undefined && up !== null);
    if (known.length < 2) return null;
    return path(known.map(([a, , , up]) => [a, up])) + path(known.map(([a, , down]) => [a, down]).reverse()).replace("M", "L") + "Z";
  };
  const clip = `clip${Math.random().toString(36).slice(2)}`;
  const axis = [
    ...ticks(low, high, 7).map((v) => [
      svg("path", { class: "grid", d: `M${ROOM.left} ${at(y(v))}H${width - ROOM.right}` }),
      svg("text", { class: "tick", x: ROOM.left - 7, y: y(v) + 4, "text-anchor": "end" }, tick(chart.key, v)),
    ]),
    ...ticks(start, last, Math.max(2, Math.min(10, inner / 60)), last > 1).map((v) =>
      svg("text", { class: "tick", x: x(v), y: HEIGHT - 17, "text-anchor": "middle" }, String(v)),
    ),
    svg("path", { class: "axis", d: `M${ROOM.left} ${ROOM.top + tall}H${width - ROOM.right}` }),
    svg("text", { class: "tick", x: ROOM.left + inner / 2, y: HEIGHT - 2, "text-anchor": "middle" }, chart.x ?? "epoch"),
  ];
  const many = chart.lines.length > FEW ? " many" : "";
  const marks = chart.lines.flatMap((line) => [
    chart.bands === false ? null : svg("path", { class: `band ${look(line)}`, d: band(line.points) ?? "" }),
    ...(line.faint ?? []).map((points) => svg("path", { class: `faint ${look(line)}`, d: path(points) })),
    svg("path", { class: `${line.loose ? "loose" : "line"} ${look(line)}${many}`, d: pieces(line).map(path).join("") }),
    ...marked(line).map(([a, b]) => svg("circle", { class: `dot ${look(line)}`, cx: x(a), cy: y(b), r: 3 })),
  ]);
  const mark = chart.mark && chart.mark.x >= start
    ? [
        svg("path", { class: "mark", d: `M${at(x(chart.mark.x))} ${ROOM.top}V${ROOM.top + tall}` }),
        svg("text", { class: "tick", x: x(chart.mark.x), y: 10, "text-anchor": 2 * x(chart.mark.x) > width ? "end" : "start" }, chart.mark.name),
      ]
    : [];
  return svg(
    "svg", { role: "img", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-label": inWords(chart) },
    svg("defs", {}, svg("clipPath", { id: clip }, svg("rect", { x: ROOM.left, y: ROOM.top - 3, width: inner + 4, height: tall + 6 }))),
    axis.flat(), svg("g", { "clip-path": `url(#${clip})` }, marks.filter(Boolean)), mark,
  );
}

function inWords(chart) {
  const ends = chart.lines.slice(0, 8).map((line) =>
    line.points.length ? `${line.name} ends at ${score(chart.key, line.points.at(-1)[1])}` : `${line.name} has no points yet`);
  return `${chart.title}. ${ends.join("; ")}${chart.lines.length > 8 ? ` and ${chart.lines.length - 8} more` : ""}. The numbers are in the table below.`;
}

function table(chart) {
  const xs = [...new Set(chart.lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
  const values = chart.lines.map((line) => new Map(line.points.map((point) => [point[0], point])));
  const cell = (point) => !point ? "–"
    : score(chart.key, point[1]) + (point[2] === null || point[2] === undefined ? "" : ` (${score(chart.key, point[2])} to ${score(chart.key, point[3])})`);
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": chart.title },
    el("table", {},
      el("caption", {}, chart.title),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, chart.x ?? "epoch"), chart.lines.map((line) => el("th", { scope: "col", class: "number" }, line.name)))),
      el("tbody", {}, xs.map((x) => el("tr", {}, el("th", { scope: "row" }, String(Number(x.toFixed(2)))), values.map((points) => el("td", { class: "number" }, cell(points.get(x)))))))));
}

const rows = (chart) => [
  ["line", "run", chart.x ?? "epoch", chart.key, "low", "high"],
  ...chart.lines.flatMap((line) => [
    ...line.points.map(([x, y, low, high]) => [line.name, "", x, y, low ?? "", high ?? ""]),
    ...(line.faint ?? []).flatMap((points, place) => points.map(([x, y]) => [line.name, line.runs?.[place] ?? place, x, y, "", ""])),
  ]),
];
