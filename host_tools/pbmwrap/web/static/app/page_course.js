// The course: the stop rule first, then the number, what was done, the plan, and files to print.

import { Button, Facts, html, Loading, Notice, Said, unsay, Written } from "./ui.js";
import { written } from "./said.js";
import { getLanguage, t, tCount, tOr } from "./text.js";
import { durationText, endText, isoOf, number, readDay, shortDay } from "./format.js";
import { transport } from "./store.js";
import { DayChart } from "./day_chart.js";
import { OpenSessions, Personal, questionOf, RedFlags, whyNoChange } from "./programme.js";

const WAIT_DAYS = 21; // until the first session: 7 to wait, 14 of baseline
const KINDS = { wait: "note", go_on: "good", stop: "bad", ask: "bad", undecided: "note" };
const DAY_MS = 86_400_000;

export class Course extends Personal {
  constructor(props) {
    super(props);
    this.title = "course";
  }

  load() {
    return transport.ask("course", this.props.route[1]);
  }

  componentDidUpdate(before) {
    if (before.route[1] !== this.props.route[1]) this.reload();
  }

  show(data) {
    const { send } = this;
    const { sending, making, changing } = this.state;
    const { state } = data;
    const done = () => {
      this.setState({ making: false, changing: false });
      scrollTo(0, 0);
    };
    const closed = state?.course.closed;
    const makes = !state || (making && closed);
    return html`
      <${RedFlags} flags=${data.flags} wrap=${data.wrap} onRead=${this.confirmRead}
        sending=${sending} />
      ${data.open_sessions ? html`<${OpenSessions} onChanged=${this.reload} />` : null}
      ${makes ? html`<${Plan} send=${send} sending=${sending} onDone=${done} today=${data.today} />`
        : changing ? html`<${Plan} send=${send} sending=${sending} onDone=${done} old=${state.course}
          today=${data.today} />` : html`
        <${Verdict} state=${state} />
        ${state.warnings.map((text) => html`<${Notice} kind="note" title=${t("course.warning")}>
          <p><${Said} text=${text} sentence /></p></${Notice}>`)}
        ${state.course.frozen || closed ? null
          : html`<${Freeze} course=${state.course} send=${send} sending=${sending}
            onChange=${() => this.setState({ changing: true })} />`}
        <${Change} state=${state} />
        <${DayChart} title=${t("course.chart")} state=${state} />
        <${Done} state=${state} />
        <${PlanFacts} course=${state.course} />
        <${Files} course=${state.course} pdf=${data.pdf} />
        <${End} course=${state.course} send=${send} sending=${sending}
          onNew=${() => this.setState({ making: true })} />`}
      <${Others} courses=${data.courses} shown=${state?.course.id} />
      ${data.notes.length ? html`<section aria-labelledby="notes"><h2 id="notes">
        ${t("sessions.notes")}</h2><ul>${data.notes.map((note) =>
          html`<li><${Said} text=${note} /></li>`)}</ul></section>` : null}`;
  }
}

/** "2 points or 30 %": the size of change that the plan asks for. */
function sizeText(course) {
  const { points, percent } = course.stop;
  const size = points === null ? null : t(course.measure.unit ? "size.metres" : "size.points",
    { n: number(points, points % 1 ? 1 : 0) });
  const part = percent === null ? null : `${number(percent)}\u00a0%`;
  return [size, part].filter(Boolean).join(` ${t("size.or")} `);
}

function ruleText(course) {
  return t(`course.rule.${course.measure.better}`, { size: sizeText(course),
    day: shortDay(course.rule_day), week: course.stop.week });
}

function withUnit(value, measure) {
  return measure.unit ? `${number(value, 1)}\u00a0${measure.unit}` : number(value, 1);
}

function Verdict({ state }) {
  const { course, verdict } = state;
  const { before, after, word } = verdict;
  const name = word === "wait" && !course.frozen ? "draft" : word;
  const judged = before !== null && after !== null;
  return html`<${Notice} kind=${KINDS[word]} title=${t(`verdict.${name}`,
      { day: verdict.until ? shortDay(verdict.until) : "" })}>
    <p>${t("course.rule")} ${ruleText(course)}</p>
    ${judged ? html`<p>${t("verdict.numbers", { before: withUnit(before, course.measure),
        after: withUnit(after, course.measure), n: verdict.n_before, m: verdict.n_after,
        day: shortDay(verdict.day), asked: withUnit(verdict.threshold, course.measure) })}</p>
        <p>${t("course.fixed")}</p>`
      : ["stop", "undecided"].includes(word) ? html`<p>${t("verdict.few",
        { n: verdict.n_before, m: verdict.n_after })}</p>` : null}
  </${Notice}>`;
}

function Change({ state }) {
  const { change, course } = state;
  const show = (value) => withUnit(value, course.measure);
  return html`<section aria-labelledby="change"><h2 id="change">${t("course.change")}</h2>
    ${change.few ? html`<p>${t("change.few", { n: change.few[0], m: change.few[1],
      before: change.needed[0], after: change.needed[1] })}</p>` : html`
      <p>${t(change.change > 0 ? "change.up" : "change.down", { n: show(Math.abs(change.change)),
        before: show(change.before), after: show(change.after), low: signed(change.low),
        high: signed(change.high) })} ${t("course.fixed")}</p>`}</section>`;
}

function signed(value) {
  return `${value < 0 ? "\u2212" : "+"}${number(Math.abs(value), 1)}`;
}

/** Planned against done, by the wrap's own log. */
function Done({ state }) {
  const { adherence: done } = state;
  const dosed = done.full + done.early > done.no_dose;
  const dose = !dosed ? t("sessions.no-dose") : `${number(done.dose_uj / 1e6, 1)} ${
    done.dose_unc_uj === null ? t("done.no-unc") : t("done.unc",
      { n: number(done.dose_unc_uj / 1e6, 1) })}`;
  const why = Object.entries(done.why).map(([code, n]) => `${endText(code)} (${n})`).join(", ");
  return html`<section aria-labelledby="done"><h2 id="done">${t("done.title")}</h2>
    <${Facts} pairs=${[
      [t("done.full"), t("done.of", { n: done.full, planned: done.planned_so_far,
        all: done.planned })],
      [t("done.early"), why ? `${done.early}: ${why}` : String(done.early)],
      [t("done.skipped"), String(done.skipped)],
      [t("done.light"), durationText(done.active_ms / 1000)],
      [t("done.dose"), dose],
      done.no_dose && dosed ? [t("done.no-dose"), tCount("sessions.count", done.no_dose)] : null,
      done.elsewhere ? [t("done.elsewhere"), tCount("sessions.count", done.elsewhere)] : null,
      done.undated ? [t("done.undated"), tCount("sessions.count", done.undated)] : null,
    ]} />
    <${Weeks} state=${state} /></section>`;
}

const SIGNS = { full: "✓", early: "◐", planned: "○", skipped: "–" };

/** A week a row. A sign has its word for a screen reader, and all have a legend. */
function Weeks({ state }) {
  const { adherence, course, today } = state;
  const byDay = new Map();
  for (const use of adherence.sessions) {
    byDay.set(use.day, use.full || byDay.get(use.day) === "full" ? "full" : "early");
  }
  const language = getLanguage();
  const start = readDay(course.start);
  const days = Array.from({ length: 7 }, (_, n) => addDays(start, n));
  const cell = (day) => {
    const iso = isoOf(day);
    const planned = course.weekdays.includes((day.getDay() + 6) % 7);
    const kind = byDay.get(iso) ?? (planned ? (iso < today ? "skipped" : "planned") : null);
    return html`<td class=${iso === today ? "is-today" : null}>${kind ? html`
      <span aria-hidden="true">${SIGNS[kind]}</span><span class="hidden">${t(`week.${kind}`)}</span>`
      : null}</td>`;
  };
  return html`<table class="weeks"><caption>${t("week.caption")}</caption>
    <thead><tr><th scope="col">${t("week.from")}</th>${days.map((day) => html`<th scope="col"
      abbr=${day.toLocaleDateString(language, { weekday: "long" })}>
      ${day.toLocaleDateString(language, { weekday: "narrow" })}</th>`)}</tr></thead>
    <tbody>${adherence.weeks.map((week) => {
      const first = readDay(week.first_day);
      return html`<tr><th scope="row">${first.toLocaleDateString(language,
        { day: "numeric", month: "short" })}</th>
        ${days.map((_, n) => cell(addDays(first, n)))}</tr>`;
    })}</tbody></table>
    <ul class="legend">${Object.entries(SIGNS).map(([kind, sign]) =>
      html`<li><span aria-hidden="true">${sign}</span> ${t(`week.${kind}`)}</li>`)}</ul>
    <p>${t("week.note")}</p>`;
}

function addDays(day, n) {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + n);
}

function PlanFacts({ course }) {
  const state = course.closed ? t("plan.closed", { day: shortDay(course.closed),
    why: course.closed_why }) : course.frozen ? t("plan.frozen", { day: shortDay(course.frozen) })
    : t("plan.draft");
  return html`<section aria-labelledby="plan"><h2 id="plan">${t("plan.title")}</h2>
    ${course.sites.map((site) => html`<${Evidence} site=${site} />`)}
    <${Facts} pairs=${[
      [t("plan.aim"), course.aim],
      [t("plan.state"), state],
      [t("plan.sessions"), t("plan.sessions.text", { n: course.sessions, weeks: course.weeks,
        all: course.planned })],
      [t("plan.days"), t("plan.days.text", { first: shortDay(course.start),
        last: shortDay(isoOf(addDays(readDay(course.end), -1))) })],
      [t("plan.baseline"), t("plan.days.text", { first: shortDay(course.baseline_from),
        last: shortDay(isoOf(addDays(readDay(course.start), -1))) })],
      [t("plan.number"), questionOf(course.measure)],
      [t("plan.others"), course.others.join("; ") || t("plan.none")],
      course.sha ? [t("plan.sha"), course.sha.slice(0, 16)] : null,
    ]} /></section>`;
}

/** What is known of a use, before anything else is said about it. */
function Evidence({ site }) {
  return html`<${Notice} kind=${site.negative ? "bad" : "note"} title=${t("plan.evidence",
      { name: written(site.name).words, grade: written(site.grade).words || t("plan.no-grade") })}>
    ${site.summary ? html`<p><${Written} text=${site.summary} /></p>` : null}
    ${site.negative ? html`<p>${t("plan.negative")}</p>` : null}
  </${Notice}>`;
}

function Freeze({ course, send, sending, onChange }) {
  const why = whyNoChange();
  return html`<section class="freeze" aria-labelledby="freeze">
    <h2 id="freeze">${t("freeze.title")}</h2>
    <p>${t("freeze.text", { day: shortDay(course.start) })}</p>
    <ul><li>${t("freeze.one")}</li><li>${t("freeze.two")}</li><li>${t("freeze.three")}</li></ul>
    <div class="row"><${Button} kind="main" off=${Boolean(why) || sending} why=${why}
      onPress=${() => send("freezeCourse", course.id)}>${t("freeze.do")}</${Button}>
      <${Button} onPress=${onChange}>${t("freeze.change")}</${Button}></div></section>`;
}

function Files({ course, pdf }) {
  const enc = encodeURIComponent;
  const sheet = `api/course/sheet?language=${getLanguage()}`;
  const link = (path, words) => html`<li><a class="button" href=${path} target="_blank"
    rel="noopener">${words}</a></li>`;
  return html`<section aria-labelledby="files"><h2 id="files">${t("files.title")}</h2>
    <p>${t("files.text")}</p>
    <ul class="plain files">
      ${link(`api/report?id=${enc(course.id)}`, t("files.report"))}
      ${pdf ? html`<li><a class="button" href=${`api/report?kind=pdf&id=${enc(course.id)}`} download>
        ${t("files.pdf")}</a></li>` : null}
      ${link(sheet, t("files.sheet"))}
      <li><a class="button" href=${`api/course/calendar?id=${enc(course.id)}`} download>
        ${t("files.calendar")}</a></li></ul>
    ${pdf ? null : html`<p>${t("files.no-pdf")}</p>`}</section>`;
}

class End extends Loading {
  load() {
    return Promise.resolve({});
  }

  show() {
    const { course, send, sending, onNew } = this.props;
    const { asks, reason = "" } = this.state;
    if (course.closed) {
      return html`<p><${Button} onPress=${onNew}>${t("plan.new")}</${Button}></p>`;
    }
    const why = whyNoChange() ?? (reason.trim() ? null : t("end.no-reason"));
    const close = async () => {
      if (await send("closeCourse", course.id, reason)) this.setState({ asks: false, reason: "" });
    };
    if (!asks) {
      return html`<p><${Button} onPress=${() => this.setState({ asks: true })}>${t("end.title")}
        </${Button}></p>`;
    }
    return html`<section aria-labelledby="end"><h2 id="end">${t("end.title")}</h2>
      <p>${t("end.text")}</p>
      <label for="reason">${t("end.why")}</label>
      <div class="row"><input id="reason" class="long" maxlength="200" value=${reason}
        onInput=${(event) => this.setState({ reason: event.currentTarget.value })} /></div>
      <div class="row"><${Button} kind="main" off=${Boolean(why) || sending} why=${why}
        onPress=${close}>${t("end.do")}</${Button}>
        <${Button} onPress=${() => this.setState({ asks: false })}>${t("journal.cancel")}</${Button}>
      </div></section>`;
  }
}

function Others({ courses, shown }) {
  const rest = courses.filter((course) => course.id !== shown);
  if (!rest.length) return null;
  return html`<section aria-labelledby="others"><h2 id="others">${t("course.others")}</h2>
    <ul class="plain">${rest.map((course) => html`<li><a class="button"
      href=${`#/course/${encodeURIComponent(course.id)}`}>${course.aim},
      ${" "}${shortDay(course.start)}</a></li>`)}</ul></section>`;
}

/** The form of a new plan, or of a draft that is changed. */
class Plan extends Loading {
  constructor(props) {
    super(props);
    const { old, today } = props;
    this.state.plan = old ? { aim: old.aim, sessions: old.sessions, weeks: old.weeks,
      stop_week: old.stop.week, points: old.stop.points, percent: old.stop.percent,
      start: old.start, time: old.time, others: old.others.join("\n"), measure: old.measure.code }
      : { sites: [], aim: "", measure: "pain", question: "", better: "lower", sessions: 3, weeks: 8,
        stop_week: 8, points: 2, percent: 30, others: "", time: "18:00", confirmed: false,
        start: isoOf(new Date(readDay(today).getTime() + (WAIT_DAYS + 0.5) * DAY_MS)) };
  }

  async load() {
    if (this.props.old) return [];
    const rows = await transport.ask("protocols");
    const known = new Set();
    return rows.filter((row) => !row.broken && row.toml && !known.has(row.toml)
      && known.add(row.toml));
  }

  put(changes) {
    unsay();
    this.setState({ plan: { ...this.state.plan, ...changes } });
  }

  choose(name, value) {
    const { plan } = this.state;
    if (name === "weeks") this.put({ weeks: value, stop_week: Math.min(plan.stop_week, value) });
    else if (name !== "measure") this.put({ [name]: value });
    else if (value === "walk") this.put({ measure: value, points: null, percent: null });
    else this.put({ measure: value, points: plan.points ?? 2, percent: plan.percent ?? 30 });
  }

  async save(chosen) {
    const { old, send, onDone } = this.props;
    const { plan } = this.state;
    const others = plan.others.split("\n").map((line) => line.trim()).filter(Boolean);
    const sites = chosen.map((row) => row.toml);
    const data = old ? await send("changeCourse", { ...plan, id: old.id, others })
      : await send("makeCourse", { ...plan, sites, others });
    if (data) onDone();
  }

  show(rows) {
    const { old, sending, today } = this.props;
    const { plan } = this.state;
    const chosen = old ? [] : rows.filter((row) => plan.sites.includes(row.toml));
    const negative = chosen.some((row) => /negative/i.test(row.evidence ?? ""));
    const why = whyNoChange() ?? (!old && !chosen.length ? t("make.no-protocol")
      : negative && !plan.confirmed ? t("make.confirm") : !plan.aim.trim() ? t("make.no-aim")
      : plan.points === null && plan.percent === null ? t("make.no-size") : null);
    const text = (name, more = {}) => html`<div class="field"><label for=${name}>
      ${t(`make.${name}`)}</label><input id=${name} value=${plan[name] ?? ""} ...${more}
      onInput=${(event) => this.put({ [name]: more.type === "number"
        ? (event.currentTarget.value === "" ? null : Number(event.currentTarget.value))
        : event.currentTarget.value })} /></div>`;
    const choice = (name, values, show) => html`<h3 id=${name}>${t(`make.${name}`)}</h3>
      <div class="row" role="group" aria-labelledby=${name}>${values.map((value) => html`
        <button type="button" class="button choice" aria-pressed=${String(plan[name] === value)}
          onClick=${() => this.choose(name, value)}>${show(value)}</button>`)}</div>`;
    const tick = (row) => this.put({ confirmed: false, sites: plan.sites.includes(row.toml)
      ? plan.sites.filter((toml) => toml !== row.toml) : [...plan.sites, row.toml] });
    const early = readDay(plan.start) - readDay(today) < (WAIT_DAYS - 0.5) * DAY_MS;
    return html`
      ${old ? null : html`<p>${t("make.text")}</p>
      <section aria-labelledby="use"><h2 id="use">${t("make.use")}</h2>
        <ul class="plain uses">${rows.map((row) => html`<li><label class="use">
          <input type="checkbox" checked=${plan.sites.includes(row.toml)}
            onChange=${() => tick(row)} /><span><strong><${Written} text=${row.name} /></strong>${": "}
          <${Written} text=${row.site} /></span></label></li>`)}</ul>
        <div role="status">${chosen.map((row) => html`<${Evidence} site=${{ name: row.name,
          grade: row.evidence ?? "", summary: row.evidence_summary,
          negative: /negative/i.test(row.evidence ?? "") }} />`)}</div>
        ${negative ? html`<label class="use"><input type="checkbox" checked=${plan.confirmed}
          onChange=${(event) => this.put({ confirmed: event.currentTarget.checked })} />
          <span>${t("make.confirmed")}</span></label>` : null}</section>`}
      <section aria-labelledby="number"><h2 id="number">${t("make.number")}</h2>
        ${text("aim", { maxlength: 200, class: "long" })}
        ${old ? null : choice("measure", ["pain", "rating", "walk"], (kind) =>
          t(`measure.${kind}`))}
        ${!old && plan.measure === "rating" ? html`${text("question", { maxlength: 200,
          class: "long" })}${choice("better", ["lower", "higher"], (way) => t(`better.${way}`))}`
          : null}</section>
      <section aria-labelledby="often"><h2 id="often">${t("make.often")}</h2>
        ${choice("sessions", [3, 4, 5], number)}
        ${choice("weeks", [4, 6, 8, 10, 12], number)}
        ${text("start", { type: "date", min: today })}
        ${early ? html`<${Notice} kind="note" title=${t("make.early")} />` : html`
          <p>${t("make.wait")}</p>`}
        ${text("time", { type: "time" })}</section>
      <section aria-labelledby="stop"><h2 id="stop">${t("make.stop")}</h2>
        <p>${t("make.stop.text")}</p>
        ${choice("stop_week", [4, 6, 8, 10, 12].filter((week) => week <= plan.weeks), number)}
        ${text("points", { type: "number", min: 0, step: "any", inputmode: "decimal" })}
        ${text("percent", { type: "number", min: 0, max: 100, step: "any", inputmode: "decimal" })}
      </section>
      <section aria-labelledby="else"><h2 id="else">${t("make.else")}</h2>
        <label for="others">${t("make.others")}</label>
        <textarea id="others" rows="3" value=${plan.others}
          onInput=${(event) => this.put({ others: event.currentTarget.value })}></textarea></section>
      <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.save(chosen)}>${t(old ? "make.change" : "make.do")}</${Button}>
        ${old ? html`<${Button} onPress=${this.props.onDone}>${t("journal.cancel")}</${Button}>`
          : null}</div>`;
  }
}
