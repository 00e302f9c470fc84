// What the pages of the programme share: whose they are, red flags, sessions that are nobody's.

import { Button, Component, Failure, html, Loading, Notice } from "./ui.js";
import { written } from "./said.js";
import { t, tOr } from "./text.js";
import { dateTime, durationText, shortDay } from "./format.js";
import { mayAct, transport } from "./store.js";

const TEN = Array.from({ length: 11 }, (_, n) => n);

/** Why a change is not possible in this window; null when it is. */
export function whyNoChange() {
  return mayAct() ? null : t("start.watching");
}

/** The question of a measure: those of the program in the page's language. */
export function questionOf(measure) {
  return tOr(`question.${measure.code}`, measure.question);
}

/**
 * A page that belongs to one person. Subclasses define title, load() and show(data). send() makes a
 * change whose answer is the page's new data.
 */
export class Personal extends Loading {
  constructor(props) {
    super(props);
    this.send = this.send.bind(this);
    this.confirmRead = this.confirmRead.bind(this);
  }

  async confirmRead(flags) {
    this.setState({ sending: true, failure: null });
    try {
      await transport.ask("readFlags", flags);
      await this.reload();
    } catch (failure) {
      this.setState({ failure });
    }
    this.setState({ sending: false });
  }

  async send(name, ...args) {
    this.setState({ sending: true, failure: null });
    try {
      const data = await transport.ask(name, ...args);
      this.setState({ data, sending: false });
      return data;
    } catch (failure) {
      this.setState({ failure, sending: false });
      return null;
    }
  }

  render() {
    const { choosing, data, failure } = this.state;
    const asks = choosing || data?.person === null;
    const chosen = () => {
      this.setState({ choosing: false, data: null, error: null, failure: null });
      this.reload();
    };
    return html`<h1 tabindex="-1">${t(`nav.${this.title}`)}</h1>
      ${asks ? html`<${Who} onChosen=${chosen} />` : html`
        ${data ? html`<div class="row"><p>${t("who.of", { name: data.person.name })}</p>
          <${Button} onPress=${() => this.setState({ choosing: true })}>${t("who.other")}</${Button}>
          </div>` : null}
        <${Failure} error=${failure} />
        ${super.render()}`}`;
  }
}

/** Whose page is it? Large names, and a field for a new one. */
class Who extends Loading {
  load() {
    return transport.ask("people");
  }

  async choose(name, ...args) {
    try {
      await transport.ask(name, ...args);
      this.props.onChosen();
    } catch (failure) {
      this.setState({ failure });
    }
  }

  show({ people }) {
    const { name = "", failure } = this.state;
    const why = whyNoChange() ?? (name.trim() ? null : t("who.no-name"));
    return html`<section class="who" aria-labelledby="who">
      <h2 id="who">${t(people.length ? "who.title" : "who.first")}</h2>
      ${people.length ? html`<div class="row">${people.map((person) => html`
        <${Button} kind="large" onPress=${() => this.choose("choosePerson", person.tag)}>
          ${person.name}</${Button}>`)}</div>` : html`<p>${t("who.why")}</p>`}
      <label for="new-name">${t(people.length ? "who.add" : "who.name")}</label>
      <div class="row"><input id="new-name" maxlength="40" autocomplete="off" value=${name}
          onInput=${(event) => this.setState({ name: event.currentTarget.value })} />
        <${Button} kind=${people.length ? "" : "main"} off=${Boolean(why)} why=${why}
          onPress=${() => this.choose("addPerson", name)}>${t("who.do")}</${Button}></div>
      <${Failure} error=${failure} />
      <p>${t("who.private")}</p>
    </section>`;
  }
}

/** Unread red flags: what each means, and the confirmation of having read it. */
export function RedFlags({ flags, wrap, onRead, sending }) {
  if (!flags.length) return null;
  const why = whyNoChange();
  return html`<section class="flags" role="alert" aria-labelledby="flags">
    <h2 id="flags">${t("flag.title")}</h2>
    ${flags.map((flag) => html`<div>
      <h3>${tOr(`flag.${flag.code}`, flag.code)}</h3>
      <p>${t("flag.day", { day: shortDay(flag.day) })}</p>
      <p class="see">${t("flag.see")} ${tOr(`flag.${flag.code}.do`, "")}</p></div>`)}
    <p>${t("flag.dark")}</p>
    ${["absent", "old"].includes(wrap) ? html`<p>${t(`flag.wrap.${wrap}`)}</p>` : null}
    <${Button} kind="main" off=${Boolean(why) || sending} why=${why}
      onPress=${() => onRead(flags.map((flag) => flag.id))}>${t("flag.read")}</${Button}>
  </section>`;
}

/** On the page Now: the unread red flags of the person whom this browser chose. */
export class UnreadFlags extends Component {
  constructor(props) {
    super(props);
    this.state = { flags: [], failure: null };
    this.read = this.read.bind(this);
  }

  componentDidMount() {
    this.mounted = true;
    this.reload();
  }

  componentDidUpdate(before) {
    if (before.held !== this.props.held) this.reload(); // one may have come in another window
  }

  componentWillUnmount() {
    this.mounted = false;
  }

  async reload() {
    try {
      const { flags } = await transport.ask("flags");
      if (this.mounted) this.setState({ flags });
    } catch {
      // without a server there are none; the page says itself that it is lost
    }
  }

  async read(flags) {
    this.setState({ sending: true, failure: null });
    try {
      const { flags: left, wrap } = await transport.ask("readFlags", flags);
      this.setState({ flags: left, wrap });
    } catch (failure) {
      this.setState({ failure });
    }
    this.setState({ sending: false });
  }

  render() {
    const { failure, flags, sending, wrap } = this.state;
    const { held } = this.props;
    return html`<${Failure} error=${failure} />
      <${RedFlags} flags=${flags} wrap=${wrap} onRead=${this.read} sending=${sending} />
      ${held && !flags.length ? html`<${Notice} kind="bad" title=${t("hold.title")}>
        <p>${t(held === "red-flag" ? "hold.flag" : "hold.other", { reason: held })}</p>
        ${held === "red-flag" ? html`<p><a href="#/journal">${t("hold.go")}</a></p>`
          : html`<p><code>pbmwrap hold clear</code></p>`}</${Notice}>` : null}`;
  }
}

/** Sessions that nobody has claimed: whose are they? Nothing is guessed. */
export class OpenSessions extends Loading {
  async load() {
    const [{ sessions }, { people }] = await Promise.all([
      transport.ask("openSessions"), transport.ask("people")]);
    return { sessions, people };
  }

  async claim(keys, tag) {
    try {
      const { sessions } = await transport.ask("claim", keys, tag);
      this.setState({ data: { ...this.state.data, sessions }, failure: null });
      this.props.onChanged?.();
    } catch (failure) {
      this.setState({ failure });
    }
  }

  show({ sessions, people }) {
    if (!people.length || (!sessions.length && !this.state.failure)) return null;
    const why = whyNoChange();
    const answers = (keys) => html`<div class="row">
      ${[...people, { tag: null, name: t("whose.nobody") }].map((person) => html`
        <${Button} off=${Boolean(why)} why=${why} onPress=${() => this.claim(keys, person.tag)}>
          ${person.name}</${Button}>`)}</div>`;
    return html`<section class="whose" aria-labelledby="whose"><h2 id="whose">${t("whose.title")}</h2>
      <p>${t("whose.text")}</p>
      <${Failure} error=${this.state.failure} />
      <ul class="plain">${sessions.map((session) => html`<li><div role="group"
          aria-label=${whenText(session)}><p><strong>${whenText(session)}</strong><br />
        ${[written(session.site).words, durationText(session.active_ms / 1000),
          tOr(`by.${session.started_by}`, session.started_by)].filter(Boolean).join(", ")}</p>
        ${answers([session.key])}</div></li>`)}</ul>
      ${sessions.length > 1 ? html`<p>${t("whose.all")}</p>
        ${answers(sessions.map((session) => session.key))}` : null}
    </section>`;
  }
}

function whenText(session) {
  return session.unix_ms === null ? t("sessions.one", { n: session.number })
    : dateTime(session.unix_ms);
}

/** Eleven large buttons; a slider is too hard for numb fingers. */
export function Scale({ name, value, onValue }) {
  return html`<div class="scale" role="group" aria-labelledby=${name}>${TEN.map((n) => html`
    <button type="button" class="button" aria-pressed=${String(n === value)}
      onClick=${() => onValue(n)}>${n}</button>`)}</div>`;
}
