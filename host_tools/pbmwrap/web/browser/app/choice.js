// The transport of the page without a server until somebody has chosen a wrap, and the chosen one
// from then on. The choice is kept for this window, so that loading the page again keeps it; the
// address can make it as well: ?wrap=simulated or ?wrap=usb.

import { createSerialTransport } from "./serial.js";
import { createSimulatedTransport } from "./simulated.js";
import { keepForWindow, readForWindow } from "./window_choice.js";

const MAKERS = { simulated: createSimulatedTransport, usb: createSerialTransport };
const KEY = "wrap";

export function createChoice() {
  let on = () => {};
  let chosen = null;
  let settle;
  const ready = new Promise((done) => { settle = done; });

  function use(name) {
    chosen = MAKERS[name]();
    chosen.connect(on);
    settle();
  }

  const own = {
    kind: "choice",
    login: async () => null,
    async ask(...args) {
      await ready; // a page may ask before this window's choice is known
      return chosen.ask(...args);
    },
    connect(listener) {
      on = listener;
      const wanted = new URLSearchParams(location.search).get("wrap") ?? readForWindow(KEY);
      if (wanted in MAKERS) {
        use(wanted);
        return;
      }
      on("open", null);
      on("state", { connection: "choose", message: "", hint: "", port: "", simulated: false,
        hello: null, actor: true });
    },
    /** Uses a wrap: "simulated", "usb", or null for the question again. */
    choose(name) {
      keepForWindow(KEY, name);
      // A simulated wrap and a port are left best by loading the page again.
      if (chosen || !name) location.replace(`${location.pathname}#/now`), location.reload();
      else use(name);
    },
  };
  return new Proxy(own, {
    get: (mine, name) => (name !== "choose" && chosen ? chosen[name] : mine[name]),
  });
}
