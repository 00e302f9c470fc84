// What a screen reader says by itself: changes of the state and of the connection, warnings, and
// every full five minutes left; never the figures that change four times a second.

import { tOr, t } from "./text.js";
import { liveness, store, timeLeft, wakeWaiting } from "./store.js";
import { stateTitle } from "./shell.js";

let said = "";

export function announce() {
  const region = document.getElementById("announce");
  if (!region) return;
  const parts = [stateTitle()];
  const left = timeLeft();
  if (liveness() === "live") {
    const minutes = left ? Math.floor(left.s / 300) * 5 : 0;
    if (minutes) parts.push(t("announce.left", { n: minutes }));
    for (const name of store.sample.warnings) parts.push(tOr(`warning.${name}`, name));
    if (wakeWaiting()) parts.push(t("wake.title"));
  }
  const words = parts.join(". ");
  if (words === said) return;
  said = words;
  region.textContent = words;
  document.title = `${stateTitle()} - ${t("app.name")}`;
}
