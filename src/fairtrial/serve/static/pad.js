// A pad to draw on with a mouse, a finger, a pen, or keys: white ink on black, or what both are inverted.

import { el } from "./dom.js";

const GRID = 28; // steps of the keys from edge to edge
const INK = 12; // the line's width is this part of the pad
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const complement = (colour) => `#${(0xffffff - parseInt(colour.slice(1), 16)).toString(16).padStart(6, "0")}`;

// pad(side, {change, say}) -> {node, pixels(colour), clear, undo, invert, show(picture), colour}: `change` is called at
// each part of a stroke, `say` with where the keys' pen is
export function pad(side, { change, say }) {
  const canvas = el("canvas", { class: "pad", width: side, height: side, tabindex: 0, role: "application", "aria-label": "drawing pad", "aria-describedby": "keys" });
  const pen = el("span", { class: "pen", hidden: true });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const made = { node: el("div", { class: "pad-frame" }, canvas, pen), colour: "#ffffff" };
  let strokes = [], inverted = false, stroke = null, picture = false; // whether the pad holds a picture

  function blank() {
    context.fillStyle = inverted ? "#fff" : "#000";
    context.fillRect(0, 0, side, side);
    picture = false;
  }
  // What is drawn again is drawn in the same pieces: to the same pixels
  function ink({ colour }, points) {
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: side / INK, strokeStyle: inverted ? complement(colour) : colour });
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }
  function again() {
    blank();
    for (const each of strokes) for (const piece of each.pieces) ink(each, piece);
    change(!strokes.length);
  }
  function begin(point) {
    if (picture) blank();
    stroke = { pieces: [[point]], colour: made.colour };
    strokes.push(stroke);
    ink(stroke, [point]);
    change(false);
  }
  function go(points) {
    const piece = [stroke.pieces.at(-1).at(-1), ...points];
    stroke.pieces.push(piece);
    ink(stroke, piece);
    change(false);
  }

  const at = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [((event.clientX - left) * side) / width, ((event.clientY - top) * side) / height];
  };
  let pointer = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    pen.hidden = true;
    begin(at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer) go((event.getCoalescedEvents?.() ?? []).map(at).concat([at(event)]));
  });
  for (const kind of ["pointerup", "pointercancel"])
    canvas.addEventListener(kind, (event) => event.pointerId === pointer && ((pointer = null), (stroke = null)));

  const place = { x: GRID / 2, y: GRID / 2 };
  let down = false;
  const point = () => [(place.x * side) / GRID, (place.y * side) / GRID];
  function shown() {
    pen.hidden = false;
    pen.classList.toggle("down", down);
    pen.style.left = `${(100 * place.x) / GRID}%`;
    pen.style.top = `${(100 * place.y) / GRID}%`;
  }
  function lift() {
    down = false;
    stroke = null;
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.key in MOVES) {
      const [dx, dy] = MOVES[event.key];
      place.x = Math.min(Math.max(place.x + dx, 0), GRID);
      place.y = Math.min(Math.max(place.y + dy, 0), GRID);
      if (down) go([point()]);
    } else if (event.key === " ") {
      down ? lift() : ((down = true), begin(point()));
    } else if (event.key === "Delete" || event.key === "Backspace") made.clear();
    else if (event.key === "z") made.undo();
    else return;
    event.preventDefault();
    shown();
    say(`pen ${down ? "down" : "up"}, ${place.x} across, ${place.y} down`);
  });
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && shown());
  canvas.addEventListener("blur", () => (lift(), (pen.hidden = true)));

  made.clear = () => (lift(), (strokes = []), again());
  made.undo = () => (lift(), strokes.pop(), again());
  made.invert = () => ((inverted = !inverted), again());
  // What the server is sent: bytes of brightness, or of red, green and blue
  made.pixels = (colour) => {
    const rgba = context.getImageData(0, 0, side, side).data, parts = colour ? 3 : 1;
    const bytes = new Uint8Array(parts * side * side);
    for (let from = 0, to = 0; from < rgba.length; from += 4) for (let part = 0; part < parts; part++) bytes[to++] = rgba[from + part];
    return bytes;
  };
  // A picture that is tried instead of a drawing, as much of it as is square
  made.show = (bitmap) => {
    lift();
    strokes = [];
    blank();
    if (bitmap) {
      const zoom = side / Math.min(bitmap.width, bitmap.height), [w, h] = [zoom * bitmap.width, zoom * bitmap.height];
      context.drawImage(bitmap, (side - w) / 2, (side - h) / 2, w, h);
    }
    picture = true;
  };
  blank();
  return made;
}
