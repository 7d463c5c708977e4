// Elements made of text and other elements: nothing here reads HTML, so that no name can bring any.

const SVG = "http://www.w3.org/2000/svg";

// el("a", {href: "/", class: "home", onclick: f, "aria-label": "..."}, "text", child, null) -> an element
export function el(tag, about = {}, ...children) {
  return made(document.createElement(tag), about, children);
}

export function svg(tag, about = {}, ...children) {
  return made(document.createElementNS(SVG, tag), about, children);
}

function made(node, about, children) {
  for (const [name, value] of Object.entries(about)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// The element with these children in the place of its own
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// A section with a heading
export const section = (heading, ...children) => el("section", {}, el("h2", {}, heading), ...children);

export const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(2)} %`);
export const number = (value, digits = 4) =>
  value === null || value === undefined ? "–" : String(Number(value.toPrecision(digits)));
export const score = (key, value) => (key.endsWith("accuracy") ? percent(value) : number(value));
export const setting = (value) =>
  value === null || value === undefined ? "–" : typeof value === "number" ? number(value, 6) : String(value);

const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
export const moment = (seconds) => clock.format(new Date(1000 * seconds));

export function duration(seconds) {
  if (seconds < 99.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  return minutes < 60
    ? `${minutes} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
