// Is the light on, how warm is it, how much longer, when next, and does it do anything?

import { Button, html, Notice } from "./ui.js";
import { keepChoice, readChoice, t, tOr } from "./text.js";
import { channelName, clockText, degrees, dose, durationText, endText, number, percent, sensorName }
  from "./format.js";
import { written } from "./said.js";
import { changed, isActive, LIT, liveness, press, stateName, store, timeLeft } from "./store.js";
import { startReason, stateTitle } from "./shell.js";
import { Chart } from "./chart.js";
import { Unread } from "./extra.js";
import { FaultBox } from "./fault.js";
import * as sound from "./sound.js";

const GAUGE = { skin: [25, 43], board: [20, 65] }; // C at the gauge's ends

export function Now() {
  const live = liveness();
  const { sample, status } = store;
  return html`
    ${sample && status ? html`
      <${Unread} held=${status.held ?? null} />
      ${status.fault ? html`<${FaultBox} fault=${status.fault} />` : null}
      ${live === "live" ? html`<${Warnings} sample=${sample} status=${status} />` : null}
      <div class=${live === "live" ? "now" : "now now-old"}>
        <${Hero} />
        <${Temperatures} />
        <${Light} />
        <${Next} />
        <${Sound} />
      </div>
      <${Curves} />` : html`<${Hero} />`}
    ${store.state?.simulated && store.world ? html`<${World} />` : null}`;
}

function Hero() {
  const { sample } = store;
  const known = liveness() === "live" || !sample;
  return html`<div class="hero">
    <h1 tabindex="-1">${known ? stateTitle()
      : t("now.last-known", { state: tOr(`state.${sample.state}`, sample.state) })}</h1>
    <${Summary} />
    ${known ? null : html`<p class="old-words">${t("now.old")}</p>`}
  </div>`;
}

function Summary() {
  const { sample, status } = store;
  if (!sample || !status) return html`<p>${t("now.waiting")}</p>`;
  if (!isActive()) return html`<${Rest} />`;
  const left = liveness() === "live" ? timeLeft() : null;
  const done = status.total_ms ? Math.min(1, sample.active_ms / status.total_ms) : 0;
  return html`
    <p class="what">${t("now.runs", {
      name: protocolName(status.protocol), site: siteName(status.site) })}</p>
    ${left ? html`<p class="left"><strong>${clockText(left.s)}</strong>
      ${" "}${t("left.minutes")}</p>
      <progress class="done" max="1" value=${done} aria-label=${t("now.progress")}></progress>
      <p>${t(left.byDose ? "now.of-dose" : "now.of", { done: durationText(sample.active_ms / 1000),
        all: durationText(status.total_ms / 1000) })}</p>` : null}
    <p>${t(`state.${stateName()}.more`)}</p>`;
}

function Rest() {
  const { status } = store;
  const why = startReason();
  return html`
    ${status.next_protocol
      ? html`<p class="what">${t("now.next", { name: protocolName(status.next_protocol) })}</p>`
      : null}
    <p>${why || t("now.press-start")}</p>
    ${stateName() === "done" ? html`<p>${t("now.ended", { why: endText(status.end_reason) })}</p>`
      : null}`;
}

export function protocolName(id) {
  return id ? written(store.names[id] ?? id).words : t("now.no-protocol");
}

function siteName(site) {
  return written(site).words;
}

function Warnings({ sample, status }) {
  const dims = sample.derate_pm < 1000 && LIT.includes(sample.state);
  const boxes = sample.warnings.map((name) => html`<${Notice} kind="note"
    title=${tOr(`warning.${name}`, name)}><p>${tOr(`warning.${name}.do`, "")}</p></${Notice}>`);
  return html`${dims ? html`<${Notice} kind="note" title=${t("now.dims", {
    part: percent(sample.derate_pm / 1000) })}><p>${t("now.dims.do")}</p></${Notice}>` : null}
    ${boxes}
    ${status.unconfirmed?.length ? html`<${Notice} kind="bad" title=${t("unconfirmed.title")}>
      <p><a href="#/wrap">${t("unconfirmed.go")}</a></p></${Notice}>` : null}`;
}

function Temperatures() {
  const sensors = store.state?.hello?.sensors ?? [];
  const limits = store.status.limits;
  return html`<section aria-labelledby="temps"><h2 id="temps">${t("temp.title")}</h2>
    <ul class="temps">${sensors.map(([name, role], i) => html`<${Gauge} name=${sensorName(name)}
      mc=${store.sample.temps_mc[i]} role=${role} limits=${limits} />`)}</ul>
    <p class="legend">${t("temp.legend", {
      from: degrees(limits.derate_from_mc), zero: degrees(limits.derate_zero_mc),
      trip: degrees(limits.skin_trip_mc), board: degrees(limits.board_trip_mc) })}</p>
  </section>`;
}

function judge(mc, role, limits) {
  if (mc === null || mc === undefined) return "none";
  if (mc >= (role === "skin" ? limits.skin_trip_mc : limits.board_trip_mc)) return "trip";
  if (role === "skin" && mc >= limits.derate_zero_mc) return "zero";
  if (role === "skin" && mc >= limits.derate_from_mc) return "dims";
  return "fine";
}

function Gauge({ name, mc, role, limits }) {
  const [low, high] = GAUGE[role] ?? GAUGE.board;
  const at = (c) => `${Math.min(100, Math.max(0, ((c - low) / (high - low)) * 100))}%`;
  const trip = (role === "skin" ? limits.skin_trip_mc : limits.board_trip_mc) / 1000;
  const kind = judge(mc, role, limits);
  return html`<li class=${`temp temp-${kind}`}>
    <span class="temp-name">${name}</span>
    <strong class="temp-value">${degrees(mc)}</strong>
    <span class="temp-word">${t(`temp.is.${kind}`)}</span>
    <svg class="gauge" aria-hidden="true" focusable="false">
      <rect class="gauge-back" width="100%" height="100%" rx="4" />
      ${role === "skin" ? html`<rect class="gauge-band" x=${at(limits.derate_from_mc / 1000)}
        width=${width(limits, low, high)} height="100%" />` : null}
      ${kind === "none" ? null : html`<rect class="gauge-fill" y="25%" width=${at(mc / 1000)}
        height="50%" rx="3" />`}
      <line class="gauge-trip" x1=${at(trip)} x2=${at(trip)} y1="0" y2="100%" />
    </svg>
  </li>`;
}

function width(limits, low, high) {
  return `${((limits.skin_trip_mc - limits.derate_from_mc) / 1000 / (high - low)) * 100}%`;
}

function Light() {
  const { sample, status } = store;
  const channels = store.state?.hello?.channels ?? [];
  const target = status.dose_target_uj;
  const given = sample.dose_total_uj;
  return html`<section aria-labelledby="light"><h2 id="light">${t("light.title")}</h2>
    ${channels.map((channel, i) => {
      const duty = (sample.duty_u16[i] ?? 0) / 65535;
      return html`<div class="meter"><span>${channelName(channel)}</span>
        <strong>${percent(duty)}</strong>
        <progress max="1" value=${duty} aria-label=${channelName(channel)}></progress></div>`;
    })}
    ${given === null || given === undefined ? html`<p>${t("dose.unknown")}</p>` : html`
      <div class="meter"><span>${t("dose.title")}</span>
        <strong>${target ? t("dose.of", { given: number(given / 1e6, 2),
          target: dose(target) }) : dose(given)}</strong>
        ${target ? html`<progress max=${target} value=${given} aria-label=${t("dose.title")} />`
          : null}</div>`}
    ${status.power_pm !== null && status.power_pm < 1000 ? html`<p>${t("power.text", {
      part: percent(status.power_pm / 1000) })} ${status.power_why
      ? tOr(`power.${status.power_why}`, status.power_why) : null}</p>` : null}
  </section>`;
}

function Next() {
  const { sample, status } = store;
  const rows = [
    [t("next.session"), nextSession(status)],
    isActive() && !sample.wake_waiting && status.wake_due_s !== null
      ? [t("next.wake"), t("next.in", { time: durationText(status.wake_due_s) })] : null,
    [t("next.protocol"), protocolName(status.next_protocol)],
    [t("next.number"), status.session ? String(status.session) : "-"],
  ];
  return html`<section aria-labelledby="next"><h2 id="next">${t("next.title")}</h2>
    <dl class="facts">${rows.filter(Boolean).map(([name, value]) =>
      html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

function nextSession(status) {
  if (stateName() === "fault") return t("next.fault");
  if (status.next_s === null) return t("next.none");
  if (isActive()) return t("next.after");
  if (status.next_s <= 0) return t("next.now");
  return t("next.in", { time: durationText(status.next_s) });
}

function Sound() {
  const on = readChoice("sound") !== "off";
  const works = sound.ready();
  const choose = async () => {
    keepChoice("sound", on && works ? "off" : "on");
    if (!(on && works)) {
      await sound.unlock();
      sound.play();
    } else {
      sound.setAlarm(false);
    }
    changed();
  };
  const state = !on ? "off" : works ? "on" : "locked";
  return html`<section aria-labelledby="sound"><h2 id="sound">${t("sound.title")}</h2>
    <p>${t(`sound.is.${state}`)}</p>
    <${Button} onPress=${choose}>${t(state === "on" ? "sound.off" : "sound.on")}</${Button}>
  </section>`;
}

function Curves() {
  const { history } = store;
  const hello = store.state?.hello;
  if (!history?.t_s.length || !hello) return null;
  const limits = store.status.limits;
  const temps = hello.sensors.map(([name], i) =>
    ({ name: sensorName(name), values: history.temps_c[i] ?? [], digits: 1 }));
  const duties = hello.channels.map((channel, i) =>
    ({ name: channelName(channel), values: (history.duty[i] ?? []).map(toPercent), digits: 0 }));
  const doses = history.dose_j_cm2;
  const target = store.status.dose_target_uj / 1e6;
  return html`<section class="curves" aria-labelledby="curves">
    <h2 id="curves">${t(isActive() ? "curves.now" : "curves.last")}</h2>
    <${Chart} title=${t("temp.title")} unit="°C" xs=${history.t_s} series=${temps}
      low=${28} high=${42} bands=${[{ from: limits.derate_from_mc / 1000,
        to: limits.derate_zero_mc / 1000, name: t("chart.dims") }]}
      lines=${[{ at: limits.skin_trip_mc / 1000, name: t("chart.trip") }]} />
    <div class="pair">
      <${Chart} title=${t("light.title")} unit="%" xs=${history.t_s} series=${duties}
        low=${0} high=${100} />
      ${doses.some((d) => d !== null) ? html`<${Chart} title=${t("dose.title")} unit="J/cm²"
        xs=${history.t_s} series=${[{ name: t("dose.given"), values: doses, digits: 2 }]}
        low=${0} high=${target * 1.2 || 1} digits=${1}
        lines=${target ? [{ at: target, name: t("dose.target") }] : []} />` : null}
    </div>
  </section>`;
}

function toPercent(part) {
  return part === null ? null : part * 100;
}

function World() {
  const { world } = store;
  const act = (control, value) => press("world", control, value);
  const sensors = world.sensors ?? [];
  const toggle = (control, on) => html`<${Button} onPress=${() => act(control, !on)}>
    ${t(`world.${control}.${on ? "off" : "on"}`)}</${Button}>`;
  return html`<section class="world" aria-labelledby="world"><h2 id="world">${t("world.title")}</h2>
    <p>${t("world.text")}</p>
    <div class="row">
      ${"worn" in world ? toggle("worn", world.worn) : null}
      ${toggle("cover", world.cover)}
      ${toggle("hot_room", world.hot_room)}
      <${Button} onPress=${() => act("press", "short")}>${t("world.press")}</${Button}>
      ${world.pull_sensor
        ? html`<${Button} onPress=${() => act("pull_sensor", null)}>${t("world.sensor.back")}</${Button}>`
        : sensors.map((name) => html`<${Button} onPress=${() => act("pull_sensor", name)}>
            ${t("world.sensor.pull", { name: sensorName(name) })}</${Button}>`)}
      ${"cable" in world ? toggle("cable", world.cable) : null}
      ${"power" in world ? toggle("power", world.power) : null}
    </div>
    <div class="row" role="group" aria-label=${t("world.speed")}><span>${t("world.speed")}</span>
      ${(world.speeds ?? [1, 10, 60]).map((speed) => html`<button type="button" class="button choice"
        aria-pressed=${String(speed === world.speed)} onClick=${() => act("speed", speed)}>
        ${t("world.times", { n: speed })}</button>`)}</div>
    ${world.reached === undefined ? null : html`<p>${t("world.reached", {
      n: number(world.reached, world.reached < 10 ? 1 : 0) })}</p>`}
    ${"indicator" in world ? html`<p>${t(world.indicator ? "world.led.on" : "world.led.off")}
      ${" "}${t(world.buzzer ? "world.buzzer.on" : "world.buzzer.off")}</p>` : null}
  </section>`;
}
