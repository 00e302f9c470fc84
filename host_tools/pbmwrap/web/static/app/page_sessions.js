// Past sessions, from the archive on this computer: a month, a table, one session, several compared.

import { Button, Component, Facts, Failure, html, Loading, Said, Table, Written } from "./ui.js";
import { written } from "./said.js";
import { getLanguage, t, tCount, tOr } from "./text.js";
import { channelName, dateTime, dayText, degrees, dose, durationText, endText, sensorName }
  from "./format.js";
import { liveness, store, transport } from "./store.js";
import { Chart } from "./chart.js";
import { AfterPull } from "./extra.js";
import { FAULTS } from "./fault.js";

const COMPARED_MOST = 4; // as many dash patterns as a chart has

export function Sessions({ route }) {
  if (route[1] === "compare") return html`<${Compare} key=${route[2]} ids=${route[2] ?? ""} />`;
  if (route[2]) return html`<${One} key=${route.join("/")} uid=${route[1]} number=${route[2]} />`;
  return html`<${Overview} key="all" />`;
}

/** A page without an archive forgets what it has read: the log as a file, for `logs import`. */
class LogFile extends Component {
  constructor(props) {
    super(props);
    this.pull = this.pull.bind(this);
  }

  async pull() {
    store.progress = null;
    this.setState({ pulling: true, done: null, error: null });
    try {
      await transport.saveLog();
      this.setState({ pulling: false, done: true });
      await this.props.onRead();
    } catch (error) {
      this.setState({ pulling: false, error });
    }
  }

  render() {
    const { pulling, done, error } = this.state;
    const { progress } = store;
    const why = liveness() === "live" ? null : t("start.no-link");
    return html`<section aria-labelledby="log-file"><h2 id="log-file">${t("log.title")}</h2>
      <p>${t("log.text")}</p>
      <div class="row"><${Button} off=${Boolean(why) || pulling} why=${why}
        onPress=${this.pull}>${t(pulling ? "log.saving" : "log.save")}</${Button}></div>
      ${pulling && progress ? html`<p><progress max=${progress.total} value=${progress.done}
        aria-label=${t("log.saving")}></progress> ${t("log.progress", {
        n: Math.round(progress.done / 1000), all: Math.round(progress.total / 1000) })}</p>` : null}
      <p role="status">${done ? t("log.saved") : null}</p>
      <${Failure} error=${error} />
      <p>${t("log.import")} <code>pbmwrap logs import FILE.jsonl</code></p></section>`;
  }
}

const key = (s) => `${s.uid}:${s.number}`;
const pathOf = (s) => `#/sessions/${encodeURIComponent(s.uid)}/${s.number}`;

function whenText(s) {
  return s.first_unix_ms === null || s.first_unix_ms === undefined
    ? t("sessions.undated", { boot: s.boot, time: durationText(s.first_up_ms / 1000) })
    : dateTime(s.first_unix_ms);
}

function dayKey(date) {
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

function total(s) {
  return s.dose_total_uj ?? null;
}

class Overview extends Loading {
  constructor(props) {
    super(props);
    const today = new Date();
    Object.assign(this.state, { month: new Date(today.getFullYear(), today.getMonth(), 1),
      day: null, chosen: [], pulling: false, pulled: null });
    this.pull = this.pull.bind(this);
  }

  async load() {
    const answer = await transport.ask("sessions");
    return Array.isArray(answer) ? answer : answer.sessions;
  }

  async pull() {
    this.setState({ pulling: true, pulled: null });
    try {
      await transport.ask("pull");
      this.setState({ pulled: { done: true } });
      await this.reload();
    } catch (error) {
      this.setState({ pulled: { error } });
    }
    this.setState({ pulling: false });
  }

  show(all) {
    const { day, month, chosen, pulling, pulled } = this.state;
    const listed = day ? all.filter((s) => s.first_unix_ms
      && dayKey(new Date(s.first_unix_ms)) === day) : all;
    const choose = (s) => this.setState({ chosen: chosen.includes(key(s))
      ? chosen.filter((k) => k !== key(s)) : [...chosen, key(s)].slice(-COMPARED_MOST) });
    return html`
      <div class="row"><${Button} onPress=${this.pull} off=${pulling}>
        ${t(pulling ? "sessions.pulling" : "sessions.pull")}</${Button}>
        <p role="status">${pulled?.done ? t("sessions.pulled") : null}</p></div>
      <${Failure} error=${pulled?.error} />
      ${pulled?.done ? html`<${AfterPull} />` : null}
      ${all.length === 0 ? html`<p>${t("sessions.none")}</p>` : html`
      <div>
        <${Month} month=${month} sessions=${all} day=${day}
          onMonth=${(m) => this.setState({ month: m, day: null })}
          onDay=${(d) => this.setState({ day: d === day ? null : d })} />
        <section aria-labelledby="list"><h2 id="list">${t("sessions.list")}</h2>
          ${day ? html`<p><${Button} onPress=${() => this.setState({ day: null })}>
            ${t("sessions.all")}</${Button}></p>` : null}
          <${SessionTable} sessions=${listed} chosen=${chosen} onChoose=${choose} />
          <p>${t("sessions.compare.how", { n: COMPARED_MOST })}</p>
          <${Button} off=${chosen.length < 2} why=${t("sessions.compare.few")}
            onPress=${() => { location.hash =
              `#/sessions/compare/${encodeURIComponent(chosen.join(","))}`; }}>
            ${t("sessions.compare", { n: chosen.length })}</${Button}>
        </section>
      </div>`}
      ${transport.saveLog ? html`<${LogFile} onRead=${this.reload} />` : null}`;
  }

  render() {
    return html`<h1 tabindex="-1">${t("nav.sessions")}</h1>${super.render()}`;
  }
}

function SessionTable({ sessions, chosen, onChoose }) {
  const rows = sessions.map((s) => [
    html`<a class="cell-link" href=${pathOf(s)}>${whenText(s)}</a>`,
    html`<label class="tick"><input type="checkbox" checked=${chosen.includes(key(s))}
      onChange=${() => onChoose(s)} /><span class="hidden">${t("sessions.choose",
      { when: whenText(s) })}</span></label>`,
    written(s.protocol_name ?? s.protocol_id ?? "-").words,
    s.active_ms === null ? "-" : durationText(s.active_ms / 1000),
    dose(total(s)) ?? "-",
    s.max_skin_mc === null ? "-" : degrees(s.max_skin_mc),
    endText(s.reason),
  ]);
  const columns = ["when", "compare", "protocol", "light", "dose", "hottest", "end"].map((name) =>
    ({ name: t(`sessions.col.${name}`), number: ["light", "dose", "hottest"].includes(name) }));
  return html`<${Table} caption=${t("sessions.list")} columns=${columns} rows=${rows}
    hideCaption />`;
}

class Month extends Component {
  render() {
    const { month, sessions, day, onMonth, onDay } = this.props;
    const language = getLanguage();
    const byDay = new Map();
    for (const s of sessions) {
      if (!s.first_unix_ms) continue;
      const k = dayKey(new Date(s.first_unix_ms));
      byDay.set(k, [...(byDay.get(k) ?? []), s]);
    }
    const weekdays = Array.from({ length: 7 }, (_, i) => new Date(2024, 0, 1 + i)); // from Monday
    const first = new Date(month);
    first.setDate(1 - ((month.getDay() + 6) % 7));
    const weeks = [];
    for (let w = 0; w < 6; w += 1) {
      const days = Array.from({ length: 7 }, (_, i) =>
        new Date(first.getFullYear(), first.getMonth(), first.getDate() + w * 7 + i));
      if (days.some((d) => d.getMonth() === month.getMonth())) weeks.push(days);
    }
    const shift = (n) => onMonth(new Date(month.getFullYear(), month.getMonth() + n, 1));
    const name = month.toLocaleDateString(language, { month: "long", year: "numeric" });
    const listed = sessions.filter((s) => s.first_unix_ms
      && new Date(s.first_unix_ms).getMonth() === month.getMonth()
      && new Date(s.first_unix_ms).getFullYear() === month.getFullYear());
    const hottest = Math.max(...listed.map((s) => s.max_skin_mc ?? 0));
    return html`<section class="month" aria-labelledby="month"><div>
      <h2 id="month">${name}</h2>
      <div class="row"><${Button} onPress=${() => shift(-1)}>${t("month.before")}</${Button}>
        <${Button} onPress=${() => shift(1)}>${t("month.after")}</${Button}></div>
      <table class="calendar"><caption class="hidden">${t("month.caption", { name })}</caption>
        <thead><tr>${weekdays.map((d) => html`<th scope="col" abbr=${d.toLocaleDateString(language,
          { weekday: "long" })}>${d.toLocaleDateString(language, { weekday: "short" })}</th>`)}
        </tr></thead>
        <tbody>${weeks.map((days) => html`<tr>${days.map((d) =>
          html`<td>${this.cell(d, byDay.get(dayKey(d)), day, onDay)}</td>`)}</tr>`)}</tbody>
      </table>
      <ul class="day-list" aria-label=${t("month.caption", { name })}>${weeks.flat()
        .filter((d) => d.getMonth() === month.getMonth() && byDay.has(dayKey(d))).map((d) =>
          html`<li>${this.cell(d, byDay.get(dayKey(d)), day, onDay)}</li>`)}</ul></div>
      <div><h3>${t("month.sum")}</h3><${Facts} pairs=${[
        [t("month.sessions"), String(listed.length)],
        [t("month.light"), durationText(listed.reduce((s, x) => s + (x.active_ms ?? 0) / 1000, 0))],
        hottest > 0 ? [t("month.hottest"), degrees(hottest)] : null,
      ]} /></div></section>`;
  }

  cell(date, sessions, day, onDay) {
    const { month } = this.props;
    if (date.getMonth() !== month.getMonth()) return null;
    if (!sessions) return html`<span class="day">${date.getDate()}</span>`;
    const k = dayKey(date);
    const bad = sessions.some((s) => s.faults?.length);
    const words = `${dayText(date)}: ${tCount("sessions.count", sessions.length)}${
      bad ? `, ${t("month.fault")}` : ""}`;
    return html`<button type="button" class="day day-used" aria-pressed=${String(k === day)}
      aria-label=${words} onClick=${() => onDay(k)}>${date.getDate()}
      <span class="dots" aria-hidden="true">${bad ? "✕" : "●".repeat(Math.min(3, sessions.length))}
      </span></button>`;
  }
}

const NO_SAMPLES = { t_s: [], temps_c: [], duty: [], dose_j_cm2: [] };

/** Sum of the lists, null where one of them has none. */
function sumLists(lists) {
  return (lists[0] ?? []).map((_, i) => lists.reduce((sum, list) =>
    sum === null || list[i] === null ? null : sum + list[i], 0));
}

class One extends Loading {
  load() {
    return transport.ask("sessionOf", this.props.uid, this.props.number);
  }

  show(s) {
    const samples = s.samples ?? NO_SAMPLES;
    const xs = samples.t_s;
    const temps = samples.temps_c.map((values, i) => ({ values, digits: 1,
      name: s.sensors?.[i] ? sensorName(s.sensors[i][0]) : t("sensor.number", { n: i + 1 }) }));
    const lights = samples.duty.map((values, i) => ({ digits: 0,
      values: values.map((part) => (part === null ? null : part * 100)),
      name: s.channels?.[i] ? channelName([s.channels[i].name, s.channels[i].wavelength_nm])
        : t("channel.number", { n: i + 1 }) }));
    const doses = sumLists(samples.dose_j_cm2);
    const trip = s.limits?.skin_trip_c;
    return html`
      <${Facts} pairs=${[
        [t("sessions.col.when"), whenText(s)],
        [t("sessions.col.protocol"), written(s.protocol_name ?? s.protocol_id).words],
        [t("sessions.site"), s.site ? html`<${Written} text=${s.site} />` : null],
        [t("protocols.grade"), s.grade ? html`<${Written} text=${s.grade} />` : null],
        [t("sessions.col.light"), s.active_ms === null ? null : durationText(s.active_ms / 1000)],
        [t("sessions.col.dose"), dose(total(s)) ?? t("sessions.no-dose")],
        [t("sessions.col.hottest"), s.max_skin_mc === null ? null : degrees(s.max_skin_mc)],
        [t("sessions.col.end"), endText(s.reason)],
        [t("sessions.by"), s.started_by ? tOr(`by.${s.started_by}`, s.started_by) : null],
        [t("sessions.paused"), s.paused_ms ? durationText(s.paused_ms / 1000) : null],
      ]} />
      ${s.faults?.length ? html`<section aria-labelledby="faults"><h2 id="faults">
        ${t("sessions.faults")}</h2><ul>${s.faults.map((f) => html`<li>${faultText(f)}</li>`)}</ul>
      </section>` : null}
      ${xs.length ? html`<${Chart} title=${t("temp.title")} unit="°C" xs=${xs} series=${temps}
        low=${28} high=${42} lines=${trip ? [{ at: trip, name: t("chart.trip") }] : []} />
        <div class="pair"><${Chart} title=${t("light.title")} unit="%" xs=${xs} series=${lights}
          low=${0} high=${100} />
        ${doses.some((d) => d !== null) ? html`<${Chart} title=${t("dose.title")} unit="J/cm²"
          xs=${xs} series=${[{ name: t("dose.given"), values: doses, digits: 2 }]} low=${0}
          high=${1} digits=${1} />` : null}</div>` : html`<p>${t("sessions.no-samples")}</p>`}
      ${s.notes?.length ? html`<section aria-labelledby="notes"><h2 id="notes">${t("sessions.notes")}
        </h2><ul>${s.notes.map((n) => html`<li><${Said} text=${noteText(n)} /></li>`)}</ul></section>`
        : null}`;
  }

  render() {
    return html`<p><a class="back" href="#/sessions">${t("sessions.back")}</a></p>
      <h1 tabindex="-1">${t("sessions.one", { n: this.props.number })}</h1>${super.render()}`;
  }
}

function noteText(note) {
  return typeof note === "string" ? note : note.text;
}

function faultText(fault) {
  const name = FAULTS[fault.code - 1];
  const words = name ? t(`fault.${name}`) : t("fault.code", { n: fault.code });
  const at = fault.sensor ? ` ${t("fault.at", { sensor: sensorName(fault.sensor) })}` : "";
  return fault.temp_mc === null || fault.temp_mc === undefined ? `${words}.${at}`
    : `${words}.${at} ${t("fault.temp", { temp: degrees(fault.temp_mc),
      limit: degrees(fault.limit_mc) })}`;
}

class Compare extends Loading {
  load() {
    const ids = this.props.ids.split(",").slice(0, COMPARED_MOST).map((id) => id.split(":"));
    return Promise.all(ids.map(([uid, n]) => transport.ask("sessionOf", uid, n)));
  }

  show(sessions) {
    const xs = [...new Set(sessions.flatMap((s) => (s.samples ?? NO_SAMPLES).t_s.map(Math.round)))]
      .sort((a, b) => a - b);
    const name = (s) => t("sessions.one", { n: s.number });
    const hottest = sessions.map((s) => {
      const { t_s, temps_c } = s.samples ?? NO_SAMPLES;
      const skin = temps_c.filter((_, i) => !s.sensors?.[i] || s.sensors[i][1] === "skin");
      const at = new Map(t_s.map((x, i) => {
        const known = skin.map((list) => list[i]).filter((c) => c !== null);
        return [Math.round(x), known.length ? Math.max(...known) : null];
      }));
      return { name: name(s), digits: 1, values: xs.map((x) => at.get(x)) };
    });
    const trip = sessions[0]?.limits?.skin_trip_c;
    const figures = [
      ["when", whenText], ["protocol", (s) => written(s.protocol_name ?? "-").words],
      ["light", (s) => (s.active_ms === null ? "-" : durationText(s.active_ms / 1000))],
      ["dose", (s) => dose(total(s)) ?? "-"],
      ["hottest", (s) => (s.max_skin_mc === null ? "-" : degrees(s.max_skin_mc))],
      ["end", (s) => endText(s.reason)],
    ];
    return html`
      <${Table} caption=${t("compare.table")} hideCaption
        columns=${[{ name: t("compare.what") }, ...sessions.map((s) => ({ name: name(s) }))]}
        rows=${figures.map(([col, show]) => [t(`sessions.col.${col}`), ...sessions.map(show)])} />
      <${Chart} title=${t("compare.hottest")} unit="°C" xs=${xs} series=${hottest} low=${28}
        high=${42} lines=${trip ? [{ at: trip, name: t("chart.trip") }] : []} />`;
  }

  render() {
    return html`<p><a class="back" href="#/sessions">${t("sessions.back")}</a></p>
      <h1 tabindex="-1">${t("compare.title")}</h1>${super.render()}`;
  }
}
