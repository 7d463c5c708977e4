// What every page begins with: page(async (main, name) => {...}), and the module fills <main>.

import { enter } from "./api.js";
import { el, fill } from "./dom.js";

// `show` gets <main> and the name at the end of the address; what it throws is said instead
export async function page(show) {
  const main = document.getElementById("page");
  const [, menu, name] = location.pathname.split("/");
  for (const link of document.querySelectorAll("nav a"))
    if (link.pathname === `/${menu}`) link.setAttribute("aria-current", "page");
  try {
    await enter();
    await show(main, decodeURIComponent(name ?? ""));
  } catch (error) {
    fill(main, el("h1", {}, "This cannot be shown"), el("p", { role: "alert" }, error.message), el("p", {}, el("a", { href: "/" }, "All runs")));
  }
}

export const titled = (text) => (document.title = `${text} · fairtrial`);

// Words of the state in the address: readable, kept when one goes back, and given to others
export const asked = () => new URLSearchParams(location.search);
export function remember(words) {
  const kept = asked();
  for (const [name, value] of Object.entries(words)) value ? kept.set(name, value) : kept.delete(name);
  const search = kept.toString();
  history.replaceState(null, "", location.pathname + (search && `?${search}`));
}
