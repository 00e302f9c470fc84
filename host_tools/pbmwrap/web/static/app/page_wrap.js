// The wrap itself: what a check finds and how to correct it, faults, calibration, settings.

import { Button, Component, Facts, Failure, html, Loading, MARKS, Notice, Said, say, Table } from "./ui.js";
import { t, tOr } from "./text.js";
import { channelName, number, percent, storedDate, degrees } from "./format.js";
import { isActive, liveness, mayAct, store, transport } from "./store.js";
import { Calibrate } from "./extra.js";
import { FaultBox, FAULTS } from "./fault.js";

const SECTIONS = ["fault", "doctor", "calibration", "settings", "about-wrap", "update"];

export function Wrap({ route }) {
  if (Calibrate && route[1] === "calibrate") return html`<${Calibrate} />`;
  const fault = store.status?.fault;
  const jump = (id) => (event) => {
    event.preventDefault();
    const heading = document.getElementById(id);
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  };
  return html`<h1 tabindex="-1">${t("nav.wrap")}</h1>
    <nav class="jump" aria-label=${t("wrap.sections")}>${SECTIONS.map((id) =>
      html`<a href="#/wrap" onClick=${jump(id)}>${t(`wrap.${id}`)}</a>`)}</nav>
    <${Part} id="fault">${fault ? html`<${FaultBox} fault=${fault} />`
      : html`<p>${t("fault.none")}</p>`}
      <${FaultList} /></${Part}>
    <${Part} id="doctor"><${Doctor} /></${Part}>
    <${Part} id="calibration"><${Calibration} /></${Part}>
    <${Part} id="settings"><${Settings} /></${Part}>
    <${Part} id="about-wrap"><${Identity} /></${Part}>
    <${Part} id="update"><${Update} /></${Part}>`;
}

function Part({ id, children }) {
  return html`<section aria-labelledby=${id}><h2 id=${id} tabindex="-1">${t(`wrap.${id}`)}</h2>
    ${children}</section>`;
}

class FaultList extends Component {
  render() {
    const open = Boolean(this.state.open);
    return html`<details onToggle=${(e) => this.setState({ open: e.currentTarget.open })}>
      <summary>${t("fault.all")}</summary>
      ${open ? html`<${Table} caption=${t("fault.all")} hideCaption stack columns=${[
        { name: t("fault.col.blinks") }, { name: t("fault.col.what") }, { name: t("fault.col.do") }]}
        rows=${FAULTS.map((name, i) => [String(i + 1), t(`fault.${name}`), t(`fault.${name}.do`)])} />`
        : null}</details>`;
  }
}

class Doctor extends Loading {
  load() {
    return transport.ask("doctor");
  }

  show(checks) {
    const order = { bad: 0, note: 1, good: 2 };
    const sorted = [...checks].sort((a, b) => order[a.level] - order[b.level]);
    const wrong = checks.filter((c) => c.level !== "good").length;
    return html`<p>${wrong ? t("doctor.found", { n: wrong, all: checks.length })
      : t("doctor.fine", { n: checks.length })}</p>
      <${CheckList} checks=${sorted.filter((c) => c.level !== "good")} />
      <details><summary>${t("doctor.passed", { n: checks.length - wrong })}</summary>
        <${CheckList} checks=${sorted.filter((c) => c.level === "good")} /></details>
      <${Button} onPress=${this.reload}>${t("doctor.again")}</${Button}>`;
  }
}

function CheckList({ checks }) {
  if (!checks.length) return null;
  return html`<ul class="checks">${checks.map((c) => html`<li class=${`check ${c.level}`}>
        <span class="mark" aria-hidden="true">${MARKS[c.level]}</span>
        <div><p><strong>${t(`doctor.${c.level}`)}:</strong> <${Said} text=${c.name} sentence />: <${Said} text=${c.text} /></p>
        ${c.hint && c.level !== "good" ? html`<p>${t("doctor.fix")} <${Said} text=${c.hint} /></p>`
          : null}</div>
      </li>`)}</ul>`;
}

class Calibration extends Loading {
  load() {
    return transport.ask("calibration");
  }

  show({ channels, heat_test: heat }) {
    const rows = channels.map((cal) => {
      const name = channelName([cal.channel, cal.nm]);
      return cal.calibrated ? [name, `${number(cal.uw / 1000, 1)} mW/cm²`,
        `± ${number(cal.unc_pm / 10, 1)} %`, storedDate(cal.date),
        html`<span lang="en">${cal.how}</span>`]
        : [name, t(cal.void ? "calibration.void" : "calibration.none"), "-", "-", "-"];
    });
    return html`<p>${t("calibration.text")}</p>
      <${Table} caption=${t("wrap.calibration")} hideCaption stack columns=${["channel", "light", "unc",
        "date", "how"].map((c) => ({ name: t(`calibration.col.${c}`) }))} rows=${rows} />
      ${heat ? html`<p>${t("heat.is", {
        part: percent(heat.pm / 1000), date: storedDate(heat.date), max: degrees(heat.max_mc) })}
        <span lang="en"> ${heat.how}</span></p>`
        : html`<p>${t("heat.none")}</p>`}
      ${Calibrate ? html`<p><a class="button main" href="#/wrap/calibrate">${t("calibration.go")}</a>
        </p>` : html`<p>${t("calibration.how")} <code>pbmwrap cal measure</code></p>`}`;
  }
}

class Settings extends Loading {
  constructor(props) {
    super(props);
    this.confirm = this.confirm.bind(this);
  }

  load() {
    return transport.ask("settings");
  }

  async confirm() {
    try {
      await transport.ask("confirm");
      this.setState({ confirmed: true, failure: null });
    } catch (failure) {
      this.setState({ failure });
    }
    await this.reload();
  }

  show(settings) {
    const doubt = store.status?.unconfirmed ?? [];
    return html`<p>${t("settings.text")}</p>
      ${doubt.length ? html`<${Notice} kind="bad" title=${t("unconfirmed.title")}>
        <p>${t("unconfirmed.text", { what: doubt.map((d) => tOr(`store.${d}`, d)).join(", ") })}</p>
        <${Button} onPress=${this.confirm}>${t("unconfirmed.do")}</${Button}></${Notice}>` : null}
      <${Failure} error=${this.state.failure} />
      <div class="settings">${settings.map((s) => html`<${Setting} key=${s.key} setting=${s}
        onStored=${this.reload} />`)}</div>`;
  }
}

// The wrap's units as people know them: how many of its units are one.
const SCALES = { trip_mc: 1000, cap_mj: 1000, time_s: 60, light_day_s: 60 };

function refuse(event, why) {
  if (!why) return;
  event.preventDefault();
  say(why);
}

class Setting extends Component {
  constructor(props) {
    super(props);
    this.state = { value: String(props.setting.value / (SCALES[props.setting.key] ?? 1)), failure: null, done: false };
    this.store = this.store.bind(this);
  }

  async store(event) {
    event.preventDefault();
    const { setting, onStored } = this.props;
    this.setState({ failure: null, done: false });
    try {
      await transport.ask("setSetting", setting.key,
        Math.round(Number(this.state.value) * (SCALES[setting.key] ?? 1)));
      this.setState({ done: true });
      await onStored();
    } catch (failure) {
      this.setState({ failure });
    }
  }

  render() {
    const { setting: s } = this.props;
    const { value, failure, done } = this.state;
    const scale = SCALES[s.key] ?? 1;
    const [low, high] = [s.low, s.high].map((bound) => (bound === null ? null : bound / scale));
    const unit = s.unit;
    const id = `set-${s.key}`;
    const why = liveness() !== "live" ? t("start.no-link") : !mayAct() ? t("start.watching")
      : isActive() ? t("settings.not-in-session") : null;
    return html`<form class="setting" onSubmit=${this.store}>
      <label for=${id}>${tOr(`setting.${s.key}`, s.key)}</label>
      <p id=${`${id}-help`}>${tOr(`setting.${s.key}.means`, s.meaning ?? "")}
        ${" "}${low === null ? null : t("settings.range", { low: number(low), high: number(high),
          unit: tOr(`setting-unit.${s.key}`, unit) })}
        ${" "}${tOr(`setting.${s.key}.why`, "")}</p>
      <div class="row"><input id=${id} type="number" inputmode="decimal" required min=${low}
        max=${high} step="any" value=${value} aria-describedby=${`${id}-help`}
        onInput=${(e) => this.setState({ value: e.target.value, done: false })} />
        <span>${tOr(`setting-unit.${s.key}`, unit)}</span>
        <button type="submit" class="button" aria-disabled=${why ? "true" : null}
          onClick=${(e) => refuse(e, why)}
          aria-label=${t("settings.store.of", { name: tOr(`setting.${s.key}`, s.key) })}>
          ${t("settings.store")}</button></div>
      <p role="status">${done ? t("settings.stored") : null}</p>
      <${Failure} error=${failure} />
    </form>`;
  }
}

function Identity() {
  const hello = store.state?.hello;
  if (!hello) return html`<p>${t("start.no-link")}</p>`;
  return html`<${Facts} pairs=${[
    [t("identity.port"), store.state.port],
    [t("identity.uid"), hello.uid],
    [t("identity.board"), hello.board],
    [t("identity.fw"), hello.fw],
    [t("identity.integrity"), tOr(`identity.${hello.integrity}`, hello.integrity)],
    [t("identity.memory"), tOr(`identity.${hello.memory}`, hello.memory)],
  ]} />`;
}

/** The versions side by side, and how to install. The server holds the port that this needs, and a
 * wrap in the middle of it has no button: so a person does it at the wrap, with it taken off. */
function Update() {
  const { hello, version, simulated } = store.state ?? {};
  if (!hello) return html`<p>${t("start.no-link")}</p>`;
  if (simulated) return html`<p>${t("update.simulated")}</p>`;
  const same = !version || version === hello.fw;
  return html`
    ${version ? html`<${Facts} pairs=${[[t("update.wrap"), hello.fw],
      [t("update.program"), version]]} />
      <${Notice} kind=${same ? "good" : "note"} title=${t(same ? "update.same" : "update.differs")} />`
      : null}
    <p>${t("update.how")}</p>
    <ol>
      <li>${t("update.off")}</li>
      <li>${t("update.end")}</li>
      <li>${t("update.run")} <code>pbmwrap install</code></li>
      <li>${t("update.again")} <code>pbmwrap web</code></li>
    </ol>`;
}
