// The transport to a simulated wrap in this browser: the firmware runs in one worker, the page's
// conversation with it (pbmwrap/web/browser/host.py) in another. This file moves bytes
// between both and keeps time.

import { createRuntime } from "../../device/runtime.js";
import { READS_TOML } from "./reads_toml.js";
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
  let greeted = () => {};

  // The simulated wrap's clock is also that of the dates: at 20 times real time the records of a
  // session would otherwise be ahead of the computer's clock.
  const times = () => [(performance.now() - start.page) / 1000, start.unix + wrapMs, wrapMs / 1000];

  function handle({ send, events, answers }) {
    if (send) wrap.call("send", [send]);
    for (const [name, data] of events) {
      on(name, name === "sample" ? { ...data, at_ms: Date.now() } : data);
      if (name === "state" && data.connection === "connected") greeted();
    }
    for (const [number, value, error] of answers) {
      const { resolve, reject } = waiting.get(number);
      waiting.delete(number);
      if (error) reject(new WrapError(error.code, error.message, error.hint));
      else resolve(value);
    }
  }

  /** Gives the page what has arrived. One call at a time, so that a slow one makes no queue. */
  async function tick() {
    if (busy) return;
    busy = true;
    const data = queue;
    queue = "";
    try {
      handle(await page.call("host.pump", [...times(), world?.speed ?? 1, data]));
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
    [page, wrap] = await Promise.all([
      createRuntime(["host"]), createRuntime(["simulated"], "wrap_worker.js")]);
    wrap.listen(hear);
    const first = crypto.getRandomValues(new Uint32Array(1))[0] % 2 ** 30;
    await page.call("host.open_wrap", [PORT, true, first]);
    on("open", null);
    timer = setInterval(() => tick().catch(fail), TICK_MS);
    await new Promise((done) => { greeted = done; });
    await send("prepare", []);
  }

  async function send(name, args) {
    if (READS_TOML.includes(name)) await page.use("toml_reader");
    last += 1;
    const number = last;
    const answer = new Promise((resolve, reject) => { waiting.set(number, { resolve, reject }); });
    await page.call("host.ask", [number, name, args]);
    tick().catch(fail);
    return answer;
  }

  return {
    kind: "simulated",
    login: async () => null,
    connect(listener) {
      on = listener;
      ready = begin();
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
    /** The bytes of the log that were read, as hex digits: for tests. */
    readLog: (uid) => page.call("host.read_log", [uid]),
  };
}
