// Puts the firmware on a board from this page.

import { html } from "./ui.js";
import { t } from "./text.js";

export function Install() {
  return html`<h1 tabindex="-1">${t("nav.install")}</h1>`;
}
