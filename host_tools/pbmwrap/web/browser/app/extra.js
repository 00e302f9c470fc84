// What only the page without a server has: the choice of the wrap, and the pages Install and Watch a
// trial.

import { Button, html, Notice } from "./ui.js";
import { t, tOr } from "./text.js";
import { changed, liveness, store, transport } from "./store.js";
import { createChoice } from "./choice.js";
import { later } from "./later.js";
import { whyNoSerial } from "./serial.js";
import { Install } from "./page_install.js";
import { Update } from "./update.js";

export const chooseTransport = createChoice;

/** The page "Watch a trial", whose script is loaded when it is opened. */
const Watch = later("nav.watch", async () => (await import("./page_watch.js")).WatchTrial);

export const MORE_PAGES = [["watch", Watch], ["install", Install]];

export const FIRST_PAGES = []; // all are shown

/** The first view: which wrap? */
export function Welcome() {
  const why = whyNoSerial();
  return html`<h1 tabindex="-1">${t("welcome.title")}</h1>
    <p>${t("welcome.text")}</p>
    <div class="welcome">
      <section aria-labelledby="try"><h2 id="try">${t("welcome.try.title")}</h2>
        <p>${t("welcome.try.text")}</p>
        <${Button} kind="main" onPress=${() => transport.choose("simulated")}>
          ${t("welcome.try")}</${Button}></section>
      <section aria-labelledby="real"><h2 id="real">${t("welcome.real.title")}</h2>
        <p>${t("welcome.real.text")}</p>
        ${why ? html`<p>${t(why)}</p>` : html`<${Button} onPress=${() => transport.choose("usb")}>
          ${t("welcome.real")}</${Button}>`}</section>
      <section aria-labelledby="watch"><h2 id="watch">${t("trial.what.title")}</h2>
        <p>${t("welcome.watch.text")}</p>
        <a class="button" href="#/watch">${t("nav.watch")}</a></section>
    </div>
    <${Notice} kind="bad" title=${t("about.no-device.title")}><p>${t("about.no-device")}</p>
    </${Notice}>`;
}

/** Above every page: which wrap this is, and a new version of the page. */
export function Banner() {
  return html`<${Update} />
    ${transport.kind === "simulated" ? html`<div class="row banner"><p>${t("welcome.simulated")}</p>
      <${Button} onPress=${() => transport.choose(null)}>${t("welcome.other")}</${Button}></div>`
      : null}`;
}

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
      <a class="button" href="#/install">${t("serial.install")}</a>
      <${Button} onPress=${() => transport.choose(null)}>${t("welcome.other")}</${Button}></div>`}`;
}

/** Not by `press`: the browser shows its list of ports only directly after a press. */
export function choose() {
  return transport.choosePort().catch((error) => {
    store.message = { error, about: "choose" };
    changed();
  });
}

/** Above the page Now: without a household there are no red flags. */
export const Unread = () => null;

/** The guided calibration: without a server there is no place for its records. */
export const Calibrate = null;

/** After new sessions were fetched: without a household nobody can be asked whose they are. */
export const AfterPull = () => null;
