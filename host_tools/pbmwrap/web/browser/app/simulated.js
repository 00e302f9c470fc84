// The transport to a simulated wrap in this browser: the firmware runs in one worker, the page's
// conversation with it (pbmwrap/web/browser/simulated_page.py) in another. This file moves bytes
// between both and keeps time.

import { createRuntime } from "../../device/runtime.js";
import { WrapError } from "./transport.js";

const TICK_MS = 100;
const PORT = "simulated";

export function createSimulatedTransport() {
  const waiting = new Map(); // requests by number
  const start = { page: performance.now(), unix: Date.now() };
  let on = () => {};
  let wrap = null;
  let page = null;
  let ready = null;
  let timer = null;
  let last = 0;
  let wrapMs = 0;
  let world = null;
  let queue = ""; // bytes of the wrap that the page has not taken
  let busy = false;

  // The simulated wrap's clock is also that of the dates: at 20 times real time the records of a
  // session would otherwise be ahead of the computer's clock.
  const times = () => [Math.round(performance.now() - start.page), start.unix + wrapMs, wrapMs];

  function handle({ send, events, answers }) {
    if (send) wrap.call("send", [send]);
    for (const [name, data] of events) {
      if (name === "connection") {
        const { connection, reason, hello } = data;
        on("state", { connection, reason, message: "", hint: "", port: PORT, simulated: true, hello,
          actor: true });
      } else {
        on(name, name === "sample" ? { ...data, at_ms: Date.now() } : data);
      }
    }
    for (const [number, answer] of answers) {
      const { resolve, reject } = waiting.get(number);
      waiting.delete(number);
      if (answer.e) reject(new WrapError(answer.e.code, answer.e.message, answer.e.hint));
      else resolve(answer.r);
    }
  }

  /** Gives the page what has arrived. One call at a time, so that a slow one makes no queue. */
  async function tick() {
    if (busy) return;
    busy = true;
    const data = queue;
    queue = "";
    try {
      handle(await page.call("simulated_page.take", [data, world?.speed ?? 1, times()]));
    } finally {
      busy = false;
    }
    if (queue) await tick();
  }

  function hear({ out, now_ms: nowMs, reached, world: changed }) {
    wrapMs = nowMs;
    if (changed) world = changed;
    if (world) on("world", { ...world, reached });
    queue += out;
    if (out) tick().catch(fail);
  }

  function fail(error) {
    console.error(error);
    on("lost", null);
  }

  async function begin() {
    const answer = fetch(new URL("../../device/examples.json", import.meta.url));
    [page, wrap] = await Promise.all([
      createRuntime(["simulated_page"]), createRuntime(["simulated"], "wrap_worker.js")]);
    const first = crypto.getRandomValues(new Uint32Array(1))[0] % 2 ** 30;
    wrap.listen(hear);
    on("open", null);
    handle(await page.call("simulated_page.start", [first, await (await answer).json(), times()]));
    timer = setInterval(() => tick().catch(fail), TICK_MS);
  }

  async function send(name, args) {
    last += 1;
    const number = last;
    const answer = new Promise((resolve, reject) => { waiting.set(number, { resolve, reject }); });
    handle(await page.call("simulated_page.ask", [number, name, args, times()]));
    return answer;
  }

  async function prepare() {
    for (;;) {
      try {
        return await send("prepare", []);
      } catch (error) {
        if (error.code !== "link_lost") throw error;
        await new Promise((done) => { setTimeout(done, TICK_MS); }); // it has not answered yet
      }
    }
  }

  return {
    kind: "simulated",
    features: { edit: false },
    login: async () => null,
    connect(listener) {
      on = listener;
      ready = begin().then(prepare);
      ready.catch(fail);
    },
    async ask(name, ...args) {
      await ready;
      if (name === "act") return null;
      if (name !== "world") return send(name, args);
      world = await wrap.call("change", args);
      return world;
    },
    close() {
      clearInterval(timer);
      page?.close();
      wrap?.close();
    },
    /** The bytes of the log that were read, as hex digits, and the wrap's time in ms: for tests. */
    readLog: () => page.call("simulated_page.read_log"),
  };
}
