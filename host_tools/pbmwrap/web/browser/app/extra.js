// What only the page without a server has: the choice of the wrap, and the page Install.

import { Button, html } from "./ui.js";
import { t, tOr } from "./text.js";
import { changed, liveness, store, transport } from "./store.js";
import { createSerialTransport, whyNoSerial } from "./serial.js";
import { Install } from "./page_install.js";

export const chooseTransport = () => createSerialTransport();

export const MORE_PAGES = [["install", Install]];

/** Under the words that no wrap is connected: why, and the button that chooses a port. */
export function Reach() {
  if (transport.kind !== "serial") return null;
  const reason = store.state?.reason;
  const why = whyNoSerial();
  return html`
    ${why ? html`<p>${t(why)}</p>` : null}
    ${reason ? html`<p>${tOr(`serial.reason.${reason}`, reason)}</p>` : null}
    ${why || liveness() === "live" ? null : html`<div class="row">
      <${Button} kind="main" onPress=${choose}>${t("serial.choose")}</${Button}>
      <a class="button" href="#/install">${t("serial.install")}</a></div>`}`;
}

/** Not by `press`: the browser shows its list of ports only directly after a press. */
export function choose() {
  return transport.choosePort().catch((error) => {
    store.message = { error, about: "choose" };
    changed();
  });
}
