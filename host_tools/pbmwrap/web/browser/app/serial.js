// The transport to a wrap on USB, by the browser's Web Serial. This file opens the port, moves bytes
// and keeps time; everything that has a meaning is Python on MicroPython (pbmwrap/web/browser/host.py).
//
// Connecting sends nothing but requests of the link, which never change a session: no Ctrl-C, no raw
// prompt. DTR and RTS are left as the browser sets them, because on an ESP32's USB bridge they reset
// the chip. Only an RP2040, which has no such lines, gets DTR, without which MicroPython sends nothing.

import { createRuntime } from "../../device/runtime.js";
import { fromHex, toHex } from "./bytes.js";
import { READS_TOML } from "./reads_toml.js";
import { WrapError } from "./transport.js";
import { NO_RESET_LINES, USB_VENDORS } from "./usb_vendors.js";

const BAUD = 115200;
const BUFFER_BYTES = 65536; // a window of the log and more
const TICK_MS = 100;
const AGAIN_MS = 2000; // between two attempts to open a port that is busy or gone
const REFUSALS = { NetworkError: "busy", InvalidStateError: "busy" };

/** Whether this browser can reach a port, or the key of the text that says why not. */
export function whyNoSerial() {
  if (!isSecureContext) return "serial.insecure";
  return "serial" in navigator ? null : "serial.unsupported";
}

export function createSerialTransport() {
  const waiting = new Map(); // requests by number
  let on = () => {};
  let runtime = null;
  let ready = null; // Python runs
  let port = null; // the chosen one
  let reader = null;
  let writer = null;
  let opening = false;
  let wanted = true; // false: released, for an installation
  let hello = null;
  let last = 0;
  let chain = Promise.resolve(); // of calls, in the order in which they were made

  const state = (connection, reason = "") => on("state", {
    connection, reason, message: "", hint: "", port: portName(), simulated: false, hello, actor: true,
  });

  function portName() {
    if (!port) return "";
    const { usbVendorId: vendor, usbProductId: product } = port.getInfo();
    const hex = (n) => n.toString(16).padStart(4, "0");
    return vendor === undefined ? "USB" : `USB ${hex(vendor)}:${hex(product ?? 0)}`;
  }

  /** One step of Python: what has arrived goes in, what is to be sent and shown comes out. */
  function pump(bytes = new Uint8Array()) {
    return inOrder(async () => {
      const now_s = performance.now() / 1000;
      handle(await runtime.call("host.pump", [now_s, Date.now(), now_s, 1, toHex(bytes)]));
    });
  }

  function inOrder(act) {
    chain = chain.then(act).catch((error) => console.error(error));
    return chain;
  }

  function handle({ send, events, answers }) {
    if (send) write(fromHex(send));
    for (const [name, data] of events) {
      if (name === "state") {
        hello = data.hello;
        if (reader || data.connection === "lost") state(data.connection, data.reason);
      } else {
        on(name, data);
      }
    }
    for (const [number, value, error] of answers) {
      const { resolve, reject } = waiting.get(number);
      waiting.delete(number);
      if (error) reject(new WrapError(error.code, error.message, error.hint));
      else resolve(value);
    }
  }

  function write(bytes) {
    const used = writer;
    used?.write(bytes).catch(() => renewWriter(used)); // the request is repeated
  }

  /** After a write that failed: a port that is still there has a new stream. The reader notices a
      lost one. */
  function renewWriter(failed) {
    if (writer !== failed) return;
    failed.releaseLock();
    writer = port.writable?.getWriter() ?? null;
  }

  /** Opens the chosen port and reads it until it is lost. */
  async function open() {
    if (!port || opening || reader || !wanted) return;
    opening = true;
    try {
      await ready;
      await port.open({ baudRate: BAUD, bufferSize: BUFFER_BYTES });
    } catch (error) {
      opening = false;
      if (!runtime) return; // Python could not be loaded: `begin` says so
      state(REFUSALS[error.name] ?? "lost", REFUSALS[error.name] ?? "unplugged");
      return;
    }
    if (NO_RESET_LINES.includes(port.getInfo().usbVendorId)) {
      await port.setSignals({ dataTerminalReady: true }).catch(() => {});
    }
    writer = port.writable.getWriter();
    reader = port.readable.getReader();
    opening = false;
    state("searching", "opening");
    await pump();
    read();
  }

  async function read() {
    const mine = port;
    while (mine.readable && wanted) {
      try {
        reader ??= mine.readable.getReader();
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          pump(value);
        }
        break; // cancelled
      } catch {
        reader.releaseLock(); // noise on the line: the port has a new stream; or it is gone
        reader = null;
      }
    }
    await shut();
    if (wanted) state("lost", "unplugged");
  }

  async function shut() {
    reader?.releaseLock();
    writer?.releaseLock();
    reader = writer = null;
    await port.close().catch(() => {});
    await inOrder(() => runtime.call("host.lose", ["the port was closed", "plug the wrap in"]));
    await pump();
  }

  async function findPort() {
    if (port || !wanted) return;
    const known = await navigator.serial.getPorts();
    if (known.length === 1) port = known[0];
  }

  async function again() {
    if (reader || opening || !wanted) return;
    if (!port) await findPort();
    else if (!(await navigator.serial.getPorts()).includes(port)) return; // not plugged in
    await open();
  }

  function watch() {
    navigator.serial.addEventListener("connect", (event) => {
      if (reader || opening) return;
      if (!port || sameKind(event.target, port)) port = event.target;
      open();
    });
    navigator.serial.addEventListener("disconnect", (event) => {
      if (event.target === port) state("lost", "unplugged");
    });
    setInterval(() => { if (reader) pump(); }, TICK_MS);
    setInterval(again, AGAIN_MS);
    addEventListener("pagehide", () => { reader?.cancel().catch(() => {}); });
  }

  async function begin() {
    await ready;
    on("open", null);
    if (!opening) state("no-port"); // a port may have been chosen meanwhile
    if (whyNoSerial()) return;
    watch();
    await findPort();
    await open();
  }

  function sameKind(one, other) {
    const [a, b] = [one.getInfo(), other.getInfo()];
    return a.usbVendorId === b.usbVendorId && a.usbProductId === b.usbProductId;
  }

  async function ask(name, ...args) {
    await ready;
    if (READS_TOML.includes(name)) await runtime.use("toml_reader");
    last += 1;
    const number = last;
    return new Promise((resolve, reject) => {
      waiting.set(number, { resolve, reject });
      inOrder(() => runtime.call("host.ask", [number, name, args]));
      pump();
    });
  }

  return {
    kind: "serial",
    login: async () => null,
    connect(listener) {
      on = listener;
      ready = (async () => {
        runtime = await createRuntime(["host"]);
        const id = crypto.getRandomValues(new Uint32Array(1))[0] % 2 ** 30;
        await runtime.call("host.open_wrap", ["USB", false, id]);
      })();
      begin().catch((error) => {
        console.error(error);
        on("lost", null);
      });
    },
    ask,
    /** Reads what is new of the wrap's log and offers all of it as a file for `logs import`. */
    async saveLog() {
      const { uid } = await ask("pull");
      const lines = [];
      for (let part = 0; ; part += 1) {
        const text = await runtime.call("host.format_log", [uid, part]);
        if (!text) break;
        lines.push(text);
      }
      const day = new Date().toISOString().slice(0, 10);
      save(new Blob(lines, { type: "application/jsonl" }), `pbmwrap-${uid}-${day}.jsonl`);
    },
    /** Lets the user choose a port; only in answer to a press. Resolves to whether one was chosen. */
    async choosePort() {
      const filters = USB_VENDORS.map((usbVendorId) => ({ usbVendorId }));
      let chosen;
      try {
        chosen = await navigator.serial.requestPort({ filters });
      } catch (error) {
        if (error.name === "NotFoundError") return false; // the user closed the list
        throw error;
      }
      if (chosen !== port) await release();
      port = chosen;
      wanted = true;
      await open();
      return true;
    },
    /** Closes the port, so that something else may use it, and gives it back. A session goes on. */
    release,
    resume(other) {
      port = other ?? port;
      wanted = true;
      return open();
    },
  };

  async function release() {
    wanted = false;
    const used = port;
    while (opening) await new Promise((done) => { setTimeout(done, 20); });
    if (reader) {
      await reader.cancel().catch(() => {});
      while (reader) await new Promise((done) => { setTimeout(done, 20); });
    }
    return used;
  }
}

/** Offers a file to be saved, as every browser does. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
