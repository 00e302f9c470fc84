// A number by days, as SVG: places are in percent, so text keeps its size on any screen. The table
// behind it has the same figures.

import { Component, html, Table } from "./ui.js";
import { t } from "./text.js";
import { number, readDay, shortDay } from "./format.js";

const HEIGHT_PX = 300;
const TOP_PX = 34;
const BOTTOM_PX = 250; // of the scale; the ticks of the sessions stand below
const LEFT = 13; // percent
const DAY_MS = 86_400_000;

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean and standard deviation of the baseline; null with fewer than two numbers. */
function findBand(values, course) {
  const before = values.filter(([day]) => day >= course.baseline_from && day < course.start)
    .map(([, value]) => value);
  if (before.length < 2) return null;
  const middle = mean(before);
  const squares = before.map((value) => (value - middle) ** 2);
  return { middle, deviation: Math.sqrt(mean(squares) * before.length / (before.length - 1)) };
}

export class DayChart extends Component {
  render() {
    const { title, state } = this.props;
    const { course, values, today } = state;
    const { measure } = course;
    const first = [course.baseline_from, ...values.map(([day]) => day)].sort()[0];
    const last = [course.end, ...values.map(([day]) => day)].sort().at(-1);
    const span = Math.max(1, (readDay(last) - readDay(first)) / DAY_MS);
    const high = measure.high <= 10 ? measure.high
      : 50 * (Math.floor(Math.max(50, ...values.map(([, value]) => value)) / 50) + 1);
    const x = (day) => `${LEFT + ((readDay(day) - readDay(first)) / DAY_MS / span) * (97 - LEFT)}%`;
    const y = (value) => BOTTOM_PX - ((value - measure.low) / (high - measure.low))
      * (BOTTOM_PX - TOP_PX);
    const cut = (value) => Math.min(high, Math.max(measure.low, value));
    const band = findBand(values, course);
    const since = values.filter(([day]) => day >= course.start).map(([, value]) => value);
    const lit = [...new Set(state.adherence.sessions.map((session) => session.day))];
    const steps = [0, 0.5, 1].map((part) => measure.low + part * (high - measure.low));
    const open = Boolean(this.state.open);
    const words = [title, t("chart.days", { n: values.length, first: shortDay(first),
      last: shortDay(last) }),
    band ? t("chart.baseline", { mean: number(band.middle, 1), sd: number(band.deviation, 1) }) : "",
    since.length ? t("chart.since", { mean: number(mean(since), 1) }) : ""].filter(Boolean);
    return html`<figure class="chart">
      <figcaption>${title} <span class="unit">${measure.unit}</span></figcaption>
      <svg class="days" width="100%" height=${HEIGHT_PX} role="img" aria-label=${words.join(". ")}>
        ${band ? html`<rect class="day-band" x=${`${LEFT}%`} width=${`${97 - LEFT}%`}
          y=${y(cut(band.middle + band.deviation))} height=${y(cut(band.middle - band.deviation))
            - y(cut(band.middle + band.deviation))} />
          <line class="day-mean" x1=${`${LEFT}%`} x2=${x(course.start)} y1=${y(band.middle)}
            y2=${y(band.middle)} />` : null}
        ${since.length ? html`<line class="day-since" x1=${x(course.start)} x2="97%"
          y1=${y(mean(since))} y2=${y(mean(since))} />` : null}
        ${steps.map((step) => html`<line class="day-grid" x1=${`${LEFT}%`} x2="97%" y1=${y(step)}
          y2=${y(step)} /><text x=${`${LEFT - 1.5}%`} y=${y(step)} dy="0.35em" text-anchor="end">
          ${number(step)}</text>`)}
        ${[[course.start, "chart.start"], [course.rule_day, "chart.rule"]].map(([day, key]) => html`
          <line class="day-line" x1=${x(day)} x2=${x(day)} y1=${TOP_PX - 8} y2=${BOTTOM_PX + 22} />
          <text x=${x(day)} y=${TOP_PX - 14} text-anchor=${key === "chart.rule" ? "end" : "middle"}>
            ${t(key)}</text>`)}
        ${state.marks.map(([day]) => html`<line class="day-mark" x1=${x(day)} x2=${x(day)}
          y1=${TOP_PX} y2=${BOTTOM_PX} />`)}
        ${lit.map((day) => html`<line class="day-light" x1=${x(day)} x2=${x(day)}
          y1=${BOTTOM_PX + 8} y2=${BOTTOM_PX + 22} />`)}
        ${values.map(([day, value, late]) => html`<circle class=${late ? "day-late" : "day-dot"}
          cx=${x(day)} cy=${y(cut(value))} r="5" />`)}
        <text x=${x(first)} y=${HEIGHT_PX - 6}>${shortDay(first)}</text>
        <text x="97%" y=${HEIGHT_PX - 6} text-anchor="end">${shortDay(last)}</text>
      </svg>
      <ul class="legend">
        <li><${Key} kind="day-dot" />${t("chart.key.dot")}</li>
        <li><${Key} kind="day-late" />${t("chart.key.late")}</li>
        ${band ? html`<li><${Key} kind="day-band" />${t("chart.key.band")}</li>` : null}
        ${since.length ? html`<li><${Key} kind="day-since" />${t("chart.key.since")}</li>` : null}
        ${lit.length ? html`<li><${Key} kind="day-light" />${t("chart.key.light")}</li>` : null}
        ${state.marks.length ? html`<li><${Key} kind="day-mark" />${t("chart.key.mark")}</li>` : null}
      </ul>
      <p>${words.slice(1).join(". ")}.</p>
      <details onToggle=${(event) => this.setState({ open: event.currentTarget.open })}>
        <summary>${t("chart.table")}</summary>
        ${open ? this.table(values, lit, new Map(state.marks), today) : null}</details>
    </figure>`;
  }

  table(values, lit, marks, today) {
    const byDay = new Map(values.map(([day, value, late]) => [day, [value, late]]));
    const days = [...new Set([...byDay.keys(), ...lit, ...marks.keys()])]
      .filter((day) => day && day <= today).sort().reverse();
    const rows = days.map((day) => {
      const [value, late] = byDay.get(day) ?? [null, false];
      return [shortDay(day), value === null ? "-" : number(value), lit.includes(day)
        ? t("chart.yes") : "-", [late ? t("chart.key.late") : "", marks.get(day) ?? ""]
        .filter(Boolean).join(". ")];
    });
    const columns = ["day", "number", "light", "note"].map((name) =>
      ({ name: t(`chart.col.${name}`), number: name === "number" }));
    return html`<${Table} caption=${this.props.title} columns=${columns} rows=${rows} />`;
  }
}

function Key({ kind }) {
  const shape = {
    "day-dot": () => html`<circle class="day-dot" cx="14" cy="12" r="5" />`,
    "day-late": () => html`<circle class="day-late" cx="14" cy="12" r="5" />`,
    "day-band": () => html`<rect class="day-band" x="0" y="4" width="28" height="16" />
      <line class="day-mean" x1="0" x2="28" y1="12" y2="12" />`,
    "day-since": () => html`<line class="day-since" x1="0" x2="28" y1="12" y2="12" />`,
    "day-light": () => html`<line class="day-light" x1="14" x2="14" y1="5" y2="19" />`,
    "day-mark": () => html`<line class="day-mark" x1="14" x2="14" y1="0" y2="24" />`,
  }[kind];
  return html`<svg class="key" width="28" height="24" aria-hidden="true">${shape()}</svg>`;
}
