// An ESP32 by its port.

import { html } from "./ui.js";

export function Esp32() {
  return html``;
}
