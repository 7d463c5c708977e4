// Draw and try: what the chosen runs say of a drawing changes with each stroke; what they see, and what goes on inside.

import { ask, get, word } from "./api.js";
import { el, fill, percent } from "./dom.js";
import { picture } from "./mistakes.js";
import { pad } from "./pad.js";
import { asked, page, remember, titled } from "./page.js";
import { inside } from "./inside.js";

const MANY = 20; // classes beyond which only the likeliest are shown
const LIKELIEST = 10;
const QUIET = 400; // milliseconds without a change after which it is said what came out, and the layers are looked at

// The pictures of a run and the bars of its classes -> {node, show(answer), blank()}
function card(net, remove) {
  const few = net.classes.length <= MANY;
  const rows = (few ? net.classes : Array(LIKELIEST).fill("")).map((name) => {
    const bar = el("span", { class: "bar", "aria-hidden": "true" }), text = el("span", {}, "–"), head = el("th", { scope: "row" }, name);
    return { bar, text, head, row: el("tr", {}, head, el("td", { class: "track" }, bar), el("td", { class: "number" }, text)) };
  });
  const seen = el("div", { class: "seen" }), best = el("p", { class: "best" }, "–"), steps = el("ol", { class: "note" });
  const told = (list) => steps.list !== list && fill(Object.assign(steps, { list }), list.map((step) => el("li", {}, step)));
  const node = el("article", { class: "tried", "aria-label": net.title },
    el("h2", {}, el("a", { href: `/runs/${word(net.name)}` }, net.title), remove && el("button", { class: "plain", "aria-label": `take ${net.name} away`, onclick: remove }, "take away")),
    el("div", { class: "outcome" },
      el("div", {}, el("p", { class: "note" }, "the net sees"), seen, best),
      el("table", {}, el("caption", { class: "hidden" }, `Probability of each class, run ${net.name}`),
        el("thead", { class: "hidden" }, el("tr", {}, el("th", { scope: "col" }, "class"), el("td"), el("th", { scope: "col" }, "probability"))),
        el("tbody", {}, rows.map((each) => each.row)))),
    el("details", { open: true }, el("summary", {}, "How it gets there"), steps));
  const show = (answer) => {
    const top = answer.shares.indexOf(Math.max(...answer.shares));
    const order = answer.shares.map((_, place) => place);
    if (!few) order.sort((a, b) => answer.shares[b] - answer.shares[a]);
    rows.forEach(({ bar, text, head, row }, place) => {
      const label = order[place], share = answer.shares[label];
      if (!few) head.textContent = net.classes[label];
      bar.style.width = `${100 * share}%`;
      text.textContent = `${(100 * share).toFixed(1)} %`;
      row.classList.toggle("likeliest", label === top);
    });
    fill(seen, picture(answer.seen, net.size, "the picture as the net sees it"));
    best.textContent = net.classes[top];
    told(answer.done ? [...answer.done.map((step) => `${step[0].toUpperCase()}${step.slice(1)}.`), ...net.picture] : net.drawing);
    net.answer = answer;
    net.said = `${net.classes[top]}, ${percent(answer.shares[top])}`;
  };
  const blank = () => {
    for (const { bar, text, row } of rows) {
      bar.style.width = 0;
      text.textContent = "–";
      row.classList.remove("likeliest");
    }
    fill(seen);
    best.textContent = "–";
    net.answer = null;
    net.said = "";
  };
  told(net.drawing);
  return { node, show, blank };
}

page(async (main) => {
  titled("Draw and try");
  const choice = await get("/draw/runs");
  let names = asked().get("runs")?.split(",").filter(Boolean) ?? choice.runs.slice(0, 1).map((run) => run.name);
  let nets = [], cards = [], version = 0, shown = 0, busy = false, empty = true, file = null, settling = null;

  const alarm = el("p", { role: "alert" }), status = el("p", { class: "note", role: "status" }), cells = el("div", { class: "cards" });
  const place = el("p", { class: "hidden", "aria-live": "polite" });
  const within = inside();
  const drawn = pad(choice.side, { change: (blank) => ((empty = blank), (file = null), changed()), say: (text) => (place.textContent = text) });
  drawn.node.firstChild.dataset.version = 0; // which drawing this is, and below, of which one the bars are
  const ink = el("label", {}, "Pen ", el("input", { type: "color", value: drawn.colour, oninput: (event) => (drawn.colour = event.target.value) }));
  const chosen = el("input", { type: "file", accept: "image/*", class: "hidden", id: "file", onchange: (event) => event.target.files[0] && tryPicture(event.target.files[0]) });
  const add = el("input", { list: "known", size: 28, onchange: (event) => event.target.value.trim() && choose([...names, event.target.value.trim()]) });
  const known = el("datalist", { id: "known" }, choice.runs.map((run) => el("option", { value: run.name }, `${run.model} on ${run.data}, ${percent(run.valid)}`)));

  fill(main, el("h1", {}, "Draw and try"),
    el("div", { class: "studio" },
      el("div", { class: "easel" },
        drawn.node, place,
        el("div", { class: "buttons" },
          el("button", { onclick: drawn.clear }, "Clear"), el("button", { onclick: drawn.undo }, "Undo"), el("button", { onclick: drawn.invert }, "Invert"),
          chosen, el("label", { for: "file", class: "button" }, "Picture …"), ink),
        el("p", { class: "note", id: "keys" }, "Draw, or drop a picture. Keys: arrows move the pen, Space puts it down and lifts it, Z undoes, Delete clears."),
        alarm),
      el("div", { class: "said" }, el("div", { class: "tools" }, el("label", { class: "grow" }, "Add a finished run", add, known)), status, cells)),
    within.node);

  // One request at a time: what is drawn meanwhile goes with the next. Browsers tell of a pointer once a frame
  function changed() {
    drawn.node.firstChild.dataset.version = ++version;
    alarm.textContent = "";
    if (!busy) send();
  }
  async function send() {
    busy = true;
    while (shown !== version) {
      const mine = version, of = nets;
      try {
        if (!of.length || empty) cards.forEach((each) => each.blank());
        else {
          const path = `/draw/${file ? "picture" : "strokes"}?runs=${word(of.map((net) => net.name).join())}`;
          const body = file ?? drawn.pixels(of.some((net) => net.size[2] === 3));
          const answer = await (await ask(path, { method: "POST", body })).json();
          if (of === nets) answer.nets.forEach((each, place) => cards[place].show(each));
        }
      } catch (error) {
        cards.forEach((each) => each.blank());
        alarm.textContent = error.message;
      }
      shown = mine;
      cells.dataset.version = shown;
    }
    busy = false;
    clearTimeout(settling);
    settling = setTimeout(settled, QUIET);
  }
  function settled() {
    const said = nets.map((net) => (nets.length > 1 ? `${net.title.split(":")[0]}: ${net.said}` : net.said)).join("; ");
    status.textContent = empty ? "Nothing is drawn yet." : said;
    within.show(nets);
  }

  async function tryPicture(given) {
    chosen.value = "";
    if (given.size > choice.upload) return (alarm.textContent = `${given.name} has ${given.size.toLocaleString("en")} bytes; at most ${choice.upload.toLocaleString("en")} are taken`);
    drawn.show(await createImageBitmap(given).catch(() => null));
    [file, empty] = [given, false];
    changed();
  }
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => (event.preventDefault(), event.dataTransfer.files[0] && tryPicture(event.dataTransfer.files[0])));
  document.addEventListener("paste", (event) => event.clipboardData.files[0] && tryPicture(event.clipboardData.files[0]));

  async function choose(wanted) {
    add.value = "";
    names = [...new Set(wanted)];
    if (names.length > choice.beside) {
      names = names.slice(0, choice.beside);
      alarm.textContent = `At most ${choice.beside} runs are tried side by side.`;
    }
    remember({ runs: names.join() });
    if (!names.length) return fill(cells, el("p", {}, choice.count ? "Add a run to try." : "No finished run yet: fairtrial run cnn2 makes one."));
    status.textContent = "the nets are made ready …";
    const told = (await get(`/draw/nets?runs=${word(names.join())}`)).nets;
    const refused = told.filter((net) => net.error);
    names = told.filter((net) => !net.error).map((net) => net.name);
    nets = told.filter((net) => !net.error);
    cards = nets.map((net) => card(net, nets.length > 1 && (() => choose(names.filter((name) => name !== net.name)))));
    ink.hidden = nets.every((net) => net.size[2] === 1);
    remember({ runs: names.join() });
    fill(cells, cards.map((each) => each.node));
    changed();
    alarm.textContent = refused.map((net) => net.error).join("; ");
  }
  await choose(names);
});
