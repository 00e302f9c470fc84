// What every page has: navigation, the wake question, messages, and at the bottom, always in the
// same place, the state with the age of the last reading and the buttons Start, Pause and Stop.

import { Button, Failure, html, Notice, Said } from "./ui.js";
import { tOr, t } from "./text.js";
import { clockText, durationText, number } from "./format.js";
import {
  ACTIVE, ageS, changed, isActive, LIT, liveness, mayAct, press, stateName, store, timeLeft,
  wakeWaiting,
} from "./store.js";
import { Banner, FIRST_PAGES, MORE_PAGES, Reach, Welcome } from "./extra.js";
import { About } from "./page_about.js";
import { Now } from "./page_now.js";
import { Protocols } from "./page_protocols.js";
import { Sessions } from "./page_sessions.js";
import { Wrap } from "./page_wrap.js";

const ALL = [["now", Now], ["sessions", Sessions], ["protocols", Protocols], ["wrap", Wrap],
  ...MORE_PAGES, ["about", About]];
const isFirst = ([name]) => FIRST_PAGES.includes(name);
const FIRST = ALL.filter(isFirst);
const NEXT = FIRST.length ? MORE_PAGES.filter((page) => !isFirst(page)) : []; // beside the first ones
const PAGES = [...FIRST, ...NEXT, ...ALL.filter((page) => !isFirst(page) && !NEXT.includes(page))];
const FREE_PAGES = ["install", "watch", "about"]; // they need no wrap

/** The state in a few words: what is known of the light, or why nothing is. */
export function stateTitle() {
  const live = liveness();
  if (live !== "live") return t(`live.${live}`);
  return tOr(`state.${stateName()}`, stateName());
}

export function App() {
  const [name] = store.route;
  const Page = PAGES.find(([page]) => page === name)[1];
  const skip = () => document.querySelector("h1")?.focus();
  const asks = liveness() === "choose"; // which wrap
  return html`
    <button type="button" class="button skip" onClick=${skip}>${t("nav.skip")}</button>
    <header>
      <${Navigation} current=${name} />
    </header>
    <main>
      <${Banner} />
      ${asks ? null : html`<${Connection} /><${WakeQuestion} /><${Watching} />`}
      ${asks && !FREE_PAGES.includes(name) ? html`<${Welcome} />`
        : html`<${Page} route=${store.route} />`}
    </main>
    <div id="announce" class="hidden" role="status"></div>
    ${asks ? null : html`<${Controls} />`}`;
}

const MOST_LINKS = 3; // beside More on a small phone, and at 400 % zoom: else More takes a row
const phone = matchMedia("(max-width: 34rem)"); // as in style.css
const small = matchMedia("(max-width: 22.4rem)");
for (const width of [phone, small]) width.addEventListener("change", changed);

/** On a phone only the first pages and the current one are shown until More, the last one then, is
 * pressed. */
function Navigation({ current }) {
  const others = PAGES.filter((page) => isFirst(page) && page[0] !== current);
  const kept = small.matches ? others.slice(0, MOST_LINKS - 1) : others;
  const isTucked = (page) => FIRST.length > 0 && page[0] !== current && !kept.includes(page);
  const link = (page) => html`<li key=${page[0]} class=${isTucked(page) ? "tucked" : null}>
    <a href=${`#/${page[0]}`} aria-current=${page[0] === current ? "page" : null}>
      ${t(`nav.${page[0]}`)}</a></li>`;
  const toggle = () => {
    store.menu = !store.menu;
    changed();
  };
  const shown = PAGES.filter((page) => !isTucked(page));
  return html`<nav aria-label=${t("nav.label")}><ul class=${store.menu ? "menu-open" : null}>
    ${(phone.matches ? shown : PAGES).map(link)}
    ${FIRST.length && phone.matches ? html`<li key="menu" class="menu"><button type="button"
      aria-expanded=${String(store.menu)} onClick=${toggle}>
      ${t(store.menu ? "nav.less" : "nav.more")}</button></li>` : null}
    ${phone.matches ? PAGES.filter(isTucked).map(link) : null}</ul></nav>`;
}

function Connection() {
  const live = liveness();
  if (["live", "opening"].includes(live)) return null;
  // Install says so further down.
  if (live === "no-port" && ["install", "watch"].includes(store.route[0])) return null;
  const lit = store.sample && LIT.includes(stateName());
  const { message, hint } = store.state ?? {};
  return html`<${Notice} kind="bad" title=${t(`live.${live}`)}>
    <p>${t(`live.${live}.do`)}</p>
    <${Reach} />
    ${live !== "login" && lit ? html`<p>${t("live.goes-on")}</p>` : null}
    ${message && ["lost", "busy", "searching"].includes(live)
      ? html`<p><${Said} text=${message} sentence />${hint
        ? html`${": "}<${Said} text=${hint} />` : null}</p>` : null}
  </${Notice}>`;
}

function WakeQuestion() {
  if (!wakeWaiting()) return null;
  const left = store.status?.wake_due_s;
  return html`<section class="wake" role="alert" aria-label=${t("wake.title")}>
    <button type="button" class="wake-button" disabled=${store.busy === "awake"}
      onClick=${() => press("session", "awake")}>
      <span class="wake-words">${t("wake.title")}</span>
      <span>${t("wake.press")}</span>
    </button>
    <p aria-hidden="true">${left === null || left === undefined
      ? null : t("wake.left", { n: Math.round(left) })}</p>
    ${store.message?.about === "awake"
      ? html`<${Failure} error=${store.message.error} /><p>${t("wake.button")}</p>` : null}
  </section>`;
}

function Watching() {
  if (mayAct() || liveness() === "login") return null;
  return html`<${Notice} kind="note" title=${t("watch.title")}>
    <p>${t("watch.text")}</p>
    <${Button} onPress=${() => press("act")}>${t("watch.take")}</${Button}>
  </${Notice}>`;
}

function ageText() {
  const age = ageS();
  if (age === null) return t("age.none");
  return t("age.text", { age: age < 10 ? `${number(age, 1)} s` : durationText(age) });
}

/** Why Start is not possible now; null when it is. */
function whyNoStart(state) {
  const live = liveness();
  if (live !== "live") return t("start.no-link");
  if (!mayAct()) return t("start.watching");
  if (state === "paused") return null;
  if (state === "fault") return t("start.fault");
  if (isActive()) return t("start.active");
  const { status } = store;
  if (status?.unconfirmed?.length) return t("start.unconfirmed");
  if (status && !status.next_protocol) return t("start.no-protocol");
  if (status?.next_s > 0) return t("start.wait", { time: durationText(status.next_s) });
  return null;
}

function whyNoPause(state) {
  if (liveness() !== "live") return t("start.no-link");
  return ["ramp-up", "running"].includes(state) ? null : t("pause.no");
}

function Controls() {
  const state = stateName();
  const noStart = whyNoStart(state);
  const noPause = whyNoPause(state);
  const reach = store.link === "open" && store.state?.connection === "connected";
  const resume = state === "paused";
  const left = timeLeft();
  const live = liveness() === "live";
  return html`<div class="controls" role="region" aria-label=${t("controls.label")}>
    ${store.message && store.message.about !== "awake"
      ? html`<div class="controls-message">
          ${store.message.words ? html`<${Notice} kind="note" title=${store.message.words} alert />`
            : html`<${Failure} error=${store.message.error} />`}
          <${Button} onPress=${dismiss}>${t("message.close")}</${Button}></div>` : null}
    <p class=${`strip ${live ? "" : "strip-old"}`}>
      <strong class="strip-state">${stateTitle()}</strong>
      ${live && left && ACTIVE.includes(state)
        ? html`<span>${t("left.short", { time: clockText(left.s) })}</span>` : null}
      <span class="age">${ageText()}</span>
    </p>
    <div class="buttons">
      <${Button} kind="start" off=${Boolean(noStart) || store.busy} why=${noStart}
        onPress=${() => press("session", resume ? "resume" : "start")}>
        <span aria-hidden="true">▶</span> ${t(resume ? "do.resume" : "do.start")}</${Button}>
      <${Button} kind="pause" off=${Boolean(noPause) || store.busy} why=${noPause}
        onPress=${() => press("session", "pause")}>
        <span aria-hidden="true">❚❚</span> ${t("do.pause")}</${Button}>
      <${Button} kind="stop" off=${!reach} why=${t("stop.no-link")} onPress=${() => press("session", "stop")}>
        <span aria-hidden="true">■</span> ${t("do.stop")}</${Button}>
    </div>
  </div>`;
}

export function startReason() {
  const state = stateName();
  return isActive() ? null : whyNoStart(state);
}

function dismiss() {
  store.message = null;
  changed();
  document.querySelector("h1")?.focus();
}
