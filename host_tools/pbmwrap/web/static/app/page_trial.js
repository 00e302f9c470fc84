// A blinded trial of one person: the planner before it, numbers and guesses while it runs, the
// result after the reveal. What is computed comes from the server (docs/trial.md).

import { Button, Facts, Failure, html, Loading, Notice, Said, Table, unsay, Written } from "./ui.js";
import { written } from "./said.js";
import { getLanguage, t, tCount } from "./text.js";
import { isoOf, number, readDay, shortDay } from "./format.js";
import { store, transport } from "./store.js";
import { OpenSessions, Personal, questionOf, RedFlags, Scale, whyNoChange } from "./programme.js";
import { Choice, CONFIRMED, NewTrial, noWrap, Twice } from "./trial_form.js";
import { HeatTest, LastHeat } from "./trial_heat.js";

const KINDS = { better: "good", worse: "bad", same: "note", unknown: "note" };
const ASKED = { sites: 2, weeks: 24, speed: "week", matters: 2, spread: 1.5, missing: 15 }; // of the planner

const DAY_MS = 86_400_000;

/** The page: a person's trial, or the heat test of a wrap, which is nobody's. */
export function TrialPages({ route }) {
  return route[1] === "heat" ? html`<${HeatTest} />` : html`<${Trial} route=${route} />`;
}

class Trial extends Personal {
  constructor(props) {
    super(props);
    this.title = "trial";
  }

  load() {
    return transport.ask("trial", this.props.route[1]);
  }

  /** Brings the sessions that the wrap has had since: by them it is known how far the trial is. */
  async fetchLog() {
    this.setState({ sending: true, failure: null });
    try {
      await transport.ask("pull");
      await this.reload();
    } catch (failure) {
      this.setState({ failure });
    }
    this.setState({ sending: false });
  }

  componentDidUpdate(before) {
    if (before.route[1] !== this.props.route[1]) this.reload();
  }

  show(data) {
    const { send } = this;
    const { planning, sending } = this.state;
    const { state, result } = data;
    const over = state && !["frozen", "running"].includes(state.state);
    const parts = { state, send, sending };
    const top = () => {
      scrollTo(0, 0);
      document.querySelector("h1")?.focus({ preventScroll: true });
    };
    return html`
      <${RedFlags} flags=${data.flags} wrap=${data.wrap} onRead=${this.confirmRead}
        sending=${sending} />
      ${data.open_sessions ? html`<${OpenSessions} onChanged=${this.reload} />` : null}
      ${!state || planning ? html`<${WhatItIs} />
        <${LastHeat} heat=${data.heat} />
        <${Planner} data=${data} onBegun=${(begun) => {
          this.setState({ data: begun, planning: false });
          if (this.props.route[1]) location.hash = "#/trial"; // it showed an older one
          top();
        }} />` : html`
        <p><strong>${state.plan.aim}</strong></p>
        ${state.warnings.map((text) => html`<${Notice} kind="note" title=${t("course.warning")}>
          <p><${Said} text=${text} sentence /></p></${Notice}>`)}
        ${over ? html`<${Result} state=${state} result=${result} missing=${data.no_result}
            pdf=${data.pdf} />` : html`
          <${Steps} state=${state} stored=${data.stored} chosen=${data.chosen}
            noted=${data.noted} />
          ${state.state === "frozen" ? html`<${Unsent} ...${parts} onDone=${top} />` : html`
            <${Numbers} key=${`n${data.today}`} ...${parts} onDone=${top} />
            <${EarlierDay} key=${`e${data.today}`} ...${parts} onDone=${top} />
            ${state.guesses_due.length ? html`<${Guess} key=${`g${state.guesses_due[0]}`} ...${parts}
              onDone=${top} />` : null}
            <${Next} ...${parts} />
            <${HowFar} ...${parts} onFetch=${() => this.fetchLog()} onDone=${top} />
            <${Reveal} ...${parts} onDone=${top} />`}
          <${Worse} ...${parts} onDone=${top} />`}
        <${PlanFacts} state=${state} />
        ${over ? html`<p><${Button} onPress=${() => this.setState({ planning: true })}>
          ${t("trial.plan.new")}</${Button}></p>` : null}`}
      <${Others} trials=${data.trials} shown=${planning ? null : state?.id} />
      ${data.notes.length ? html`<section aria-labelledby="notes"><h2 id="notes">
        ${t("sessions.notes")}</h2><ul>${data.notes.map((note) =>
          html`<li><${Said} text=${note} /></li>`)}</ul></section>` : null}`;
  }
}

/** Before a trial: what it is, and for whom it is not. */
export function WhatItIs() {
  return html`<section aria-labelledby="what"><h2 id="what">${t("trial.what.title")}</h2>
    <p>${t("trial.what.one")} ${t("trial.what.two")} ${t("trial.what.three")}</p>
    <${Notice} kind="bad" title=${t("trial.not.title")}>
      <ul><li>${t("trial.not.one")}</li><li>${t("trial.not.two")}</li></ul></${Notice}>
    <p>${t("trial.no-advice")}</p></section>`;
}

/** What a trial could find, by the server's simulation; then the form of one that can answer. */
class Planner extends Loading {
  constructor(props) {
    super(props);
    this.state.plan = ASKED;
  }

  load() {
    return Promise.resolve({});
  }

  put(changes) {
    unsay();
    const plan = { ...this.state.plan, ...changes };
    this.setState({ plan, found: null, writes: false, exploratory: false });
  }

  async compute() {
    this.setState({ computing: true, failure: null });
    try {
      this.setState({ found: await transport.ask("trialPlan", this.state.plan) });
    } catch (failure) {
      this.setState({ failure });
    }
    this.setState({ computing: false });
  }

  show() {
    const { computing, exploratory, failure, found, plan, writes } = this.state;
    const { data, onBegun } = this.props;
    const choice = (name, values, show) => html`<${Choice} name=${name}
      title=${t(`trial.plan.${name}`)} value=${plan[name]} values=${values} show=${show}
      onValue=${(value) => this.put({ [name]: value })} />`;
    return html`<section aria-labelledby="planner"><h2 id="planner">${t("trial.plan.title")}</h2>
      <p>${t("trial.plan.text")}</p>
      ${choice("sites", [2, 1], (n) => t(`trial.sites.${n}`))}
      ${choice("weeks", [8, 12, 16, 24, 36], number)}
      ${choice("speed", data.speeds, (word) => t(`trial.speed.${word}`))}
      ${choice("matters", [1, 2, 3, 4], number)}
      <details><summary>${t("trial.plan.more")}</summary>
        ${choice("spread", [1, 1.5, 2, 3], (n) => number(n, n % 1 ? 1 : 0))}
        ${choice("missing", [0, 5, 15, 30], number)}</details>
      <div class="row"><${Button} kind="main large" off=${computing}
        onPress=${() => this.compute()}>${t("trial.plan.do")}</${Button}></div>
      <p role="status">${computing ? t("trial.plan.wait") : null}</p>
      <${Failure} error=${failure} />
      ${found ? html`
        <${Notice} kind=${found.answers ? "good" : "bad"} alert
          title=${t(found.answers ? "trial.plan.can" : "trial.plan.cannot")}>
          <p>${t(found.answers ? "trial.plan.can.text" : "trial.plan.cannot.text")}</p></${Notice}>
        <h3>${t("trial.plan.table", { n: number(found.matters) })}</h3>
        <${Table} caption=${t("trial.plan.finds")} hideCaption stack columns=${[
          { name: t("trial.plan.periods") }, { name: t("trial.plan.counted") },
          { name: t("trial.plan.finds"), number: true },
          { name: t("trial.plan.seen"), number: true }]} rows=${found.designs.map((row) => [
          t(`trial.periods.${row.period_days}`, { n: row.periods }),
          t("trial.plan.of", { n: row.period_days - row.washout_days, all: row.period_days }),
          t("trial.plan.of", { n: Math.round(100 * row.power), all: 100 }), number(row.seen, 1)])} />
        ${writes ? null : html`<div class="row"><${Button} kind=${found.answers ? "main large" : ""}
          onPress=${() => this.write(!found.answers)}>${t(found.answers ? "new.go" : "new.explore")}
          </${Button}></div>`}` : null}
    </section>
    ${found && writes ? html`<${NewTrial} planned=${plan} exploratory=${exploratory} data=${data}
      onBegun=${onBegun} Plan=${PlanFacts} />` : null}`;
  }

  write(exploratory) {
    this.setState({ writes: true, exploratory }, () => document.querySelector("#for-whom")?.focus());
  }
}

/** What to do now, in the order in which it is to be done. */
function Steps({ state, stored, chosen, noted }) {
  return html`
    ${stored && !stored.counts ? html`<${Notice} kind="note" alert title=${stored.late
      ? t("trial.earlier.stored", { day: shortDay(stored.day) }) : t("trial.late")} />` : null}
    ${noted?.length ? html`<${Notice} kind="note" alert title=${t("trial.noted",
      { n: noted.map((period) => period + 1).join(", ") })} />` : null}
    ${chosen ? html`<${Notice} kind="good" alert title=${t("trial.chosen",
      { site: written(chosen.site).words })} />` : null}
    <section aria-labelledby="steps"><h2 id="steps">${t("trial.steps")}</h2>
      <ul>${state.steps.map((text) => html`<li><${Said} text=${text} sentence /></li>`)}</ul>
    </section>`;
}

/** Today's number of each site, as large buttons. */
class Numbers extends Loading {
  load() {
    return Promise.resolve({});
  }

  async save() {
    const { state, send, onDone } = this.props;
    if (await send("trialEntry", state.id, this.state.values)) {
      this.setState({ values: null, again: false });
      onDone();
    }
  }

  show() {
    const { state, sending } = this.props;
    const values = this.state.values ?? state.sites.map(() => null);
    const { measure } = state.plan;
    if (state.values && !this.state.again) {
      return html`<section aria-labelledby="today"><h2 id="today">${t("trial.today")}</h2>
        <${Facts} pairs=${state.sites.map((site, i) => [html`<${Written} text=${site} />`,
          number(state.values[i])])} />
        <p>${t(state.entered ? "trial.today.counts" : "trial.today.late")}</p>
        <div class="row"><${Button} onPress=${() => this.setState({ again: true })}>
          ${t("journal.correct")}</${Button}></div></section>`;
    }
    const why = whyNoChange() ?? (values.includes(null) ? t("trial.number.first") : null);
    const put = (place, value) => {
      unsay();
      this.setState({ values: values.map((old, i) => (i === place ? value : old)) });
    };
    return html`<section aria-labelledby="today"><h2 id="today">${t("trial.number.title")}</h2>
      <p>${questionOf(measure)} ${measure.code === "pain" ? t("journal.ends") : null}</p>
      ${state.sites.map((site, i) => html`<h3 id=${`site-${i}`}><${Written} text=${site} /></h3>
        <${Scale} name=${`site-${i}`} value=${values[i]} onValue=${(value) => put(i, value)} />`)}
      <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.save()}>${t("trial.number.save")}</${Button}>
        ${this.state.again ? html`<${Button} onPress=${() => this.setState({ again: false })}>
          ${t("journal.cancel")}</${Button}>` : null}</div></section>`;
  }
}

/** A number of an earlier day, folded away: it is kept and does not count. */
class EarlierDay extends Loading {
  load() {
    return Promise.resolve({});
  }

  async save(day, values) {
    const { state, send, onDone } = this.props;
    if (await send("trialEntry", state.id, values, day)) {
      this.setState({ values: null, day: null });
      onDone();
    }
  }

  show() {
    const { state, sending } = this.props;
    const yesterday = isoOf(new Date(readDay(state.today).getTime() - DAY_MS / 2));
    if (yesterday < state.plan.enrolled) return null; // there is none
    const values = this.state.values ?? state.sites.map(() => null);
    const day = this.state.day ?? yesterday;
    const why = whyNoChange() ?? (values.includes(null) ? t("trial.number.first") : null);
    const put = (changes) => {
      unsay();
      this.setState(changes);
    };
    return html`<details><summary>${t("trial.earlier")}</summary>
      <p>${t("trial.earlier.text")}</p>
      <div class="field"><label for="earlier-day">${t("journal.day")}</label>
        <input id="earlier-day" type="date" min=${state.plan.enrolled} max=${yesterday} value=${day}
          onInput=${(event) => put({ day: event.currentTarget.value || null })} /></div>
      <p>${questionOf(state.plan.measure)}
        ${state.plan.measure.code === "pain" ? ` ${t("journal.ends")}` : null}</p>
      ${state.sites.map((site, i) => html`<h3 id=${`earlier-${i}`}><${Written} text=${site} /></h3>
        <${Scale} name=${`earlier-${i}`} value=${values[i]} onValue=${(value) => put({
          values: values.map((old, place) => (place === i ? value : old)) })} />`)}
      <div class="row"><${Button} off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.save(day, values)}>${t("trial.earlier.save")}</${Button}></div>
    </details>`;
  }
}

function guessText(word) {
  return ["light", "none", "unknown"].includes(word) ? t(`trial.guess.${word}`)
    : t("trial.guess.site", { site: written(word).words });
}

/** After a period: which site got light, how sure, and why. */
class Guess extends Loading {
  load() {
    return Promise.resolve({});
  }

  async save() {
    const { state, send, onDone } = this.props;
    const { confidence, guess, why = "" } = this.state;
    const sure = guess === "unknown" ? 0 : confidence;
    if (await send("trialGuess", state.id, state.guesses_due[0], guess, sure, why)) onDone();
  }

  show() {
    const { state, sending } = this.props;
    const { confidence = null, guess, why = "" } = this.state;
    const open = whyNoChange() ?? (!guess ? t("trial.guess.first")
      : guess !== "unknown" && confidence === null ? t("trial.guess.how") : null);
    const put = (changes) => {
      unsay();
      this.setState(changes);
    };
    return html`<section class="freeze" aria-labelledby="guess"><h2 id="guess">
      ${t("trial.guess.title", { n: state.guesses_due[0] + 1 })}</h2>
      <p>${t("trial.guess.text")}</p>
      <div class="row" role="group" aria-labelledby="guess">${state.guess_words.map((word) => html`
        <button type="button" class="button choice" aria-pressed=${String(guess === word)}
          onClick=${() => put({ guess: word })}>${guessText(word)}</button>`)}</div>
      ${guess && guess !== "unknown" ? html`<h3 id="sure">${t("trial.guess.sure")}</h3>
        <${Scale} name="sure" value=${confidence} onValue=${(value) => put({ confidence: value })} />
        <p>${t("trial.guess.ends")}</p>` : null}
      <h3><label for="guess-why">${t("trial.guess.why")}</label></h3>
      <textarea id="guess-why" rows="2" maxlength="500" value=${why}
        onInput=${(event) => put({ why: event.currentTarget.value })}></textarea>
      <div class="row"><${Button} kind="main" off=${Boolean(open) || sending} why=${open}
        onPress=${() => this.save()}>${t("trial.guess.save")}</${Button}></div></section>`;
  }
}

/** Lets Start and the wrap's button begin the session of the site that comes next. */
function Next({ state, send, sending }) {
  if (state.period >= state.periods || state.planned_period < state.period) return null;
  const why = whyNoChange() ?? noWrap();
  return html`<section aria-labelledby="next"><h2 id="next">${t("trial.next.title")}</h2>
    <p>${t("trial.next.text", { site: written(state.next_site).words })}
      ${state.entered ? null : ` ${t("trial.next.number")}`}</p>
    <div class="row"><${Button} off=${Boolean(why) || sending} why=${why}
      onPress=${() => send("trialNext", state.id)}>${t("trial.next.do")}</${Button}>
      ${state.sites.filter((site) => site !== state.next_site).map((site) => html`
        <${Button} off=${Boolean(why) || sending} why=${why}
          onPress=${() => send("trialNext", state.id, site)}>${t("trial.next.other",
          { site: written(site).words })}</${Button}>`)}</div></section>`;
}

/** A frozen plan that no wrap has: the wrap went away while it was begun. */
function Unsent({ state, send, sending, onDone }) {
  const why = whyNoChange() ?? noWrap();
  const go = async () => {
    if (await send("trialSend", state.id)) onDone();
  };
  return html`<section class="freeze" aria-labelledby="unsent"><h2 id="unsent">
    ${t("trial.unsent.title")}</h2><p>${t("trial.unsent.text")}</p>
    <div class="row"><${Button} kind="main" off=${Boolean(why) || sending} why=${why} onPress=${go}>
      ${t("trial.send.do")}</${Button}></div></section>`;
}

/** Period, sessions of each site, days with numbers, guesses. */
function HowFar({ state, send, sending, onDone, onFetch }) {
  const why = whyNoChange() ?? noWrap();
  const under = state.period < state.periods;
  const close = async () => {
    const done = await send("trialClose", state.id, state.period, CONFIRMED);
    if (done) onDone();
    return done;
  };
  const again = async () => {
    if (await send("trialSend", state.id)) onDone();
  };
  return html`<section aria-labelledby="far"><h2 id="far">${t("trial.far.title")}</h2>
    <${Facts} pairs=${[
      [t("trial.far.period"), under ? t("trial.plan.of", { n: state.period + 1, all: state.periods })
        : t("trial.far.over")],
      ...(under ? state.sites.map((site, i) => [t("trial.far.sessions",
        { site: written(site).words }), t("trial.far.done", { n: state.counts[i],
        all: state.sessions, left: Math.max(0, state.sessions - state.counts[i]) })]) : []),
      [t("trial.far.numbers"), String(state.days_entered)],
    ]} />
    <div class="row"><${Button} off=${Boolean(why) || sending} why=${why} onPress=${onFetch}>
      ${t("sessions.pull")}</${Button}></div>
    ${under ? html`<details><summary>${t("trial.close.title")}</summary>
      <p>${t("trial.close.text")}</p>
      <${Twice} key=${`c${state.period}`} first=${t("trial.close.first",
        { n: state.period + 1 })} second=${t("trial.close.second")} text=${t("trial.close.sure")}
        why=${why} sending=${sending} onDo=${close} /></details>` : null}
    <details><summary>${t("trial.send.title")}</summary><p>${t("trial.send.text")}</p>
      <div class="row"><${Button} off=${Boolean(why) || sending} why=${why} onPress=${again}>
        ${t("trial.send.do")}</${Button}></div></details>
    ${state.guesses.length ? html`<details><summary>${t("trial.guesses")}</summary>
      <${Table} caption=${t("trial.guesses")} hideCaption stack columns=${[
      { name: t("trial.far.period") }, { name: t("trial.guess") },
      { name: t("trial.guess.sure.short"), number: true }, { name: t("trial.guess.why.short") }]}
      rows=${state.guesses.map((one) => [one.period + 1, guessText(one.word),
        one.word === "unknown" ? "-" : number(one.confidence), one.why || "-"])} /></details>` : null}
  </section>`;
}

function Reveal({ state, send, sending, onDone }) {
  const early = state.reveal_from && state.today < state.reveal_from;
  const why = whyNoChange() ?? (state.over_on_wrap ? noWrap()
    : state.period < state.periods ? t("trial.reveal.not-yet")
    : early ? t("trial.reveal.numbers", { day: shortDay(state.reveal_from) }) : noWrap());
  const reveal = async (...more) => {
    const done = await send("trialReveal", state.id, ...more);
    if (done) onDone();
    return done;
  };
  return html`<section aria-labelledby="reveal"><h2 id="reveal">${t("trial.reveal.title")}</h2>
    <p>${t("trial.reveal.text")} ${why}</p>
    ${state.guesses_due.length && !why ? html`<p><strong>${t("trial.reveal.guess")}</strong></p>`
      : null}
    <div class="row"><${Button} kind=${why ? "" : "main"} off=${Boolean(why) || sending} why=${why}
      onPress=${() => reveal()}>${t("trial.reveal.do")}</${Button}></div>
    ${early ? html`<details><summary>${t("trial.reveal.early")}</summary><${Twice}
      first=${t("trial.reveal.early.first")} second=${t("trial.reveal.early.second")}
      text=${t("trial.reveal.early.sure")} why=${whyNoChange() ?? noWrap()} sending=${sending}
      onDo=${() => reveal(true, CONFIRMED)} /></details>` : null}</section>`;
}

/** It got worse: an early end, with a reason, confirmed twice. */
class Worse extends Loading {
  load() {
    return Promise.resolve({});
  }

  async end() {
    const { state, send, onDone } = this.props;
    const { lost = false, reason } = this.state;
    if (await send("trialUnblind", state.id, reason, CONFIRMED, lost)) onDone();
  }

  show() {
    const { sending, state } = this.props;
    const { lost = false, presses = 0, reason = "" } = this.state;
    const armed = state.state === "running";
    const cancel = html`<${Button} onPress=${() => this.setState({ presses: 0 })}>
      ${t("journal.cancel")}</${Button}>`;
    const why = whyNoChange() ?? (lost || !armed ? null : noWrap())
      ?? (reason.trim() ? null : t("end.no-reason"));
    return html`<section class="freeze" aria-labelledby="worse"><h2 id="worse">
      ${t(armed ? "trial.worse.title" : "trial.unsent.end")}</h2>
      <p>${t(armed ? "trial.worse.text" : "trial.unsent.end.text")}</p>
      ${presses === 0 ? html`<div class="row"><${Button}
          onPress=${() => this.setState({ presses: 1 })}>${t("trial.worse.do")}</${Button}></div>`
        : presses === 1 ? html`<label for="worse-why">${t("trial.worse.why")}</label>
          <div class="row"><input id="worse-why" class="long" maxlength="80" value=${reason}
            onInput=${(event) => this.setState({ reason: event.currentTarget.value })} /></div>
          ${armed ? html`<${Choice} name="worse-wrap" title=${t("trial.worse.wrap")} value=${lost}
            values=${[false, true]} show=${(gone) => t(gone ? "trial.worse.gone" : "trial.worse.here")}
            onValue=${(gone) => this.setState({ lost: gone })} />` : null}
          ${lost ? html`<p>${t("trial.worse.lost")}</p>` : null}
          <div class="row"><${Button} kind="main" off=${Boolean(why)} why=${why}
            onPress=${() => this.setState({ presses: 2 })}>${t("trial.worse.first")}</${Button}>
            ${cancel}</div>`
        : html`<div role="alert"><p><strong>${t(lost || !armed
            ? "trial.worse.sure.lost" : "trial.worse.sure")}</strong></p></div>
          <div class="row"><${Button} kind="main" off=${Boolean(why) || sending} why=${why}
            onPress=${() => this.end()}>${t("trial.worse.second")}</${Button}>${cancel}</div>`}
    </section>`;
  }
}

/** After the reveal: verdict, estimate, each period, blinding, and files. */
function Result({ state, result, missing, pdf }) {
  if (!result) {
    return html`<${Notice} kind="note" title=${t(`trial.state.${state.state}`)}>
      <p>${state.reason}</p>
      <p>${missing ? html`<${Said} text=${`${missing.message}; ${missing.hint}`} sentence />`
        : t("trial.lost")}</p></${Notice}>`;
  }
  const { analysis } = result;
  return html`
    <${Notice} kind=${KINDS[result.verdict]} title=${t(`trial.verdict.${result.verdict}`)}>
      <p>${t(`trial.verdict.${result.verdict}.text`)} ${sizeText(state, analysis)}</p>
      <p>${t("trial.no-advice")}</p></${Notice}>
    ${result.cautions.map((text) => html`<${Notice} kind="bad" title=${t("course.warning")}>
      <p><${Said} text=${text} sentence /></p></${Notice}>`)}
    <section aria-labelledby="periods"><h2 id="periods">${t("trial.periods")}</h2>
      <div class="scroll" tabindex="0" role="group" aria-label=${t("trial.picture.frame")}>
        <img class="drawing" src=${`api/trial/picture?${inLanguage(state.id)}`}
          alt=${t("trial.picture")} /></div>
      <${Table} caption=${t("trial.periods")} hideCaption stack columns=${[
        { name: t("trial.far.period") }, { name: t("trial.light") },
        { name: t(state.sites.length === 2 ? "trial.value.sides" : "trial.value"), number: true },
        { name: t("trial.guess") }]}
        rows=${analysis.periods.map((one) => [one.number + 1, lightText(state, one.active),
          one.value === null ? t("trial.missing") : signed(one.value),
          guessOf(state, one.number)])} /></section>
    <section aria-labelledby="blind"><h2 id="blind">${t("trial.blind.title")}</h2>
      <p>${t(analysis.bang.broken ? "trial.blind.broken" : "trial.blind.kept")}</p>
      <p>${t("trial.proof", { sessions: tCount("sessions.count", result.sessions) })} ${result.wrong.length
        ? t("trial.proof.wrong", { n: result.wrong.length }) : t("trial.proof.right")}</p></section>
    <${Files} id=${state.id} pdf=${pdf} />`;
}

function sizeText(state, { estimate, low, high, p }) {
  if (estimate === null) return t("trial.size.none");
  return t(estimate > 0 ? "trial.size.higher" : "trial.size.lower", {
    n: number(Math.abs(estimate), 1), low: low === null ? t("trial.size.open") : signed(low),
    high: high === null ? t("trial.size.open") : signed(high), p: number(p, 3),
    matters: number(state.plan.matters, state.plan.matters % 1 ? 1 : 0) });
}

function lightText(state, active) {
  if (state.sites.length === 1) return t(active ? "trial.guess.light" : "trial.guess.none");
  return html`<${Written} text=${state.sites[active ? 0 : 1]} />`;
}

function guessOf(state, period) {
  const found = state.guesses.find((one) => one.period === period);
  return found ? guessText(found.word) : "-";
}

function signed(value) {
  return `${value < 0 ? "\u2212" : "+"}${number(Math.abs(value), 1)}`;
}

/** Which trial, and the page's language: the report speaks it too. */
function inLanguage(id) {
  return `id=${encodeURIComponent(id)}&language=${getLanguage()}`;
}

function Files({ id, pdf }) {
  const query = inLanguage(id);
  return html`<section aria-labelledby="files"><h2 id="files">${t("files.title")}</h2>
    <ul class="plain files">
      <li><a class="button" href=${`api/trial/report?${query}`} target="_blank" rel="noopener">
        ${t("trial.files.report")}</a></li>
      ${pdf ? html`<li><a class="button" href=${`api/trial/report?kind=pdf&${query}`} download>
        ${t("files.pdf")}</a></li>` : null}
      <li><a class="button" href=${`api/trial/bundle?id=${encodeURIComponent(id)}`} download>
        ${t("trial.files.bundle")}</a></li></ul>
    <p>${t("trial.files.text")} <code>pbmwrap trial verify</code></p></section>`;
}

/** level: of its heading. */
function PlanFacts({ state, level = "h2" }) {
  const { plan } = state;
  const length = `trial.periods.${plan.days}`;
  return html`<section aria-labelledby="plan"><${level} id="plan">${t("plan.title")}</${level}>
    <${Facts} pairs=${[
      [t("trial.plan.sites"), state.sites.map((site) => written(site).words).join(", ")],
      [t("trial.light"), t("trial.plan.light", { n: number(plan.minutes, plan.minutes % 1 ? 1 : 0),
        level: number(plan.near_infrared_pm / 10) })],
      [t("trial.plan.periods"), [7, 14].includes(plan.days) ? t(length, { n: state.periods })
        : String(state.periods)],
      [t("plan.sessions"), t("trial.plan.sessions", { n: state.sessions })],
      [t("plan.baseline"), t("plan.days.text", { first: shortDay(state.baseline_from),
        last: shortDay(state.start) })],
      [t("plan.days"), t("plan.days.text", { first: shortDay(state.start),
        last: shortDay(state.end) })],
      [t("plan.number"), questionOf(plan.measure)],
      [t("trial.plan.matters"), number(plan.matters, plan.matters % 1 ? 1 : 0)],
      [t("trial.plan.finds"), t("trial.plan.of", { n: Math.round(100 * state.power), all: 100 })],
      [t("plan.others"), plan.others.join("; ") || t("plan.none")],
      state.sha ? [t("plan.sha"), state.sha.slice(0, 16)] : null,
      state.commitment ? [t("trial.commitment"), state.commitment.slice(0, 16)] : null,
    ]} />
    ${state.confirmatory ? null : html`<p>${t("trial.exploratory")}</p>`}</section>`;
}

function Others({ trials, shown }) {
  const rest = trials.filter((one) => one.id !== shown);
  if (!rest.length) return null;
  return html`<section aria-labelledby="others"><h2 id="others">${t("trial.others")}</h2>
    <ul class="plain">${rest.map((one) => html`<li><a class="button"
      href=${`#/trial/${encodeURIComponent(one.id)}`}>${one.aim}, ${shortDay(one.start)}</a></li>`)}
    </ul></section>`;
}
