// Starts the page: words, login, live data, and the drawing of the page that the address names.

import { html, render } from "./ui.js";
import { App } from "./shell.js";
import { chooseLanguage, loadLanguage, readChoice, t } from "./text.js";
import { announce } from "./announce.js";
import { loadSentences } from "./said.js";
import { changed, start, store, subscribe, useTransport } from "./store.js";
import { chooseTransport, MORE_PAGES } from "./extra.js";

const PAGES = ["now", "sessions", "protocols", "wrap", "about", ...MORE_PAGES.map(([name]) => name)];

/** The one-time token of the address, which is taken out of the address and of the history. */
function takeToken() {
  const found = /^#t=([^&]+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, "", `${location.pathname}${location.search}#/now`);
  return decodeURIComponent(found[1]);
}

function readRoute() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  store.route = PAGES.includes(parts[0]) ? parts : ["now"];
}

function draw() {
  render(html`<${App} />`, document.getElementById("app"));
  announce();
}

function follow() {
  const before = store.route.join("/");
  readRoute();
  if (store.route.join("/") === before) return;
  store.message = null;
  store.menu = false;
  draw();
  scrollTo(0, 0);
  document.querySelector("h1")?.focus({ preventScroll: true });
}

const token = takeToken();
document.documentElement.dataset.theme = readChoice("theme") || "auto";
const language = chooseLanguage();
await Promise.all([loadLanguage(language), loadSentences(language)]);
document.title = t("app.name");
readRoute();
useTransport(chooseTransport());
subscribe(draw);
addEventListener("hashchange", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
const started = start(token); // the login is under way before a page asks for anything
draw();
await started;
