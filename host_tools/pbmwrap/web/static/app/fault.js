// A latched fault: what it is, what to do, and the button that acknowledges it.

import { Button, html, Notice } from "./ui.js";
import { t, tOr } from "./text.js";
import { degrees, sensorName } from "./format.js";
import { liveness, mayAct, press } from "./store.js";

// By code, from 1: the codes of wrap/rules/faults.py.
export const FAULTS = ["skin-hot", "board-hot", "gross-hot", "sensor-open", "sensor-short", "cold",
  "step-late", "readback", "exception", "storage", "self-test", "rate", "stuck", "pair", "hot-off",
  "slipped", "lamp-stuck", "dead-man", "resets", "program", "memory", "light", "wiring",
  "multiplexer"];

export function FaultBox({ fault }) {
  const why = liveness() !== "live" ? t("start.no-link") : mayAct() ? null : t("start.watching");
  return html`<${Notice} kind="bad" title=${tOr(`fault.${fault.name}`, fault.text)}>
    ${fault.sensor ? html`<p>${t("fault.at", { sensor: sensorName(fault.sensor) })}</p>` : null}
    ${fault.temp_mc !== null && fault.temp_mc !== undefined ? html`<p>${t("fault.temp", {
      temp: degrees(fault.temp_mc), limit: degrees(fault.limit_mc) })}</p>` : null}
    <p>${tOr(`fault.${fault.name}.do`, t("fault.do"))}</p>
    ${fault.later ? html`<p>${t("fault.later", { n: fault.later })}</p>` : null}
    <p class="small-words">${t("fault.blinks", { n: fault.code, name: fault.name })}</p>
    <${Button} off=${Boolean(why)} why=${why} onPress=${() => press("ackFault")}>
      ${t("fault.ack")}</${Button}>
  </${Notice}>`;
}
