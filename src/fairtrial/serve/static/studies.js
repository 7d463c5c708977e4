// The studies of the store, the newest first.

import { el, moment } from "./dom.js";

const SHOWN = 5;

export function studies(made) {
  const names = Object.keys(made).reverse();
  if (!names.length) return [];
  const entry = (name) => {
    const study = made[name];
    return el("li", {},
      el("a", { href: `/studies/${encodeURIComponent(name)}` }, study.study), " ",
      el("span", { class: "note" }, `${study.ended}, ${study.arms.length} arms, ${study.seeds ?? "?"} seeds, ${moment(study.written_seconds)}`),
      study.summary ? el("p", {}, study.summary) : null);
  };
  const rest = names.slice(SHOWN).map(entry);
  return [el("section", { class: "studies" }, el("h2", {}, "Studies"), el("ul", {}, names.slice(0, SHOWN).map(entry)),
    rest.length ? el("details", {}, el("summary", {}, `${rest.length} older ones`), el("ul", {}, rest)) : null)];
}
