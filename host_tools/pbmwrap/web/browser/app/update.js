// The service worker: keeps the page for use without a network, and offers a new version. The old
// one stays in use until somebody presses the button, because loading the page again ends a simulated
// session.

import { Button, html, Notice } from "./ui.js";
import { t } from "./text.js";
import { changed } from "./store.js";

let waiting = null;

function offer(worker) {
  waiting = worker;
  changed();
}

function watch(registration) {
  if (!registration) return; // the browser blocks service workers
  if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker.addEventListener("statechange", () => {
      if (worker.state === "installed" && navigator.serviceWorker.controller) offer(worker);
    });
  });
}

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register(new URL("../../sw.js", import.meta.url)).then(watch, () => {
    // Without one the page works, but only with a network: an address without https, private mode.
  });
}

export function Update() {
  if (!waiting) return null;
  const use = () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    waiting.postMessage("use-now");
  };
  return html`<${Notice} kind="note" title=${t("update.title")}><p>${t("update.text")}</p>
    <${Button} onPress=${use}>${t("update.use")}</${Button}></${Notice}>`;
}
