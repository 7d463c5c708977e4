// Inside a net: the first layer's weights, and the output of every layer for the picture that it sees, as pictures.

import { ask, get, word } from "./api.js";
import { el, fill, section } from "./dom.js";
import { asked, remember } from "./page.js";

const TILE = 64; // pixels of the page that a map has, about
const UNIT = 16; // and that a single number has, with its edge
const EDGE = "#808080"; // so that neither white nor black is lost on the page
const COLD = [0, 114, 178], WARM = [213, 94, 0]; // below and above 0: blue and vermilion, told apart by everybody

const grey = (value) => [value, value, value];
const signed = (value) => {
  const share = Math.min(Math.abs(value - 128) / 127, 1), end = value < 128 ? COLD : WARM;
  return end.map((part) => Math.round(255 + (part - 255) * share));
};

// Maps (n, c, h, w) beside each other, as many in a row as there is room for; `paint` makes a colour of c bytes
function sheet(bytes, [n, c, h, w], room, said, paint) {
  const single = h * w === 1, scale = single ? UNIT : Math.max(1, Math.round(TILE / Math.max(h, w)));
  const gap = single ? 0 : Math.max(1, Math.round(4 / scale)), columns = Math.max(1, Math.min(n, Math.floor((room / scale + gap) / (w + gap))));
  const width = columns * (w + gap) - gap, height = Math.ceil(n / columns) * (h + gap) - gap;
  const canvas = el("canvas", { class: "sheet", width: single ? columns * UNIT : width, height: single ? Math.ceil(n / columns) * UNIT : height, role: "img", "aria-label": said });
  const context = canvas.getContext("2d");
  if (single) {
    bytes.forEach((value, place) => {
      const x = (place % columns) * UNIT, y = Math.floor(place / columns) * UNIT;
      context.fillStyle = EDGE;
      context.fillRect(x, y, UNIT, UNIT);
      context.fillStyle = `rgb(${paint(value)})`;
      context.fillRect(x + 1, y + 1, UNIT - 2, UNIT - 2);
    });
    return canvas;
  }
  const image = context.createImageData(width, height);
  for (let map = 0; map < n; map++)
    for (let place = 0; place < h * w; place++) {
      const y = Math.floor(map / columns) * (h + gap) + Math.floor(place / w), x = (map % columns) * (w + gap) + (place % w);
      const values = Array.from({ length: c }, (_, part) => bytes[(map * c + part) * h * w + place]);
      image.data.set([...paint(...values), 255], 4 * (y * width + x));
    }
  context.putImageData(image, 0, 0);
  canvas.style.width = `${scale * width}px`;
  return canvas;
}

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const by = (shape) => shape.join(" × ");

function layer(about, room) {
  const [n, h = 1, w = 1] = about.shape, data = bytes(about.maps), count = h * w === 1 ? data.length : data.length / (h * w);
  const all = about.shape.length === 1 ? `${n} numbers` : `${n} maps of ${h} × ${w}${count < n ? `, the first ${count}` : ""}`;
  return el("figure", { class: "layer" },
    el("figcaption", {}, el("strong", {}, about.name), ` ${about.layer} → ${by(about.shape)}`),
    sheet(data, [count, 1, h, w], room, `${about.name}: ${all}`, grey));
}

function weights(about, room) {
  if (!about) return null;
  const [n, c, h, w] = about.shape, colour = c === 3;
  const said = `${about.count} filters of ${by(about.shape.slice(1))}${n < about.count ? `, the first ${n}` : ""}`;
  return el("figure", { class: "layer" },
    el("figcaption", {}, el("strong", {}, `The weights of ${about.name}`), ` ${about.layer}: ${said}. `,
      el("span", { class: "note" }, colour ? "Grey is 0, each filter scaled by itself." : "Blue is below 0, white is 0, orange above; each filter scaled by itself.")),
    sheet(bytes(about.maps), about.shape, room, `${about.name}: ${said}`, colour ? (...rgb) => rgb : signed));
}

// -> {node, show(nets)}: of the chosen net of these, filled when it is in view
export function inside() {
  const body = el("div"), which = el("select", { onchange: (event) => (remember({ inside: event.target.value }), draw()) });
  const tools = el("div", { class: "tools" }, el("label", {}, "of", which));
  const node = section("Inside the net", tools, body);
  const known = new Map(); // filters by run
  let nets = [], told = null, visible = false;
  const paint = () => {
    if (told) fill(body, weights(told.filters, body.clientWidth), told.layers.length ? el("p", { class: "note" }, "What each layer gives, from its least value (dark) to its largest (light); every map is scaled by itself.") : el("p", { class: "note" }, "Draw something to see what each layer gives."), told.layers.map((each) => layer(each, body.clientWidth)));
  };
  async function draw() {
    const net = nets.find((each) => each.name === which.value);
    if (!net || !visible) return;
    const path = `?runs=${word(net.name)}`;
    try {
      if (!known.has(net.name)) known.set(net.name, (await get(`/draw/filters${path}`)).filters);
      const layers = net.answer ? (await (await ask(`/draw/layers${path}`, { method: "POST", body: bytes(net.answer.seen) })).json()).layers : [];
      told = { filters: known.get(net.name), layers };
      paint();
    } catch (error) {
      fill(body, el("p", { role: "alert" }, error.message));
    }
  }
  new ResizeObserver(paint).observe(node);
  new IntersectionObserver((seen) => {
    visible = seen.at(-1).isIntersecting;
    draw();
  }).observe(node);
  const show = (chosen) => {
    nets = chosen;
    const wanted = asked().get("inside");
    fill(which, nets.map((net) => el("option", { value: net.name, selected: net.name === wanted }, net.title)));
    tools.hidden = nets.length < 2;
    draw();
  };
  return { node, show };
}
