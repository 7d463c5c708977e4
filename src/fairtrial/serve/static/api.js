// All that this page asks the server for, with the key that the token in the address was exchanged for.

import { el } from "./dom.js";

const API = "/api/1";
const KEY = "fairtrial-key";

export class Failed extends Error {
  constructor(status, said) {
    super(said);
    this.status = status;
  }
}

// What keeps the page from its server, said above it for as long as it does

const STOPPED = "The server has stopped: start fairtrial serve again and open its new address";
const ANOTHER = "This page is of another server: open the address that fairtrial serve printed";
const bar = el("p", { class: "cut-off", role: "alert" });

function tell(said) {
  if (!said) return bar.remove();
  bar.textContent = said;
  if (!bar.isConnected) document.querySelector("header").before(bar);
}

// A new server was let in from another tab of the browser
addEventListener("storage", (event) => event.key === KEY && bar.isConnected && location.reload());

async function reach(path, about) {
  const answer = await fetch(API + path, about).catch((error) => {
    if (error.name === "AbortError") throw error;
    tell(STOPPED);
    throw new Failed(0, STOPPED);
  });
  tell(answer.status === 403 ? ANOTHER : "");
  return answer;
}

// Exchanges the token, if the address has one, and takes it out of the address and the history
export async function enter() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await reach("/session", { method: "POST", headers: { "x-fairtrial-token": token } });
  if (answer.ok) localStorage.setItem(KEY, (await answer.json()).key);
}

// fetch with the key; Failed with the server's own words if it refuses
export async function ask(path, about = {}) {
  const headers = { ...about.headers, "x-fairtrial-key": localStorage.getItem(KEY) ?? "" };
  const answer = await reach(path, { ...about, headers });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Failed(answer.status, said.error ?? `the server answers ${answer.status}`);
}

export const get = async (path) => (await ask(path)).json();

export const post = async (path, body) =>
  (await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json();

// A name as part of a path
export const word = encodeURIComponent;

// Calls `take` with what the server sends as it happens. `path` is a function: it is asked again after a break, for
// what came since. A page that nobody sees listens to nothing. -> a function that ends it
export function follow(path, take) {
  let stop = null;
  async function listen() {
    const mine = (stop = new AbortController());
    while (!mine.signal.aborted) {
      try {
        const answer = await ask(path(), { signal: mine.signal });
        const lines = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let rest = ""; ; ) {
          const { value, done } = await lines.read();
          if (done) break;
          const events = (rest + value).split("\n\n");
          rest = events.pop();
          for (const event of events) if (event.startsWith("data: ")) take(JSON.parse(event.slice(6)));
        }
      } catch (error) {
        if (mine.signal.aborted) return;
        if (error instanceof Failed && error.status) return; // a refusal; a server that is gone may come back
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  const heed = () => {
    if (document.hidden) stop?.abort();
    else if (!stop || stop.signal.aborted) listen();
  };
  document.addEventListener("visibilitychange", heed);
  heed();
  return () => {
    document.removeEventListener("visibilitychange", heed);
    stop?.abort();
  };
}

// Has the browser keep something as a file
export function keep(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name.replace(/[^\w.-]+/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
