// All runs of the store.

import { follow, get } from "./api.js";
import { el, fill } from "./dom.js";
import { page } from "./page.js";

page(async (main) => {
  const list = await get("/runs");
  fill(main, el("h1", {}, "Runs"), el("ul", {}, list.rows.map(([name]) => el("li", {}, el("a", { href: `/runs/${name}` }, name)))));
});
