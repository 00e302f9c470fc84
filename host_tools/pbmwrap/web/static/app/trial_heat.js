// The heat test before a trial: whether both arms are as warm, on a bottle of water. The server runs
// it (docs/trial.md); this page asks how far it is, and may be closed meanwhile.

import { Button, Component, Facts, Failure, html, Notice, Said } from "./ui.js";
import { t, tOr } from "./text.js";
import { clockText, number, sensorName, shortDay } from "./format.js";
import { mayAct, store, transport } from "./store.js";
import { whyNoChange } from "./programme.js";
import { Chart } from "./chart.js";

const ASK_MS = 1000;
const STEPS = 4; // waits, near infrared, waits, the warmer or darkness
const NEEDS = ["bottle", "towel", "room", "wrap", "time"];
const SESSIONS = [5, 10, 15, 20]; // minutes
const [LOW_K, HIGH_K] = [0, 1.2]; // shown at least

const LEVELS = [10, 15, 20, 25, 50, 75, 100]; // percent of near infrared

/** What can be chosen: up to the most of the wrap, with what a heat test found to fit. */
export function listLevels(most, heat) {
  const all = [...LEVELS, Math.floor(most), heat?.fits_percent ?? 0];
  return [...new Set(all)].filter((one) => one && one <= most).sort((a, b) => a - b);
}

const kelvin = (k) => `${number(Math.abs(k), 2)}\u00a0K`;
const percent = (n) => number(n, n % 1 ? 1 : 0);
const noLink = () => (store.state?.connection === "connected" ? null : t("start.no-link"));

/** warmer: whether the second arm has one. */
function stepName(n, warmer) {
  return t(n === 3 && !warmer ? "htest.step.dark" : `htest.step.${n}`);
}

/** The words of a result: how warm, for which light. */
function resultText(one) {
  return t("htest.result.text", { k: kelvin(one.gap_in_trial_k), min: one.session_min,
    level: percent(one.level_percent), most: kelvin(one.limit_k) });
}

/** What follows from a result that is too warm. */
function wayText(one) {
  return one.fits_percent ? t("htest.way", { level: one.fits_percent, min: one.session_min })
    : t("htest.way.none", { min: one.session_min });
}

/** Before a plan: the newest test of the wrap, and the way to make one. */
export function LastHeat({ heat }) {
  return html`<section aria-labelledby="heat"><h2 id="heat">${t("htest.title")}</h2>
    <p>${t("htest.why")}</p>
    <p>${heat ? t("htest.last", { day: shortDay(heat.date) }) : t("htest.none")}
      ${heat ? ` ${resultText(heat)}` : null}</p>
    <p><a class="button" href="#/trial/heat">${t("htest.go")}</a></p></section>`;
}

/** Under the light of a plan: whether the newest test was of as much light, and passed. */
export function HeatOfPlan({ heat, level, minutes }) {
  const fits = heat?.passed && level <= heat.level_percent && minutes <= heat.session_min;
  return html`<${Notice} kind=${fits ? "good" : "note"} title=${!heat ? t("htest.none")
      : fits ? t("htest.plan.good", { day: shortDay(heat.date) })
      : heat.passed ? t("htest.plan.less", { level: percent(heat.level_percent),
        min: heat.session_min }) : t("htest.plan.bad", { k: kelvin(heat.gap_in_trial_k) })}>
    ${fits ? null : html`<p>${heat && !heat.passed ? wayText(heat) : t("htest.plan.make")}</p>`}
  </${Notice}>`;
}

export class HeatTest extends Component {
  constructor(props) {
    super(props);
    this.state = { data: null, error: null, failure: null, ready: false, level: null, session: 20 };
    this.sent = 0;
  }

  componentDidMount() {
    this.mounted = true;
    this.follow();
  }

  componentWillUnmount() {
    this.mounted = false;
  }

  async follow() {
    while (this.mounted) {
      const { sent } = this;
      try {
        const data = await transport.ask("heat");
        if (this.mounted && sent === this.sent) this.take(data);
      } catch (error) {
        if (this.mounted) this.setState({ error });
      }
      await new Promise((done) => { setTimeout(done, ASK_MS); });
    }
  }

  /** A test that ran and has left neither result nor reason: the server was started again. */
  take(data) {
    const before = this.state.data;
    const gone = before?.running && !data.running && !data.ended
      && data.last?.unix_s === before.last?.unix_s && !data.problem;
    const lost = !data.running && (gone || Boolean(this.state.lost));
    const begun = before && !before.running && data.running;
    const over = before?.running && !data.running;
    this.setState({ data, error: null, lost }, () => {
      if (begun || over) document.querySelector(begun ? "#heat-now" : "#heat-end")?.focus();
    });
  }

  async send(name, ...args) {
    if (this.state.sending) return;
    this.sent += 1;
    this.setState({ sending: true, failure: null });
    try {
      this.take(await transport.ask(name, ...args));
    } catch (failure) {
      this.setState({ failure });
    }
    this.sent += 1;
    this.setState({ sending: false, ready: false });
  }

  render() {
    const { data, error, failure } = this.state;
    return html`<h1 tabindex="-1">${t("htest.title")}</h1>
      <p><a class="back" href="#/trial">${t("htest.back")}</a></p>
      ${error ? html`<${Failure} error=${error} />` : null}
      ${!data ? error ? null : html`<p role="status">${t("load.wait")}</p>`
        : data.running ? this.running(data) : html`
        ${this.end(data)}
        ${this.begin(data)}`}
      <${Failure} error=${failure} />`;
  }

  /** Why the last test has no result, or the last result. */
  end({ ended, last, problem, warmer }) {
    const title = this.state.lost ? t("htest.ended.restart")
      : ended ? t(`htest.ended.${ended.code}`) : null;
    return html`
      ${title ? html`<section aria-labelledby="heat-end"><h2 id="heat-end" tabindex="-1">
          ${t("htest.ended")}</h2>
        <${Notice} kind=${ended?.code === "stopped" ? "note" : "bad"} title=${title} alert>
          ${ended?.message ? html`<p><${Said} text=${ended.message} sentence />${ended.hint
            && ended.code === "failed" ? html`${": "}<${Said} text=${ended.hint} />` : null}</p>`
            : null}
          <p>${t("htest.ended.nothing")}
            ${ended ? ` ${t("htest.ended.at", { n: ended.step + 1,
              step: stepName(ended.step, warmer) })}` : null}
            ${ended?.lit && ended.code === "lost" ? ` ${t("htest.ended.dark")}` : null}</p>
          <p>${t(ended?.code === "lost" ? "htest.ended.plug" : "htest.ended.again")}</p></${Notice}>
        </section>` : null}
      ${problem ? html`<${Notice} kind="bad" title=${t("htest.problem")}>
        <p><${Said} text=${problem} sentence /></p></${Notice}>` : null}
      ${last ? html`<${Result} one=${last} focus=${!title} />` : null}`;
  }

  begin(data) {
    const { level, ready, sending, session } = this.state;
    const chosen = level ?? Math.floor(data.most_level);
    const why = whyNoChange() ?? noLink()
      ?? (data.channels.length ? null : t("htest.no-channel"))
      ?? (ready ? null : t("htest.not-ready"));
    return html`
      <section aria-labelledby="heat-what"><h2 id="heat-what">${t("htest.what")}</h2>
        <p>${t("htest.why")}</p>
        <ol>${NEEDS.map((need) => html`<li>${t(`htest.need.${need}`)}</li>`)}</ol>
        <h3>${t("htest.then")}</h3>
        <p>${t(data.warmer ? "htest.then.warmer" : "htest.then.dark", { n: data.most_minutes,
          wait: data.wait_min })}</p></section>
      <${Notice} kind="bad" title=${t("htest.nobody.title")}><p>${t("htest.nobody.text")}</p></${Notice}>
      <section aria-labelledby="heat-begin"><h2 id="heat-begin">${t("htest.begin.title")}</h2>
        ${data.wrap ? html`
          ${this.choice("level", t("htest.level"),
            listLevels(data.most_level, data.last), chosen, (n) => `${percent(n)}\u00a0%`)}
          ${this.choice("session", t("htest.session"), SESSIONS, session, (n) => `${n}\u00a0min`)}
          <label class="use"><input type="checkbox" checked=${ready}
            onChange=${(event) => this.setState({ ready: event.currentTarget.checked })} />
            <span>${t("htest.ready")}</span></label>`
          : html`<${Notice} kind="note" title=${t("htest.no-wrap")} />`}
        <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
          onPress=${() => this.send("heatBegin", { level: chosen, session })}>
          ${t("htest.begin")}</${Button}></div></section>`;
  }

  choice(name, title, values, value, show) {
    return html`<h3 id=${`heat-${name}`}>${title}</h3>
      <div class="row" role="group" aria-labelledby=${`heat-${name}`}>${values.map((one) => html`
        <button type="button" class="button choice" aria-pressed=${String(value === one)}
          onClick=${() => this.setState({ [name]: one })}>${show(one)}</button>`)}</div>`;
  }

  running({ running, wait_min }) {
    const { sending } = this.state;
    const { step } = running;
    const measures = step % 2 === 1;
    const names = Array.from({ length: STEPS }, (_, n) => stepName(n, running.warmer));
    const mark = (n) => t(n < step ? "htest.done" : n === step ? "htest.now" : "htest.next");
    return html`<section class="cal-step" aria-labelledby="heat-now">
        <h2 id="heat-now" tabindex="-1">${t("htest.running", { n: step + 1, all: STEPS })}</h2>
        <p role="status"><strong>${names[step]}</strong></p>
        ${measures ? html`<p class="cal-count" role="timer"><strong>${clockText(running.left_s)}
            </strong></p><p>${t(running.lit ? "htest.lit" : "htest.dark")}</p>`
          : html`<p>${t("htest.waits", { gone: clockText(running.gone_s), most: wait_min })}
              ${" "}${running.drift_k === null ? t("htest.drift.none")
                : t("htest.drift", { k: kelvin(running.drift_k), most: kelvin(running.steady_k) })}
            </p>`}
        <div class="row"><${Button} kind="stop" off=${sending || running.stopping}
          onPress=${() => this.send("heatStop")}>${t("htest.stop")}</${Button}></div></section>
      <section aria-labelledby="heat-steps"><h2 id="heat-steps">${t("htest.steps")}</h2>
        <ol>${names.map((name, n) => html`<li aria-current=${n === step ? "step" : null}>
          ${n === step ? html`<strong>${name}</strong>` : name}: ${mark(n)}</li>`)}</ol>
        <p>${t("htest.may-close", { level: percent(running.level), min: running.session_min })}</p>
      </section>
      ${mayAct() ? null : html`<p>${t("htest.watching")}</p>`}`;
  }
}

/** Difference against the limit, what follows, and both curves. */
function Result({ one, focus }) {
  const sham = t(one.sham === "dark" ? "htest.sham.dark" : "htest.sham.warmer");
  const channel = tOr(`channel.${one.channel}`, one.channel);
  return html`<section aria-labelledby=${focus ? "heat-end" : "heat-result"}>
    <h2 id=${focus ? "heat-end" : "heat-result"} tabindex="-1">
      ${t("htest.result", { day: shortDay(one.date) })}</h2>
    <${Notice} kind=${one.passed ? "good" : "bad"}
      title=${t(one.passed ? "htest.passed" : "htest.failed")}>
      <p>${resultText(one)}</p>
      <p>${one.passed ? t("htest.passed.text", { level: percent(one.level_percent),
        min: one.session_min }) : wayText(one)}</p></${Notice}>
    <${Facts} pairs=${[
      [t("htest.fact.measured"), t("htest.fact.measured.text", { channel,
        level: percent(one.measured_percent), n: one.minutes })],
      [t("htest.fact.gap"), `${kelvin(one.gap_k)}, ${t(one.gap_k < 0 ? "htest.colder" : "htest.hotter")}`],
      [t("htest.fact.gap-trial"), kelvin(one.gap_in_trial_k)],
      [t("htest.fact.limit"), kelvin(one.limit_k)],
    ]} />
    <${Chart} title=${t("htest.chart", { sensor: sensorName(one.sensor) })} unit="K" xs=${one.seconds} digits=${1}
      low=${LOW_K} high=${HIGH_K} lines=${[]} series=${[
        { name: channel, values: one.active_k, digits: 2 },
        { name: sham, values: one.sham_k, digits: 2 }]} />
    <p>${t("htest.kept")}</p></section>`;
}
