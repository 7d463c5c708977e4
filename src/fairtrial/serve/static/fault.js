// The doctor's catalogue: all faults, or one of them.

import { get, word } from "./api.js";
import { el, fill, section } from "./dom.js";
import { page, titled } from "./page.js";

const KINDS = {
  exact: "a proof, where it is found",
  statistical: "confirmed by a second look before it fails a run",
  hint: "a hint: it never fails a run",
};

function one(fault) {
  titled(fault.name);
  return [
    el("h1", {}, fault.name),
    el("p", { class: "summary" }, fault.what),
    el("p", { class: "note" }, `In the ${fault.part}; ${KINDS[fault.kind]}.`),
    section("Why it hurts", el("p", {}, fault.why)),
    section("What to change", el("p", {}, fault.fix)),
    el("p", {}, el("a", { href: "/faults" }, "All faults")),
  ];
}

function every(faults) {
  titled("Faults");
  const parts = [...new Set(faults.map((fault) => fault.part))];
  const entry = (fault) => [el("dt", {}, el("a", { href: `/faults/${fault.name}` }, fault.name)), el("dd", {}, fault.what)];
  return [
    el("h1", {}, "Faults that the doctor knows"),
    ...parts.map((part) => section(part, el("dl", {}, faults.filter((fault) => fault.part === part).flatMap(entry)))),
  ];
}

page(async (main, name) =>
  fill(main, name ? one(await get(`/faults/${word(name)}`)) : every((await get("/faults")).faults)),
);
