// What a net is made of, and what makes a run.

import { el } from "./dom.js";
import { simple } from "./table.js";

const bits = (shape) => shape.join("×");
const bytes = (count) => (count < 1024 ? `${count} B` : count < 1024 ** 2 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 ** 2).toFixed(1)} MiB`);

export function layers(net) {
  const rows = net.layers.map((layer) => [layer.name, layer.layer, bits(layer.output), layer.parameters.toLocaleString("en"), layer.multiply_adds.toLocaleString("en")]);
  const total = ["all", "", "", net.parameters.toLocaleString("en"), net.multiply_adds.toLocaleString("en")];
  return [simple(`Layers, for images of ${bits(net.input)}`, [["name"], ["layer"], ["output"], ["parameters", true], ["multiply-adds", true]], [...rows, total]),
    el("p", { class: "note" }, `${bytes(net.parameter_bytes)} of parameters; multiply-adds are of one image, forward.`)];
}

export const code = (said, text) => [el("p", { class: "note" }, said), el("pre", { tabindex: 0, role: "region", "aria-label": said }, el("code", {}, text))];
