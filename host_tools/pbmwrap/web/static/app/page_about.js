// What this is and is not, how to use it safely, and how this page looks and sounds.

import { html, Notice } from "./ui.js";
import { getLanguage, keepChoice, LANGUAGES, loadLanguage, readChoice, t } from "./text.js";
import { loadSentences } from "./said.js";
import { changed, store } from "./store.js";

const THEMES = ["auto", "light", "dark"];
const RULES = ["heat", "numb", "sleep", "eyes", "cancer", "drugs", "epilepsy", "covered", "stop",
  "doctor"];

export function About() {
  const theme = readChoice("theme") || "auto";
  const chooseTheme = (name) => {
    keepChoice("theme", name);
    document.documentElement.dataset.theme = name;
    changed();
  };
  const chooseLanguage = async (name) => {
    keepChoice("language", name);
    await Promise.all([loadLanguage(name), loadSentences(name)]);
    changed();
  };
  return html`<h1 tabindex="-1">${t("nav.about")}</h1>
    <${Notice} kind="bad" title=${t("about.no-device.title")}><p>${t("about.no-device")}</p>
    </${Notice}>
    <${Notice} kind="bad" title=${t("about.usb.title")}><p>${t("about.usb")}</p>
      <p>${t("about.usb.after")}</p></${Notice}>
    <section aria-labelledby="rules"><h2 id="rules">${t("about.rules")}</h2>
      <ul class="rules">${RULES.map((r) => html`<li>${t(`about.rule.${r}`)}</li>`)}</ul></section>
    <section aria-labelledby="look"><h2 id="look">${t("about.look")}</h2>
      <div class="row" role="group" aria-label=${t("about.language")}>
        <span>${t("about.language")}</span>
        ${LANGUAGES.map((name) => html`<button type="button" class="button choice" lang=${name}
          aria-pressed=${String(name === getLanguage())} onClick=${() => chooseLanguage(name)}>
          ${t(`language.${name}`)}</button>`)}</div>
      <div class="row" role="group" aria-label=${t("about.theme")}><span>${t("about.theme")}</span>
        ${THEMES.map((name) => html`<button type="button" class="button choice"
          aria-pressed=${String(name === theme)} onClick=${() => chooseTheme(name)}>
          ${t(`theme.${name}`)}</button>`)}</div></section>
    <section aria-labelledby="data"><h2 id="data">${t("about.data.title")}</h2>
      <p>${t("about.data")}</p></section>
    <section aria-labelledby="made"><h2 id="made">${t("about.made.title")}</h2>
      <p>${t("about.made")}</p>
      ${store.state?.hello ? html`<p>${t("about.version", { fw: store.state.hello.fw })}</p>` : null}
    </section>`;
}
