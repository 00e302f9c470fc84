// The form of a new trial: for whom it is not, where, what is followed, then the whole plan with its
// power, each caution to confirm, and the begin. The server makes and checks the plan.

import { Button, Failure, html, Loading, Notice, unsay } from "./ui.js";
import { written } from "./said.js";
import { t } from "./text.js";
import { isoOf, number, readDay } from "./format.js";
import { store, transport } from "./store.js";
import { whyNoChange } from "./programme.js";
import { HeatOfPlan, listLevels } from "./trial_heat.js";

const PARTS = ["foot", "lower-leg", "knee", "hand", "wrist"];
const SIDES = ["left", "right"];
const OTHER = "other"; // a place that is none of these
const OTHER_SIDES = { 1: ["none", "left", "right"], 2: ["both", "names"] };
const SPELT = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };
const MOST_NAME = 24; // characters of a place, as a protocol keeps them
const WAIT_DAYS = 21; // 7 to wait, 14 of baseline
const OF_COURSE = ["aim", "better", "measure", "question", "sessions", "start"]; // its own words
const DAY_MS = 86_400_000;
export const CONFIRMED = 2; // presses that what cannot be undone needs

/** Why the wrap cannot be asked; null when it can. */
export function noWrap() {
  return store.state?.connection === "connected" ? null : t("start.no-link");
}

/** One of several large buttons. */
export function Choice({ name, title, value, values, show, onValue }) {
  return html`<h3 id=${name}>${title}</h3>
    <div class="row" role="group" aria-labelledby=${name}>${values.map((one) => html`
      <button type="button" class="button choice" aria-pressed=${String(value === one)}
        onClick=${() => onValue(one)}>${show(one)}</button>`)}</div>`;
}

/** A place as a protocol names it: small letters, digits and hyphens. What else is in it stays, and
 * is refused as the command refuses it. */
function spell(name) {
  return name.trim().toLowerCase().replace(/[äöüß]/g, (letter) => SPELT[letter])
    .replace(/\s+/g, "-");
}

/** The places of the form: chosen ones, or those that were typed; none while a name is missing. */
function sitesOf({ sites, place, side, name, second }) {
  if (place !== OTHER) return sites;
  const found = spell(name);
  const all = { both: [`${found}-left`, `${found}-right`], names: [found, spell(second)],
    none: [found] }[side] ?? [`${found}-${side}`];
  return found && !all.includes("") ? all : [];
}

function noPlace(planned) {
  return { sites: [], place: "", side: OTHER_SIDES[planned.sites][0], name: "", second: "" };
}

/** props: planned (the planner's answers), exploratory, data (of the page), Plan (shows a plan),
 * onBegun(data). */
export class NewTrial extends Loading {
  constructor(props) {
    super(props);
    const start = new Date(readDay(props.data.today).getTime() + (WAIT_DAYS + 0.5) * DAY_MS);
    this.state.form = { ...noPlace(props.planned), aim: "", measure: "pain", question: "", better: "lower",
      period: null, sessions: 3, minutes: 20, level: Math.min(25, props.data.most_level),
      start: isoOf(start), others: "", needs_treatment: null, numb: null, skin_by: "" };
    this.state.confirmed = [];
    this.state.data = {}; // there is nothing to wait for
  }

  load() {
    return Promise.resolve({});
  }

  componentDidUpdate(before) {
    if (before.planned === this.props.planned) return;
    if (before.planned.sites !== this.props.planned.sites) this.put(noPlace(this.props.planned));
    else this.put({});
  }

  /** A change takes the plan away that was read: only what was read can be begun. */
  put(changes) {
    unsay();
    this.setState({ form: { ...this.state.form, ...changes }, made: null, confirmed: [] });
  }

  wishes() {
    const { planned, exploratory } = this.props;
    const { form } = this.state;
    const others = form.others.split("\n").map((line) => line.trim()).filter(Boolean);
    const { name, second, place, side, ...rest } = form;
    return { ...planned, ...rest, sites: sitesOf(form), others, exploratory };
  }

  async draft() {
    this.setState({ sending: true, failure: null });
    try {
      const made = await transport.ask("trialDraft", this.wishes());
      this.setState({ made, confirmed: [] }, () => document.querySelector("#draft")?.focus());
    } catch (failure) {
      this.setState({ failure });
    }
    this.setState({ sending: false });
  }

  async begin() {
    const { confirmed, made } = this.state;
    this.setState({ sending: true, failure: null });
    try {
      this.props.onBegun(await transport.ask("trialStart",
        { ...this.wishes(), seen: made.seen, confirmed }));
    } catch (failure) {
      this.setState({ failure, sending: false });
    }
  }

  whyNoPlan() {
    const { form } = this.state;
    const rating = form.measure === "rating" && !form.question.trim();
    return whyNoChange() ?? noWrap()
      ?? (form.needs_treatment === null || form.numb === null ? t("new.no-answer")
      : form.needs_treatment ? t("trial.not.one")
      : form.numb && !form.skin_by.trim() ? t("new.no-name")
      : !sitesOf(form).length ? t(form.place === OTHER ? "new.no-name-place" : "new.no-place")
      : !form.aim.trim() ? t("make.no-aim")
      : rating ? t("new.no-question") : null);
  }

  show() {
    const { data, exploratory, planned } = this.props;
    const { failure, form, made, sending } = this.state;
    const words = (name) => t(OF_COURSE.includes(name) ? `make.${name}` : `new.${name}`);
    const field = (name, more = {}) => html`<div class="field"><label for=${`new-${name}`}>
      ${words(name)}</label><input id=${`new-${name}`} value=${form[name]} ...${more}
      onInput=${(event) => this.put({ [name]: event.currentTarget.value })} /></div>`;
    const choice = (name, values, show) => html`<${Choice} name=${`new-${name}`}
      title=${words(name)} value=${form[name]} values=${values} show=${show}
      onValue=${(value) => this.put({ [name]: value })} />`;
    const places = planned.sites === 2 ? PARTS.map((part) => SIDES.map((side) => `${part}-${side}`))
      : PARTS.flatMap((part) => SIDES.map((side) => [`${part}-${side}`]));
    const early = !form.start
      || readDay(form.start) - readDay(data.today) < (WAIT_DAYS - 0.5) * DAY_MS;
    const yesNo = (answer) => t(answer ? "new.yes" : "new.no");
    const why = this.whyNoPlan();
    return html`
      <section class="freeze" aria-labelledby="for-whom"><h2 id="for-whom"
        tabindex="-1">${t("new.whom")}</h2>
        ${choice("needs_treatment", [false, true], yesNo)}
        ${form.needs_treatment ? html`<${Notice} kind="bad" alert title=${t("trial.not.one")}>
          <p>${t("new.see")}</p></${Notice}>` : null}
        ${choice("numb", [false, true], yesNo)}
        ${form.numb ? html`${field("skin_by", { maxlength: 40, autocomplete: "off" })}
          ${form.skin_by.trim() ? null : html`<${Notice} kind="bad" alert
            title=${t("trial.not.two")} />`}` : null}</section>
      <section aria-labelledby="new"><h2 id="new">${t("new.title")}</h2>
        ${exploratory ? html`<${Notice} kind="note" title=${t("trial.exploratory")} />` : null}
        <${Choice} name="new-sites" title=${t("new.sites")} value=${form.place}
          values=${[...places.map((place) => place.join()), OTHER]}
          show=${(place) => (place === OTHER ? t("new.other")
            : place.split(",").map((site) => written(site).words).join(", "))}
          onValue=${(place) => this.put({ place, sites: place === OTHER ? [] : place.split(",") })} />
        ${form.place === OTHER ? this.otherPlace(field, choice) : null}
        ${field("aim", { maxlength: 200, class: "long" })}
        ${choice("measure", ["pain", "rating"], (kind) => t(`measure.${kind}`))}
        ${form.measure === "rating" ? html`${field("question", { maxlength: 200, class: "long" })}
          ${choice("better", ["lower", "higher"], (way) => t(`better.${way}`))}` : null}
        ${choice("period", [null, 7, 14], (days) => t(`new.period.${days ?? "best"}`))}
        ${choice("sessions", [1, 2, 3, 4, 5], number)}
        ${choice("minutes", [10, 15, 20], number)}
        ${choice("level", listLevels(data.most_level, data.heat), number)}
        <${HeatOfPlan} heat=${data.heat} level=${form.level} minutes=${form.minutes} />
        ${field("start", { type: "date", min: data.today })}
        ${early ? html`<${Notice} kind="note" title=${t("make.early")} />`
          : html`<p>${t("make.wait")}</p>`}
        <div class="field"><label for="new-others">${t("make.others")}</label></div>
        <textarea id="new-others" rows="2" value=${form.others}
          onInput=${(event) => this.put({ others: event.currentTarget.value })}></textarea></section>
      <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.draft()}>${t("new.draft")}</${Button}></div>
      <p role="status">${sending ? t("trial.plan.wait") : null}</p>
      <${Failure} error=${failure} />
      ${made ? this.showDraft(made) : null}
      <${Unknown} />`;
  }

  /** A place by its name, and its side. */
  otherPlace(field, choice) {
    const { form } = this.state;
    const found = sitesOf(form);
    return html`${choice("side", OTHER_SIDES[this.props.planned.sites],
        (side) => t(`new.side.${side}`))}
      ${field("name", { maxlength: MOST_NAME, autocomplete: "off" })}
      ${form.side === "names" ? field("second", { maxlength: MOST_NAME, autocomplete: "off" }) : null}
      <p role="status">${found.length ? t("new.called", { names: found.join(", ") })
        : t("new.called.how")}</p>`;
  }

  /** The whole plan, and each caution for itself: nothing is ticked before. */
  showDraft({ draft }) {
    const { data, Plan } = this.props;
    const { confirmed, sending } = this.state;
    const tick = (code) => this.setState({ confirmed: confirmed.includes(code)
      ? confirmed.filter((one) => one !== code) : [...confirmed, code] });
    const why = whyNoChange() ?? noWrap()
      ?? (data.cautions.some((code) => !confirmed.includes(code)) ? t("new.no-tick") : null);
    return html`<section class="freeze" aria-labelledby="draft">
      <h2 id="draft" tabindex="-1">${t("new.read")}</h2>
      <p><strong>${draft.plan.aim}</strong></p>
      <${Notice} kind=${draft.confirmatory ? "good" : "bad"} title=${t("new.power",
        { n: Math.round(100 * draft.power) })}>
        <p>${t(draft.confirmatory ? "trial.plan.can" : "trial.plan.cannot")}</p></${Notice}>
      <${Plan} state=${draft} level="h3" />
      <h3 id="cautions">${t("new.confirm")}</h3>
      <ul class="plain uses" aria-labelledby="cautions">${data.cautions.map((code) => html`<li>
        <label class="use"><input type="checkbox" checked=${confirmed.includes(code)}
          onChange=${() => tick(code)} /><span>${t(`new.caution.${code}`)}</span></label></li>`)}</ul>
      <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.begin()}>${t("new.begin")}</${Button}></div></section>`;
  }
}

/** A trial in the wrap that no household here knows keeps others from beginning. */
class Unknown extends Loading {
  load() {
    return Promise.resolve({});
  }

  async end() {
    this.setState({ failure: null, ended: false, sending: true });
    try {
      await transport.ask("trialUnknown", this.state.reason, CONFIRMED);
      this.setState({ ended: true, reason: "", sending: false });
      return true;
    } catch (failure) {
      this.setState({ failure, sending: false });
      return false;
    }
  }

  show() {
    const { ended, failure, reason = "", sending } = this.state;
    const why = whyNoChange() ?? noWrap() ?? (reason.trim() ? null : t("end.no-reason"));
    return html`<details><summary>${t("new.unknown")}</summary><p>${t("new.unknown.text")}</p>
      <div class="field"><label for="unknown-why">${t("trial.worse.why")}</label>
      <input id="unknown-why" class="long" maxlength="80" value=${reason}
        onInput=${(event) => this.setState({ reason: event.currentTarget.value })} /></div>
      <${Twice} first=${t("trial.worse.first")} second=${t("trial.worse.second")}
        text=${t("new.unknown.sure")} why=${why} sending=${sending} onDo=${() => this.end()} />
      <${Failure} error=${failure} />
      <p role="status">${ended ? t("new.unknown.ended") : null}</p></details>`;
  }
}

/** What cannot be undone: a first press says what it does, a second one does it. */
export class Twice extends Loading {
  load() {
    return Promise.resolve({});
  }

  async go() {
    if (await this.props.onDo()) this.setState({ asks: false });
  }

  show() {
    const { first, second, sending, text, why } = this.props;
    if (!this.state.asks) {
      return html`<div class="row"><${Button} off=${Boolean(why)} why=${why}
        onPress=${() => this.setState({ asks: true })}>${first}</${Button}></div>`;
    }
    return html`<div role="alert"><p><strong>${text}</strong></p></div>
      <div class="row"><${Button} kind="main" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.go()}>${second}</${Button}>
        <${Button} onPress=${() => this.setState({ asks: false })}>${t("journal.cancel")}</${Button}>
      </div>`;
  }
}
