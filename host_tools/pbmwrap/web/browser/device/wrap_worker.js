// Worker in which the simulated wrap lives. Its time runs at `speed` times the wall clock's, or as
// fast as this machine can; time that could not be kept up with is not caught up later.
//
// It takes {id, name, args}: "send" [hex digits] and "change" [control, value] of the world. It sends
// {out, now_ms, reached} after each slice in which something came out, four times a second otherwise,
// and `world` in it when the world has changed. reached: how fast its time ran in the last second.

import { loadPython } from "./python.js";

const STEP_MS = 10; // one control step
const SLICE_MS = 100; // most virtual time of one call
const TURN_MS = 30; // most wall time before messages are looked at
const LAG_MS = 200; // wall time
const NEWS_MS = 250;
// Virtual time that passes at once when it begins. A start needs half a minute of darkness for the
// reference of the heat balance (wrap/rules/limits.py, REFERENCE_WAIT_MS) and waits for what is missing.
const REST_MS = 36000;

let python = null;
let speed = 1;
let toWrap = "";
let due = 0; // virtual ms
let rest = REST_MS;
let last = 0;
let told = 0;
let measured = { wall: 0, virtual: 0, reached: 1 };

function advance(ms) {
  const text = toWrap;
  toWrap = "";
  const answer = python.call("simulated.advance", [ms, text]);
  const now = performance.now();
  if (now - measured.wall >= 1000) {
    const reached = (answer.now_ms - measured.virtual) / (now - measured.wall);
    measured = { wall: now, virtual: answer.now_ms, reached };
  }
  if (answer.world) speed = answer.world.speed;
  if (answer.out || answer.world || now - told >= NEWS_MS) {
    told = now;
    postMessage({ ...answer, reached: measured.reached });
  }
}

function turn() {
  const now = performance.now();
  due = Math.min(due + (now - last) * speed, LAG_MS * speed);
  last = now;
  while (rest > 0 && performance.now() - now < TURN_MS) {
    rest -= SLICE_MS;
    advance(SLICE_MS);
  }
  while (due >= STEP_MS && performance.now() - now < TURN_MS) {
    const ms = Math.min(SLICE_MS, Math.floor(due / STEP_MS) * STEP_MS);
    due -= ms;
    advance(ms);
  }
  setTimeout(turn, due >= STEP_MS || rest > 0 ? 0 : STEP_MS);
}

async function begin() {
  python = await loadPython(["simulated"]);
  python.call("simulated.begin");
  while (!python.call("simulated.settle")) {
    // one part more
  }
  last = performance.now();
  measured.wall = last;
  postMessage({ ready: true });
  turn();
}

onmessage = ({ data }) => {
  if (data.modules) {
    begin().catch((error) => postMessage({ failed: String(error?.message ?? error) }));
    return;
  }
  const { id, name, args } = data;
  if (name === "send") {
    toWrap += args[0];
    postMessage({ id, value: null });
    return;
  }
  try {
    const world = python.call("simulated.change", args);
    speed = world.speed;
    postMessage({ id, value: world });
  } catch (error) {
    const { code = "bug", message, hint = "", problems } = error;
    postMessage({ id, error: { code, message, hint, problems } });
  }
};
