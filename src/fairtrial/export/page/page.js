"use strict";
// The page around the net: a pad to draw on, the picture as the net sees it, and a bar for each class.
const net = opened(document.getElementById("net").textContent);
const [HEIGHT, WIDTH, CHANNELS] = net.shape;
const FINE = Math.ceil(280 / Math.max(HEIGHT, WIDTH)); // pixels of the pad, along each side, to one of the net's
const $ = (id) => document.getElementById(id);
const pad = $("pad"), seen = $("seen");
const ink = pad.getContext("2d", { willReadFrequently: true }), shown = seen.getContext("2d");
let drawn = false; // whether the pad holds a drawing; else it is empty, or holds a picture

Object.assign(pad, { width: WIDTH * FINE, height: HEIGHT * FINE });
Object.assign(seen, { width: WIDTH, height: HEIGHT });
$("ink").hidden = CHANNELS === 1;
$("names").style.width = `${Math.min(Math.max(...net.classes.map((name) => name.length)), 12) + 1}ch`;
const rows = net.classes.map((name) => {
  const row = $("classes").insertRow(), head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  const cell = row.insertCell();
  row.prepend(head);
  cell.innerHTML = '<div class="track"><div class="bar"></div></div><span></span>';
  return { row, bar: cell.querySelector(".bar"), text: cell.querySelector("span") };
});

// Where a drawing goes in the net's picture: {scale, left, top}, as the pictures of the data were placed.
function placing(light) {
  const plain = { scale: 1 / FINE, left: 0, top: 0 };
  if (!drawn || net.placing === "plain") return plain;
  let x0 = Infinity, x1 = 0, y0 = Infinity, y1 = 0, mass = 0, x = 0, y = 0;
  for (let place = 0; place < light.length; place++) {
    if (!light[place]) continue;
    const i = Math.floor(place / pad.width), j = place % pad.width;
    x0 = Math.min(x0, j), x1 = Math.max(x1, j + 1), y0 = Math.min(y0, i), y1 = Math.max(y1, i + 1);
    mass += light[place], x += light[place] * (j + 0.5), y += light[place] * (i + 0.5);
  }
  if (!mass) return plain;
  const box = net.placing === "mass" ? (20 / 28) * HEIGHT : HEIGHT;
  const scale = Math.min(box / Math.max(x1 - x0, y1 - y0), 3 / FINE); // a dot stays small
  const [cx, cy] = net.placing === "mass" ? [x / mass, y / mass] : [(x0 + x1) / 2, (y0 + y1) / 2];
  return { scale, left: WIDTH / 2 - scale * cx, top: HEIGHT / 2 - scale * cy };
}

// The pad's pixels, one number each: brightness by ITU-R 601.
function brightness(rgba) {
  const light = new Uint8Array(rgba.length / 4);
  for (let k = 0; k < light.length; k++)
    light[k] = (19595 * rgba[4 * k] + 38470 * rgba[4 * k + 1] + 7471 * rgba[4 * k + 2] + 32768) >> 16;
  return light;
}

// What the net is given: each of its pixels is the mean of the pad's pixels that fall into it.
function pixels() {
  const rgba = ink.getImageData(0, 0, pad.width, pad.height).data, light = brightness(rgba);
  const { scale, left, top } = placing(light), sums = new Float64Array(HEIGHT * WIDTH * CHANNELS);
  for (let place = 0; place < light.length; place++) {
    if (!light[place] && CHANNELS === 1) continue;
    const i = Math.floor(top + scale * (Math.floor(place / pad.width) + 0.5));
    const j = Math.floor(left + scale * ((place % pad.width) + 0.5));
    if (i < 0 || i >= HEIGHT || j < 0 || j >= WIDTH) continue;
    for (let c = 0; c < CHANNELS; c++)
      sums[(i * WIDTH + j) * CHANNELS + c] += CHANNELS === 1 ? light[place] : rgba[4 * place + c];
  }
  return Uint8Array.from(sums, (sum) => Math.min(Math.round(sum * scale * scale), 255));
}

// Show what the net sees and says.
function look() {
  const values = pixels(), image = shown.createImageData(WIDTH, HEIGHT);
  for (let k = 0; k < WIDTH * HEIGHT; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = values[k * CHANNELS + (c % CHANNELS)];
    image.data[4 * k + 3] = 255;
  }
  shown.putImageData(image, 0, 0);
  const p = predict(net, values), best = p.indexOf(p.reduce((a, b) => Math.max(a, b)));
  rows.forEach(({ row, bar, text }, k) => {
    bar.style.width = `${100 * p[k]}%`;
    text.textContent = `${(100 * p[k]).toFixed(1)} %`;
    row.classList.toggle("best", k === best);
  });
  return `${net.classes[best]}, ${(100 * p[best]).toFixed(1)} %`;
}

function say(text) {
  $("best").textContent = text;
}

function clear() {
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, pad.width, pad.height);
  drawn = false;
  look();
  say("Nothing is drawn yet.");
}

// A stroke from one place on the pad to another.
function line(from, to) {
  if (!drawn) clear();
  drawn = true;
  Object.assign(ink, { lineCap: "round", lineWidth: pad.height / 12, strokeStyle: $("colour").value });
  ink.beginPath();
  ink.moveTo(...from);
  ink.lineTo(...to);
  ink.stroke();
  look();
}

let last = null; // where the pointer was, while it is down
function at(event) {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return [((event.clientX - left) * pad.width) / width, ((event.clientY - top) * pad.height) / height];
}
pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  line((last = at(event)), last);
});
pad.addEventListener("pointermove", (event) => {
  if (last) line(last, (last = at(event)));
});
for (const kind of ["pointerup", "pointercancel"])
  pad.addEventListener(kind, () => {
    if (last) say(look());
    last = null;
  });

const pen = { x: pad.width / 2, y: pad.height / 2, down: false };
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
pad.addEventListener("keydown", (event) => {
  const from = [pen.x, pen.y], step = pad.height / 28;
  if (event.key in MOVES) {
    const [dx, dy] = MOVES[event.key];
    pen.x = Math.min(Math.max(pen.x + dx * step, 0), pad.width);
    pen.y = Math.min(Math.max(pen.y + dy * step, 0), pad.height);
    if (pen.down) line(from, [pen.x, pen.y]);
  } else if (event.key === " ") {
    pen.down = !pen.down;
    if (pen.down) line(from, from);
    else say(look());
  } else if (event.key === "Delete" || event.key === "Backspace") {
    pen.down = false;
    clear();
  } else return;
  if (event.key in MOVES)
    say(`pen ${pen.down ? "down" : "up"}, ${Math.round(pen.x / step)} across, ${Math.round(pen.y / step)} down`);
  event.preventDefault();
});

// A picture fills the pad: cut to its shape from the middle, on white where it is transparent.
async function take(file) {
  try {
    const picture = await createImageBitmap(file);
    const zoom = Math.max(pad.width / picture.width, pad.height / picture.height);
    const [w, h] = [picture.width * zoom, picture.height * zoom];
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, pad.width, pad.height);
    ink.imageSmoothingEnabled = zoom < 1; // so that a picture of the net's own size arrives as it is
    ink.imageSmoothingQuality = "high";
    ink.drawImage(picture, (pad.width - w) / 2, (pad.height - h) / 2, w, h);
    drawn = false;
    say(look());
  } catch {
    say("That is no picture that this browser can read.");
  }
}
$("picture").addEventListener("change", (event) => event.target.files[0] && take(event.target.files[0]));
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
document.addEventListener("drop", (event) => event.dataTransfer.files[0] && take(event.dataTransfer.files[0]));
document.addEventListener("paste", (event) => event.clipboardData.files[0] && take(event.clipboardData.files[0]));

$("clear").addEventListener("click", clear);
$("invert").addEventListener("click", () => {
  ink.globalCompositeOperation = "difference";
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, pad.width, pad.height);
  ink.globalCompositeOperation = "source-over";
  say(look());
});
clear();
