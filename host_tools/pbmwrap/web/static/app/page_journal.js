// The journal: one number and one question a day, before the session. The rest may be left out.

import { Button, Component, Failure, html, Loading, Notice, unsay } from "./ui.js";
import { t, tOr } from "./text.js";
import { number, shortDay } from "./format.js";
import { transport } from "./store.js";
import { OpenSessions, Personal, questionOf, RedFlags, Scale, whyNoChange } from "./programme.js";

// The codes of programme/red_flags.py that a person can name, and of programme/model.py.
export const FLAGS = ["wound", "burn", "numb-spreads", "fever"];
export const SKIN = ["fine", "red", "sore", "blister", "wound", "burn"];
const EMPTY = { value: null, flags: [], sleep: null, skin: "", changed: "", day: "", corrects: null };
const MNSI = Array.from({ length: 15 }, (_, i) => i + 1);

export class Journal extends Personal {
  constructor(props) {
    super(props);
    this.title = "journal";
    Object.assign(this.state, { entry: EMPTY, again: false, saved: null });
  }

  load() {
    return transport.ask("journal", this.state.all);
  }

  put(changes) {
    unsay();
    this.setState({ entry: { ...this.state.entry, ...changes }, saved: null });
  }

  async save() {
    const { entry } = this.state;
    const { flags, value, sleep, skin, changed, day, corrects } = entry;
    const sent = Object.fromEntries(Object.entries({ value, sleep, skin, changed, day, corrects })
      .filter(([, part]) => part !== null && part !== ""));
    const data = await this.send("addEntry", { ...sent, flags });
    if (data) this.setState({ entry: EMPTY, again: false, saved: data.stored });
    document.querySelector("h1")?.focus();
    scrollTo(0, 0);
  }

  correct(entry) {
    const { id, value, sleep, skin, changed, flags } = entry;
    this.setState({ again: true, saved: null, failure: null,
      entry: { ...EMPTY, corrects: id, value, sleep, skin, changed, flags } });
    scrollTo(0, 0);
    document.querySelector("h1")?.focus({ preventScroll: true });
  }

  show(data) {
    const { again, saved, sending } = this.state;
    const today = data.entries.find((entry) => entry.day === data.today && entry.value !== null
      && entry.measure === data.measure.code);
    return html`
      <${RedFlags} flags=${data.flags} wrap=${data.wrap} onRead=${this.confirmRead} sending=${sending} />
      ${saved ? html`<${Notice} kind="good" alert title=${saved.value === null ? t("journal.saved")
        : t("journal.saved.number", { n: show(saved.value, data.measure),
          day: shortDay(saved.day) })} />` : null}
      ${today && !again ? this.showToday(data, today) : this.ask(data)}
      <${OpenSessions} />
      ${this.list(data)}
      <${MnsiFold} />`;
  }

  showToday(data, today) {
    return html`<section aria-labelledby="today"><h2 id="today">${t("journal.today")}</h2>
      <p class="today-number">${show(today.value, data.measure)}</p>
      <div class="row"><${Button} onPress=${() => this.correct(today)}>${t("journal.correct")}
        </${Button}><${Button} onPress=${() => this.setState({ again: true, entry: EMPTY })}>
        ${t("journal.other-day")}</${Button}></div></section>`;
  }

  ask(data) {
    const { entry, again, sending } = this.state;
    const { measure } = data;
    const empty = entry.value === null && !entry.flags.length && !entry.skin && !entry.changed
      && entry.sleep === null;
    const why = whyNoChange() ?? (empty ? t("journal.first") : null);
    const flag = (code) => this.put({ flags: entry.flags.includes(code)
      ? entry.flags.filter((other) => other !== code) : [...entry.flags, code] });
    return html`
      ${entry.corrects === null ? null : html`<${Notice} kind="note" title=${t("journal.correcting")}>
        <p>${t("journal.correcting.text")}</p></${Notice}>`}
      <section aria-labelledby="q1"><h2 id="q1">${questionOf(measure)}</h2>
        ${measure.code === "walk" ? html`<div class="row"><input type="number" inputmode="numeric"
            min=${measure.low} max=${measure.high} step="1" aria-labelledby="q1"
            value=${entry.value ?? ""} onInput=${(event) => this.put({ value:
              event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })} />
            <span>${t("journal.metres")}</span></div>`
          : html`<${Scale} name="q1" value=${entry.value} onValue=${(value) => this.put({ value })} />
            ${measure.code === "pain" ? html`<p>${t("journal.ends")}</p>` : null}`}
      </section>
      <section aria-labelledby="q2"><h2 id="q2">${t("journal.flags")}</h2>
        <ul class="plain">${FLAGS.map((code) => html`<li><button type="button"
          class="button choice wide" aria-pressed=${String(entry.flags.includes(code))}
          onClick=${() => flag(code)}>${t(`flag.${code}`)}</button></li>`)}</ul></section>
      <details><summary>${t("journal.more")}</summary><div>
        <h3 id="sleep">${t("journal.sleep")}</h3>
        <${Scale} name="sleep" value=${entry.sleep}
          onValue=${(value) => this.put({ sleep: value === entry.sleep ? null : value })} />
        <h3 id="skin">${t("journal.skin")}</h3>
        <div class="row" role="group" aria-labelledby="skin">${SKIN.map((skin) => html`
          <button type="button" class="button choice" aria-pressed=${String(entry.skin === skin)}
            onClick=${() => this.put({ skin: entry.skin === skin ? "" : skin })}>
            ${t(`skin.${skin}`)}</button>`)}</div>
        <h3><label for="changed">${t("journal.changed")}</label></h3>
        <textarea id="changed" rows="3" maxlength="500" value=${entry.changed}
          onInput=${(event) => this.put({ changed: event.currentTarget.value })}></textarea>
        ${entry.corrects === null ? html`<h3><label for="day">${t("journal.day")}</label></h3>
          <input id="day" type="date" max=${data.today} value=${entry.day || data.today}
            onInput=${(event) => this.put({ day: event.currentTarget.value })} />
          <p>${t("journal.late")}</p>` : null}</div></details>
      <div class="row">
        <${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
          onPress=${() => this.save()}>${t(entry.flags.length ? "journal.save.flags"
            : "journal.save")}</${Button}>
        ${again ? html`<${Button} onPress=${() => this.setState({ again: false, entry: EMPTY })}>
          ${t("journal.cancel")}</${Button}>` : null}</div>`;
  }

  list(data) {
    const older = async () => {
      this.setState({ all: true });
      await this.reload();
    };
    return html`<section aria-labelledby="list"><h2 id="list">${t("journal.list")}</h2>
      ${data.entries.length ? html`<ul class="plain entries">${data.entries.map((entry) => html`<li>
        <div><strong>${shortDay(entry.day)}</strong>
          ${entry.late ? html` <span class="late">${t("journal.was-late",
            { day: shortDay(entry.written.slice(0, 10)) })}</span>` : null}
          <p>${describe(entry)}</p></div>
        <span class="entry-number">${entry.value === null ? "-" : number(entry.value)}</span>
        <${Button} label=${t("journal.correct.of", { day: shortDay(entry.day) })}
          onPress=${() => this.correct(entry)}>${t("journal.correct")}</${Button}></li>`)}</ul>`
        : html`<p>${t("journal.none")}</p>`}
      ${data.older ? html`<${Button} onPress=${older}>${t("journal.older", { n: data.older })}
        </${Button}>` : null}</section>`;
  }
}

/** The questionnaire is asked for at the baseline and at the end: folded away in between. */
class MnsiFold extends Component {
  render() {
    const { open } = this.state;
    return html`<details onToggle=${(event) => this.setState({ open: event.currentTarget.open })}>
      <summary>${t("mnsi.title")}</summary>${open ? html`<${Mnsi} />` : null}</details>`;
  }
}

class Mnsi extends Loading {
  constructor(props) {
    super(props);
    Object.assign(this.state, { answers: MNSI.map(() => null), when: "baseline" });
  }

  load() {
    return transport.ask("mnsi");
  }

  async save() {
    try {
      const data = await transport.ask("addMnsi", this.state.answers, this.state.when);
      this.setState({ data, failure: null, saved: true, answers: MNSI.map(() => null) });
    } catch (failure) {
      this.setState({ failure });
    }
  }

  show({ totals }) {
    const { answers, failure, saved, when } = this.state;
    const left = answers.filter((answer) => answer === null).length;
    const why = whyNoChange() ?? (left ? t("mnsi.left", { n: left }) : null);
    const choose = (place, answer) => {
      unsay();
      this.setState({ saved: false,
        answers: answers.map((old, i) => (i === place ? answer : old)) });
    };
    return html`<section aria-label=${t("mnsi.title")}><p>${t("mnsi.text")}</p>
      <p>${t("mnsi.source")}</p>
      ${totals.length ? html`<ul>${totals.map((one) => html`<li>${shortDay(one.day)}:
        ${" "}${t("mnsi.total", { n: one.value, high: one.high })}
        ${" "}${one.when ? t(`mnsi.${one.when}`) : null}</li>`)}</ul>` : null}
      <ol class="mnsi">${MNSI.map((n, i) => html`<li><p id=${`mnsi-${n}`}>${t(`mnsi.q${n}`)}</p>
        <div class="row" role="group" aria-labelledby=${`mnsi-${n}`}>${[true, false].map((yes) => html`
          <button type="button" class="button choice" aria-pressed=${String(answers[i] === yes)}
            onClick=${() => choose(i, yes)}>${t(yes ? "mnsi.yes" : "mnsi.no")}</button>`)}</div>
        </li>`)}</ol>
      <div class="row" role="group" aria-label=${t("mnsi.when")}>${["baseline", "end"].map((one) => html`
        <button type="button" class="button choice" aria-pressed=${String(one === when)}
          onClick=${() => this.setState({ when: one })}>${t(`mnsi.${one}`)}</button>`)}</div>
      <${Failure} error=${failure} />
      <p role="status">${saved ? t("mnsi.saved") : null}</p>
      <div class="row"><${Button} kind="main large" off=${Boolean(why)} why=${why}
        onPress=${() => this.save()}>${t("mnsi.save")}</${Button}></div></section>`;
  }
}

function show(value, measure) {
  return measure.unit ? `${number(value)}\u00a0${measure.unit}` : number(value);
}

function describe(entry) {
  return [entry.sleep === null ? "" : t("journal.sleep-was", { n: entry.sleep }),
    entry.skin ? t("journal.skin-was", { skin: t(`skin.${entry.skin}`) }) : "",
    ...entry.flags.map((code) => tOr(`flag.${code}`, code)), entry.changed,
    entry.corrects === null ? "" : t("journal.was-corrected")].filter(Boolean).join(". ");
}
