// Every seed's score as a dot, with the mean and its interval below it: a strip for each arm.

import { el, score, svg } from "./dom.js";
import { figure, look, range, tick, ticks } from "./figure.js";

const STRIP = 52;
const ROOM = { top: 6, right: 20, bottom: 24, left: 20 };

// dots({title, caption, file, key, lines}): a line is {name, n, mean, interval: [low, high] or null, seeds: [[seed, score]]}
export const dots = (about) => figure({ drawn, table, rows, named: true }, about);

function drawn(chart, width) {
  const height = ROOM.top + STRIP * chart.lines.length + ROOM.bottom;
  const [low, high] = range(chart.lines.flatMap((arm) => [...arm.seeds.map(([, value]) => value), ...(arm.interval ?? [])]), chart.key);
  const x = (value) => ROOM.left + ((value - low) / (high - low)) * (width - ROOM.left - ROOM.right);
  const axis = ticks(low, high, Math.max(2, width / 110)).map((value) => [
    svg("path", { class: "grid", d: `M${x(value).toFixed(1)} ${ROOM.top}V${height - ROOM.bottom}` }),
    svg("text", { class: "tick", x: x(value), y: height - 7, "text-anchor": "middle" }, tick(chart.key, value)),
  ]);
  const strip = (arm, place) => {
    const top = ROOM.top + STRIP * place, y = top + 41, at = x(arm.mean ?? low);
    return [
      svg("text", { class: "name", x: ROOM.left, y: top + 14 }, `${arm.name} (n = ${arm.n})`),
      arm.seeds.map(([, value]) => svg("circle", { class: `dot faded ${look(arm)}`, cx: x(value), cy: top + 27, r: 4 })),
      arm.interval ? svg("path", { class: `line solid ${look(arm)}`, d: `M${x(arm.interval[0])} ${y}H${x(arm.interval[1])}` }) : null,
      arm.mean === null ? null : svg("path", { class: `dot ${look(arm)}`, d: `M${at} ${y - 6}l6 6l-6 6l-6 -6z` }),
    ].flat().filter(Boolean);
  };
  const said = chart.lines.map((arm) => `${arm.name}: ${score(chart.key, arm.mean)}${between(chart.key, arm)}`).join("; ");
  return svg("svg", { role: "img", width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": `${chart.title}. ${said}` }, axis.flat(), chart.lines.flatMap(strip));
}

const between = (key, arm) => (arm.interval ? `, interval ${score(key, arm.interval[0])} to ${score(key, arm.interval[1])}` : "");

const table = (chart) =>
  el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": chart.title },
    el("table", {}, el("caption", {}, chart.title),
      el("thead", {}, el("tr", {}, ["arm", "seed", chart.key].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, chart.lines.flatMap((arm) => arm.seeds.map(([seed, value]) =>
        el("tr", {}, el("th", { scope: "row" }, arm.name), el("td", {}, String(seed)), el("td", { class: "number" }, score(chart.key, value))))))));

const rows = (chart) => [
  ["arm", "seed", chart.key, "low", "high"],
  ...chart.lines.flatMap((arm) => [
    ...arm.seeds.map(([seed, value]) => [arm.name, seed, value, "", ""]),
    [arm.name, "mean", arm.mean ?? "", arm.interval?.[0] ?? "", arm.interval?.[1] ?? ""],
  ]),
];
