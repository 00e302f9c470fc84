// "Watch a trial": twelve simulated weeks in less than two minutes. Person, secret and analysis are
// in Python (../../device, pbmwrap/web/browser/trial_show.py); this file shows what it says and keeps
// time. Loaded when the page is opened.

import { createRuntime } from "../../device/runtime.js";
import { Button, Component, Facts, Failure, html, Notice, Table } from "./ui.js";
import { written } from "./said.js";
import { t } from "./text.js";
import { number } from "./format.js";
import { WrapError } from "./transport.js";

const DAY_MS = 1200; // 84 days in 101 s
const KINDS = { better: "good", worse: "bad", same: "note", unknown: "note" };
const [WIDE, HIGH, MOST] = [840, 200, 10]; // of the drawing: px, px, points

const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
const draw = () => hex(crypto.getRandomValues(new Uint8Array(32)));

export class WatchTrial extends Component {
  constructor(props) {
    super(props);
    this.state = { plan: null, days: [], end: null, running: false, failure: null };
  }

  componentDidUpdate(_, before) {
    if (this.state.end && !before.end) document.getElementById("verdict").focus();
  }

  componentWillUnmount() {
    this.gone = true;
    clearTimeout(this.timer);
    this.runtime?.close();
  }

  /** One step of Python at a time; a failure stops the trial and is shown. */
  async attempt(step) {
    if (this.state.busy) return;
    this.setState({ busy: true, failure: null });
    try {
      await step();
    } catch (error) {
      if (!this.gone) {
        this.setState({ running: false,
          failure: new WrapError(error.code, error.message, "", "demo.failed") });
        console.error(error);
      }
    }
    this.setState({ busy: false });
  }

  begin() {
    return this.attempt(async () => {
      this.runtime ??= await createRuntime(["trial_show"]);
      const plan = await this.runtime.call("trial_show.begin", [draw(), draw()]);
      if (this.gone) return;
      this.setState({ plan, days: [], end: null, running: true });
      this.wait();
    });
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.pass(), DAY_MS);
  }

  async pass() {
    if (!this.state.running) return;
    await this.attempt(async () => {
      const day = await this.runtime.call("trial_show.advance");
      if (this.gone) return;
      this.setState({ days: [...this.state.days, day], running: !day.over });
    });
    if (this.state.running && !this.gone) this.wait();
  }

  toggle() {
    const running = !this.state.running;
    this.setState({ running });
    if (running) this.wait();
    else clearTimeout(this.timer);
  }

  reveal() {
    return this.attempt(async () => {
      this.setState({ end: await this.runtime.call("trial_show.reveal") });
    });
  }

  render() {
    const { busy, days, end, failure, plan, running } = this.state;
    const last = days[days.length - 1];
    const over = Boolean(last?.over);
    return html`<h1 tabindex="-1">${t("nav.watch")}</h1>
      <p>${t("trial.what.one")} ${t("trial.what.two")} ${t("trial.what.three")}</p>
      <${Notice} kind="note" title=${t("demo.simulated")}><p>${t("demo.text")}</p></${Notice}>
      <${Failure} error=${failure} />
      ${end ? html`<${End} end=${end} plan=${plan} days=${days} />` : null}
      <div class="row">${!plan ? html`<${Button} kind="main large" off=${busy}
          onPress=${() => this.begin()}>${t("demo.begin")}</${Button}>`
        : end ? html`<${Button} onPress=${() => this.begin()}>${t("demo.again")}</${Button}>`
        : over ? html`<${Button} kind="main large" off=${busy} onPress=${() => this.reveal()}>
          ${t("trial.reveal.do")}</${Button}>`
        : html`<${Button} kind="large" onPress=${() => this.toggle()}>
          ${t(running ? "do.pause" : "do.resume")}</${Button}>`}</div>
      <p role="status">${busy && !plan ? t("demo.loading") : over && !end ? t("demo.over") : null}</p>
      ${plan ? html`${end ? null : html`<${Today} plan=${plan} day=${last} />`}
        <${Numbers} plan=${plan} days=${days} end=${end} />
        <${Weeks} days=${days} end=${end} />` : null}`;
  }
}

const siteName = (plan, i) => written(plan.sites[i]).words;

/** What the made-up person sees today. */
function Today({ plan, day }) {
  return html`<section aria-labelledby="today"><h2 id="today">${day ? t("demo.day",
      { week: day.period + 1, weeks: plan.periods, day: ((day.day - 1) % plan.days) + 1 })
    : t("demo.first")}</h2>
    ${day ? html`<${Facts} pairs=${[
      ...plan.sites.map((_, i) => [siteName(plan, i), number(day.numbers[i])]),
      [t("demo.sessions"), t("trial.plan.of", { n: day.done, all: plan.sessions })],
    ]} />` : null}</section>`;
}

/** The numbers of both feet, day by day; after the reveal the light as well. */
function Numbers({ plan, days, end }) {
  if (!days.length) return null;
  const all = plan.periods * plan.days;
  const x = (day) => (day * WIDE) / all;
  const y = (value) => HIGH - (value * HIGH) / MOST;
  const path = (site) => days.map(({ numbers }, i) =>
    `${i ? "L" : "M"}${x(i + 0.5).toFixed(1)} ${y(numbers[site]).toFixed(1)}`).join("");
  const weeks = Array.from({ length: plan.periods }, (_, i) => i);
  return html`<section aria-labelledby="numbers"><h2 id="numbers">${t("demo.numbers")}</h2>
    <svg class="watch" viewBox=${`-2 -6 ${WIDE + 4} ${HIGH + 24}`}
      preserveAspectRatio="none" role="img"
      aria-label=${t("demo.picture", { n: days.length })}>
      ${weeks.map((week) => html`<path class="watch-week" d=${`M${x(week * plan.days)} 0V${HIGH}`} />`)}
      <path class="watch-week" d=${`M0 ${HIGH}H${WIDE}`} />
      ${end ? weeks.map((week) => html`<rect class=${end.arms[week] ? "watch-left" : "watch-right"}
        x=${x(week * plan.days) + 2} y=${HIGH + 5} width=${x(plan.days) - 4} height="10" />`) : null}
      <path class="watch-line-left" d=${path(0)} /><path class="watch-line-right" d=${path(1)} />
    </svg>
    <ul class="legend"><li>${t("demo.scale")}</li><li>${t("demo.line.full", { site: siteName(plan, 0) })}</li>
      <li>${t("demo.line.dashed", { site: siteName(plan, 1) })}</li>
      ${end ? html`<li>${t("demo.bar")}</li>` : null}</ul></section>`;
}

/** The weeks that are over: means, the guess, and after the reveal which foot had light. */
function Weeks({ days, end }) {
  const over = days.filter((day) => day.mean);
  if (!over.length) return null;
  const foot = (i) => t(i ? "demo.right" : "demo.left");
  const columns = [{ name: t("demo.week") }, { name: t("demo.left"), number: true },
    { name: t("demo.right"), number: true }, { name: t("trial.guess") }];
  return html`<section aria-labelledby="weeks"><h2 id="weeks">${t("demo.weeks")}</h2>
    <p>${t("demo.weeks.text")}</p>
    <${Table} caption=${t("demo.weeks")} hideCaption stack
      columns=${end ? [...columns, { name: t("trial.light") }] : columns}
      rows=${over.map(({ period, mean, guess }) => [period + 1, number(mean[0], 1),
        number(mean[1], 1), foot(guess), ...(end ? [foot(end.arms[period] ? 0 : 1)] : [])])} />
  </section>`;
}

const signed = (value) => (value === null ? t("trial.size.open")
  : `${value < 0 ? "\u2212" : "+"}${number(Math.abs(value), 1)}`);

/** After the reveal: the verdict, and then what was true. */
function End({ end, plan, days }) {
  const size = t(end.estimate > 0 ? "trial.size.higher" : "trial.size.lower", {
    n: number(Math.abs(end.estimate), 1), low: signed(end.low), high: signed(end.high),
    p: number(end.p, 3), matters: number(plan.matters) });
  const weeks = days.length / plan.days;
  return html`<section aria-labelledby="verdict"><h2 id="verdict" tabindex="-1">
      ${t("demo.verdict")}</h2>
    <${Notice} kind=${KINDS[end.verdict]} title=${t(`trial.verdict.${end.verdict}`)}>
      <p>${t(`trial.verdict.${end.verdict}.text`)} ${size}</p>
      <p>${t("demo.test", { n: number(end.allocations) })}</p></${Notice}>
    <p><strong>${end.effect ? t("demo.true", { n: number(Math.abs(end.effect)) })
      : t("demo.true.none")}</strong></p>
    <p>${t("demo.guesses", { n: end.right, all: number(weeks) })}
      ${" "}${t(end.proved ? "demo.proved" : "demo.wrong", { n: end.sessions })}</p></section>`;
}
