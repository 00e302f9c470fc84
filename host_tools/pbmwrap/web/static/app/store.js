// What the page knows of the wrap, and since when. Events change it, the pages show it.

import { setAlarm, unlock } from "./sound.js";
import { WrapError } from "./transport.js";
import { readChoice } from "./text.js";

/** The transport in use: of `extra.js`. */
export let transport = null;

export function useTransport(chosen) {
  transport = chosen;
}

export const ACTIVE = ["self-test", "ramp-up", "running", "paused", "ramp-down", "calibrating"];
export const LIT = ["ramp-up", "running", "ramp-down", "calibrating"];
const OLD_S = 3; // a wrap that is connected sends at least one sample a second
const POINTS_MOST = 2000;

export const store = {
  link: "opening", // "opening", "open", "lost" or "login": between page and server
  state: null, // the last state event: between server and wrap
  status: null,
  sample: null,
  sampleAtMs: null, // performance.now() of the last sample
  world: null,
  progress: null, // {done, total} bytes of the log that is read
  history: null, // {t_s, temps_c, duty, dose_j_cm2}, one list per sensor and channel
  names: {}, // of protocols, by id
  message: null, // {error} or {key}: the answer to the last press of a control
  busy: null, // the request under way of the controls
  route: ["now"],
  menu: false, // whether all pages are listed on a phone
};

const listeners = [];
let due = false;

export function subscribe(listener) {
  listeners.push(listener);
}

/** Draws again, once for all changes of this moment. */
export function changed() {
  if (due) return;
  due = true;
  queueMicrotask(() => {
    due = false;
    listeners.forEach((listener) => listener());
  });
}

/** Seconds since the wrap made the last sample; null before the first. */
export function ageS() {
  if (store.sampleAtMs === null) return null;
  const here = (performance.now() - store.sampleAtMs) / 1000;
  const made = store.sample?.at_ms ? (Date.now() - store.sample.at_ms) / 1000 : 0;
  return Math.max(0, here, made);
}

/** "live", or why what is on screen is not: "opening", "lost-server", "searching", "busy",
 * "lost", "old" or "login". */
export function liveness() {
  if (store.link === "login") return "login";
  if (store.link === "lost") return "lost-server";
  const connection = store.state?.connection;
  if (!connection) return "opening";
  if (connection !== "connected") return connection;
  const age = ageS();
  if (age === null) return "opening";
  return age > OLD_S ? "old" : "live";
}

export function stateName() {
  return store.sample?.state ?? store.status?.state ?? null;
}

export function isActive() {
  return ACTIVE.includes(stateName());
}

export function mayAct() {
  return store.state?.actor !== false;
}

/** Seconds of light left, and whether that is an estimate by the dose; null without a session. */
export function timeLeft() {
  const { status, sample } = store;
  if (!isActive() || !sample || !status?.total_ms) return null;
  const byTime = (status.total_ms - sample.active_ms) / 1000;
  const target = status.dose_target_uj;
  const given = sample.dose_total_uj;
  if (!target || !given || sample.active_ms < 10000) return { s: byTime, byDose: false };
  const byDose = (sample.active_ms / 1000) * ((target - given) / given);
  return byDose < byTime ? { s: Math.max(0, byDose), byDose: true } : { s: byTime, byDose: false };
}

export function wakeWaiting() {
  return Boolean(store.sample?.wake_waiting) && ["live", "old"].includes(liveness());
}

let historyOf = null; // the session that store.history shows
let offsetS = null; // history's time minus uptime

async function loadHistory() {
  historyOf = store.status?.session ?? null;
  try {
    store.history = await transport.ask("history");
    offsetS = null;
    changed();
  } catch (error) {
    if (!(error instanceof WrapError)) throw error;
    historyOf = null; // asked again with the next status
  }
}

/** The status has ids of protocols; people know them by name. Asked once for an unknown id. */
async function loadNames(...ids) {
  if (ids.every((id) => !id || id in store.names)) return;
  for (const id of ids) store.names[id] ??= id;
  try {
    for (const p of await transport.ask("protocols")) store.names[p.id] = p.name || p.id;
    changed();
  } catch (error) {
    if (!(error instanceof WrapError)) throw error;
  }
}

function addToHistory(sample) {
  const history = store.history;
  if (!history || !ACTIVE.includes(sample.state)) return;
  const last = history.t_s.at(-1) ?? -1;
  offsetS ??= last + 1 - sample.uptime_s;
  const at = sample.uptime_s + offsetS;
  if (at < last + 1) return;
  history.t_s.push(at);
  const put = (lists, values) => values.forEach((value, i) => (lists[i] ??= []).push(value));
  put(history.temps_c, sample.temps_mc.map((mc) => (mc === null ? null : mc / 1000)));
  put(history.duty, sample.duty_u16.map((duty) => duty / 65535));
  history.dose_j_cm2.push(sample.dose_total_uj === null ? null : sample.dose_total_uj / 1e6);
  if (history.t_s.length > POINTS_MOST) halve(history);
}

function halve(history) {
  const keep = (list) => list.filter((_, i) => i % 2 === 0);
  history.t_s = keep(history.t_s);
  history.dose_j_cm2 = keep(history.dose_j_cm2);
  history.temps_c = history.temps_c.map(keep);
  history.duty = history.duty.map(keep);
}

function receive(name, data) {
  if (name === "open") store.link = "open";
  if (name === "lost" && store.link !== "login") {
    store.link = "lost";
    checkLogin();
  }
  if (name === "state") store.state = data;
  if (name === "world") store.world = data;
  if (name === "progress") store.progress = data;
  if (name === "status") {
    store.status = data;
    loadNames(data.protocol, data.next_protocol);
    if (data.session !== historyOf) loadHistory();
  }
  if (name === "sample") {
    store.sample = data;
    store.sampleAtMs = performance.now();
    addToHistory(data);
  }
  setAlarm(wakeWaiting() && readChoice("sound") !== "off");
  changed();
}

/** A stream that was refused may mean that the server was started anew: its cookie is another. */
async function checkLogin() {
  try {
    await transport.ask("history");
  } catch (error) {
    if (error.code === "no_login") store.link = "login";
    changed();
  }
}

export async function start(token) {
  if (token) {
    try {
      await transport.login(token);
    } catch (error) {
      // A reload with an old link: the cookie of the first time may still be valid.
      if (error.code === "unreachable") store.link = "lost";
    }
  }
  transport.connect(receive);
  setInterval(changed, 250);
}

/** A press of a control: one request at a time, its refusal in words beside the controls. */
export async function press(name, ...args) {
  store.busy = args[0] ?? name;
  store.message = null;
  // Who starts a session here must hear the wake question: a press is what a browser waits for.
  if (readChoice("sound") !== "off") unlock().then(changed, () => {});
  changed();
  try {
    return await transport.ask(name, ...args);
  } catch (error) {
    store.message = { error, about: args[0] ?? name };
    return null;
  } finally {
    store.busy = null;
    changed();
  }
}

