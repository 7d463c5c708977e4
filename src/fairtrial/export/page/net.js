"use strict";
// The net's forward pass. A value is {data, shape}: Float64Array, [channels, height, width] or [units].

// All numbers of the net, from base64 of float32 or float16, little-endian.
function decoded(base64, half) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return half ? Float32Array.from(new Uint16Array(bytes.buffer), fromHalf) : new Float32Array(bytes.buffer);
}

function fromHalf(bits) {
  const exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  const size = exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction;
  return bits >> 15 ? -size : size;
}

function padded({ data, shape: [c, h, w] }, { before, after, reflect }) {
  const H = h + before + after, W = w + before + after, y = new Float64Array(c * H * W);
  const mirror = (place, size) => (place < 0 ? -place : place >= size ? 2 * size - 2 - place : place);
  for (let k = 0; k < c; k++)
    for (let i = reflect ? 0 : before; i < (reflect ? H : before + h); i++) {
      const row = (k * h + mirror(i - before, h)) * w;
      for (let j = reflect ? 0 : before; j < (reflect ? W : before + w); j++)
        y[(k * H + i) * W + j] = data[row + mirror(j - before, w)];
    }
  return { data: y, shape: [c, H, W] };
}

// Rows and columns of windows.
function windows([, h, w], kernel, stride) {
  return [Math.floor((h - kernel) / stride) + 1, Math.floor((w - kernel) / stride) + 1];
}

// Each output pixel is a product of the weights with the column of all that its window sees.
function conv(x, layer) {
  const { data, shape } = layer.before || layer.after ? padded(x, layer) : x;
  const { units, kernel, stride, weight, bias } = layer;
  const [c, h, w] = shape, [H, W] = windows(shape, kernel, stride);
  const size = c * kernel * kernel, column = new Float64Array(size), y = new Float64Array(units * H * W);
  for (let r = 0; r < H; r++)
    for (let q = 0; q < W; q++) {
      for (let k = 0, place = 0; k < c; k++)
        for (let i = 0; i < kernel; i++) {
          const from = (k * h + r * stride + i) * w + q * stride;
          for (let j = 0; j < kernel; j++) column[place++] = data[from + j];
        }
      for (let unit = 0, place = 0; unit < units; unit++) {
        let sum = bias ? bias[unit] : 0;
        for (let n = 0; n < size; n++) sum += weight[place++] * column[n];
        y[(unit * H + r) * W + q] = sum;
      }
    }
  return { data: y, shape: [units, H, W] };
}

function pool({ data, shape }, { kernel, stride }, start, take) {
  const [c, h, w] = shape, [H, W] = windows(shape, kernel, stride), y = new Float64Array(c * H * W).fill(start);
  for (let k = 0, place = 0; k < c; k++)
    for (let r = 0; r < H; r++)
      for (let q = 0; q < W; q++, place++)
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < kernel; j++)
            y[place] = take(y[place], data[(k * h + r * stride + i) * w + q * stride + j]);
  return { data: y, shape: [c, H, W] };
}

function linear({ data }, { units, weight, bias }) {
  const y = new Float64Array(units), size = data.length;
  for (let unit = 0; unit < units; unit++) {
    let sum = bias ? bias[unit] : 0;
    for (let k = 0; k < size; k++) sum += weight[unit * size + k] * data[k];
    y[unit] = sum;
  }
  return { data: y, shape: [units] };
}

// With the running statistics it is one product and one sum for each channel.
function batchNorm({ data, shape }, { scale, shift }) {
  const size = data.length / shape[0], y = new Float64Array(data.length);
  for (let k = 0, place = 0; k < shape[0]; k++)
    for (let n = 0; n < size; n++, place++) y[place] = data[place] * scale[k] + shift[k];
  return { data: y, shape };
}

function globalPool({ data, shape: [c, h, w] }) {
  const mean = (_, k) => data.subarray(k * h * w, (k + 1) * h * w).reduce((sum, x) => sum + x, 0) / (h * w);
  return { data: Float64Array.from({ length: c }, mean), shape: [c] };
}

function residual(x, { body, shortcut }) {
  const { data, shape } = through(body, x), other = through(shortcut, x).data;
  return { data: data.map((y, place) => y + other[place]), shape };
}

// 2 / sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!! (Abramowitz and Stegun 7.1.6): no terms of different sign
function erf(x) {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let term = a, sum = a;
  for (let n = 1; term > 1e-17 * sum; n++) sum += term *= (2 * a * a) / (2 * n + 1);
  return ((Math.sign(x) * 2) / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
}

function softmax(values) {
  const most = values.reduce((a, b) => Math.max(a, b)), e = values.map((x) => Math.exp(x - most));
  const sum = e.reduce((a, b) => a + b);
  return e.map((x) => x / sum);
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const each = (f) => ({ data, shape }) => ({ data: data.map(f), shape });
const LAYERS = {
  conv,
  linear,
  residual,
  "batch-norm": batchNorm,
  "global-pool": globalPool,
  pool: (x, layer) => pool(x, layer, -Infinity, Math.max),
  "avg-pool": (x, layer) => pool(x, layer, 0, (sum, value) => sum + value / layer.kernel ** 2),
  flatten: ({ data }) => ({ data, shape: [data.length] }),
  relu: each((x) => Math.max(x, 0)),
  "leaky-relu": (x, { slope }) => each((value) => (value > 0 ? value : slope * value))(x),
  sigmoid: each(sigmoid),
  silu: each((x) => x * sigmoid(x)),
  gelu: each((x) => (x * (1 + erf(x / Math.SQRT2))) / 2),
  tanh: each(Math.tanh),
  softmax: ({ data, shape }) => ({ data: softmax(data), shape }),
  "log-softmax": ({ data, shape }) => ({ data: softmax(data).map(Math.log), shape }),
};

function through(layers, x) {
  for (const layer of layers) x = LAYERS[layer.kind](x, layer);
  return x;
}

// The net as JSON has it, with `[offset, length]` in the place of arrays, becomes one with the arrays.
function opened(json) {
  const net = JSON.parse(json), all = decoded(net.weights, net.half);
  const open = (layer) => {
    for (const name of ["weight", "bias", "scale", "shift", "components", "centre"])
      if (layer[name]) layer[name] = all.subarray(layer[name][0], layer[name][0] + layer[name][1]);
    for (const name of ["body", "shortcut"]) if (layer[name]) layer[name].forEach(open);
  };
  [...net.layers, net.input].forEach(open);
  return net;
}

// What the net sees of pixels, Uint8 of [height, width, channels].
function prepared({ input, shape: [h, w, c] }, pixels) {
  const { scale, shift, components, centre } = input;
  const seen = Float64Array.from(pixels, (x, place) => x * scale[place % c] + (shift ? shift[place % c] : 0));
  if (components) {
    const units = components.length / seen.length, y = new Float64Array(units);
    seen.forEach((x, place) => {
      for (let k = 0; k < units; k++) y[k] += (x - centre[place]) * components[place * units + k];
    });
    return { data: y, shape: [units] };
  }
  const data = new Float64Array(seen.length);
  seen.forEach((x, place) => (data[(place % c) * h * w + Math.floor(place / c)] = x));
  return { data, shape: [c, h, w] };
}

function mirrored({ data, shape: [c, h, w] }) {
  return { data: data.map((_, place) => data[place - (place % w) + w - 1 - (place % w)]), shape: [c, h, w] };
}

// What the outputs say about the classes.
const MEANINGS = {
  logits: (y) => softmax(y),
  "yes-no": (y) => y.map(sigmoid),
  shares: (y) => {
    const shares = y.map((x) => Math.max(x, 1e-12)), sum = shares.reduce((a, b) => a + b);
    return shares.map((x) => x / sum);
  },
  number: ([y], count) => {
    const down = Math.floor(y), nearest = y - down === 0.5 ? down + (down & 1) : Math.round(y);
    return Float64Array.from({ length: count }, (_, k) => +(k === Math.min(Math.max(nearest, 0), count - 1)));
  },
};

// Probabilities of the classes for pixels, Uint8 of [height, width, channels].
function predict(net, pixels) {
  const x = prepared(net, pixels);
  let y = through(net.layers, x).data;
  if (net.flip) {
    const other = through(net.layers, mirrored(x)).data;
    y = y.map((value, k) => (value + other[k]) / 2);
  }
  return MEANINGS[net.meaning](y, net.classes.length);
}
