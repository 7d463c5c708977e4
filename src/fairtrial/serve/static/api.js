// All that this page asks the server for, with the key that the token in the address was exchanged for.

const API = "/api/1";
const KEY = "fairtrial-key";

export class Failed extends Error {
  constructor(status, said) {
    super(said);
    this.status = status;
  }
}

// Exchanges the token, if the address has one, and takes it out of the address and the history
export async function enter() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await fetch(`${API}/session`, { method: "POST", headers: { "x-fairtrial-token": token } });
  if (answer.ok) localStorage.setItem(KEY, (await answer.json()).key);
}

// fetch with the key; Failed with the server's own words if it refuses
export async function ask(path, about = {}) {
  const headers = { ...about.headers, "x-fairtrial-key": localStorage.getItem(KEY) ?? "" };
  const answer = await fetch(API + path, { ...about, headers });
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
export function follow(path, take, state = () => {}) {
  let stop = null;
  async function listen() {
    const mine = (stop = new AbortController());
    while (!mine.signal.aborted) {
      try {
        const answer = await ask(path(), { signal: mine.signal });
        state(true);
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
        if (error instanceof Failed) return state(false, error);
      }
      state(false);
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
