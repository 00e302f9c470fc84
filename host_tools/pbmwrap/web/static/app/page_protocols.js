// Protocols on the wrap and examples: what each gives, how good its evidence is, what to beware of;
// and an editor that says line by line what is wrong and what the file would do.

import { Button, Component, Facts, Failure, html, Loading, Notice, Said, Table, Written }
  from "./ui.js";
import { written } from "./said.js";
import { t, tOr } from "./text.js";
import { channelName, durationText, joules, number } from "./format.js";
import { isActive, liveness, mayAct, store, transport } from "./store.js";

const SLOTS = 8; // of a wrap that is not there
const CHECK_MS = 400; // of no typing before the file is checked

function whyNot() {
  if (liveness() !== "live") return t("start.no-link");
  if (!mayAct()) return t("start.watching");
  return isActive() ? t("protocols.not-in-session") : null;
}

export class Protocols extends Loading {
  constructor(props) {
    super(props);
    Object.assign(this.state, { editor: null, failure: null, done: null, over: false });
    this.drop = this.drop.bind(this);
    this.activate = (p) => this.act(() => transport.ask("activate", p.slot), "protocols.activated", p);
    this.erase = (p) => this.act(() => transport.ask("erase", p.slot), "protocols.erased", p);
  }

  load() {
    return transport.ask("protocols");
  }

  async act(ask, key, protocol) {
    this.setState({ failure: null, done: null });
    try {
      await ask();
      this.setState({ done: t(key, { name: written(protocol.name).words }) });
    } catch (error) {
      this.setState({ failure: error });
    }
    await this.reload();
  }

  edit(protocol) {
    this.setState({ editor: { toml: protocol.toml, slot: protocol.slot ?? null,
      title: written(protocol.name).words, seq: (this.state.editor?.seq ?? 0) + 1 }, done: null, failure: null });
  }

  async open(file) {
    if (!file) return;
    if (file.size > 65536) {
      this.setState({ failure: { key: "protocols.too-big" } });
      return;
    }
    this.edit({ toml: await file.text(), name: file.name });
  }

  drop(event) {
    event.preventDefault();
    this.setState({ over: false });
    this.open(event.dataTransfer.files[0]);
  }

  show(protocols) {
    const slots = store.state?.hello?.slots ?? SLOTS;
    const { editor, failure, done, over } = this.state;
    const stored = protocols.filter((p) => p.slot !== null && p.slot !== undefined);
    const examples = protocols.filter((p) => p.slot === null || p.slot === undefined);
    const used = new Map(stored.map((p) => [p.slot, written(p.name ?? p.id).words]));
    const free = Array.from({ length: slots }, (_, i) => i).find((i) => !used.has(i)) ?? null;
    return html`
      <${Failure} error=${failure} />
      <p role="status" class="done-words">${done}</p>
      ${editor ? html`<${Editor} key=${editor.seq} ...${editor} used=${used} slots=${slots}
        free=${free} onClose=${() => this.setState({ editor: null })}
        onStored=${(name) => { this.setState({ editor: null, done: t("protocols.stored",
          { name }) }); this.reload(); }} />` : null}
      <section aria-labelledby="stored"><h2 id="stored">${t("protocols.stored.title")}</h2>
        ${stored.length ? null : html`<p>${t("protocols.stored.none")}</p>`}
        <div class="cards">${stored.map((p) => html`<${Card} key=${`slot${p.slot}`} protocol=${p}
          onEdit=${() => this.edit(p)} onActivate=${() => this.activate(p)}
          onErase=${() => this.erase(p)} />`)}</div></section>
      <section aria-labelledby="file"><h2 id="file">${t("protocols.file.title")}</h2>
        <div class=${`drop ${over ? "drop-over" : ""}`} onDrop=${this.drop}
          onDragOver=${(e) => { e.preventDefault(); this.setState({ over: true }); }}
          onDragLeave=${() => this.setState({ over: false })}>
          <label class="file-label" for="file-input">${t("protocols.file.drop")}</label>
          <input id="file-input" type="file" accept=".toml,text/plain"
            onChange=${(e) => this.open(e.target.files[0])} />
        </div></section>
      <section aria-labelledby="examples"><h2 id="examples">${t("protocols.examples.title")}</h2>
        <p>${t("protocols.examples.text")}</p>
        <div class="cards">${examples.map((p) => html`<${Card} key=${p.id} protocol=${p}
          onEdit=${() => this.edit(p)} />`)}</div></section>`;
  }

  render() {
    return html`<h1 tabindex="-1">${t("nav.protocols")}</h1>${super.render()}`;
  }
}

/** The light of a protocol in words: measured, or the most that it can be. */
function fluenceText(j_cm2, worst_j_cm2) {
  return j_cm2 === null ? t("protocols.at-most", { n: joules(worst_j_cm2) }) : joules(j_cm2);
}

class Card extends Component {
  render() {
    const { protocol: p, onEdit, onActivate, onErase } = this.props;
    const stored = p.slot !== null && p.slot !== undefined;
    const id = `p-${stored ? p.slot : p.id}`;
    const why = whyNot();
    const sure = this.state.sure;
    const ask = (sure_) => () => this.setState({ sure: sure_ });
    const name = written(p.name ?? p.id).words;
    if (p.broken) {
      return html`<article class="card"><h3 id=${id}>${t("protocols.broken", { n: p.slot })}</h3>
        <p><${Said} text=${p.broken} sentence /></p>
        <${Button} off=${Boolean(why)} why=${why} onPress=${onErase}>${t("protocols.erase")}
        </${Button}></article>`;
    }
    return html`<article class=${`card ${p.active ? "card-active" : ""}`} aria-labelledby=${id}>
      <h3 id=${id}><${Written} text=${p.name ?? p.id} /></h3>
      ${p.active ? html`<p class="active-words"><span aria-hidden="true">✓</span>
        ${t("protocols.active")}</p>` : null}
      <${Facts} pairs=${[
        [t("protocols.duration"), durationText(p.ends_s)],
        [t("protocols.fluence"), fluenceText(p.fluence.j_cm2, p.fluence.worst_j_cm2)],
        [t("sessions.site"), p.site ? html`<${Written} text=${p.site} />` : null],
        [t("protocols.grade"), p.evidence ? html`<${Written} text=${p.evidence} />`
          : t("protocols.no-grade")],
        stored ? [t("protocols.slot"), String(p.slot)] : null,
      ]} />
      ${p.cautions?.length ? html`<h4>${t("protocols.cautions")}</h4>
        <ul>${p.cautions.map((text) => html`<li><${Written} text=${text} /></li>`)}</ul>` : null}
      ${p.evidence_summary ? html`<details><summary>${t("protocols.evidence")}</summary>
        <p><${Written} text=${p.evidence_summary} /></p>
        <ul>${p.references.map((text) => html`<li><${Written} text=${text} /></li>`)}</ul></details>` : null}
      <div class="row">
        ${stored && !p.active ? html`<${Button} kind="main" off=${Boolean(why)} why=${why}
          onPress=${onActivate} label=${t("protocols.activate.of", { name })}>
          ${t("protocols.activate")}</${Button}>` : null}
        ${p.toml ? html`<${Button} onPress=${onEdit} label=${t(stored ? "protocols.edit.of"
          : "protocols.use.of", { name })}>${t(stored ? "protocols.edit" : "protocols.use")}
        </${Button}>` : null}
        ${!stored ? null : sure ? html`<span>${t("protocols.erase.sure")}</span>
          <${Button} onPress=${onErase}>${t("protocols.erase.yes")}</${Button}>
          <${Button} onPress=${ask(false)}>${t("protocols.erase.no")}</${Button}>`
          : html`<${Button} off=${Boolean(why)} why=${why} onPress=${ask(true)}
            label=${t("protocols.erase.of", { name })}>${t("protocols.erase")}</${Button}>`}
      </div>
    </article>`;
  }
}

class Editor extends Component {
  constructor(props) {
    super(props);
    const slot = props.slot ?? props.free ?? 0;
    this.state = { toml: props.toml, result: null, error: null, slot, storing: false };
    this.store = this.store.bind(this);
    this.attach = (element) => { this.area = element; };
  }

  componentDidMount() {
    this.check();
    document.getElementById("editor-title").focus();
  }

  componentWillUnmount() {
    clearTimeout(this.timer);
    this.gone = true;
  }

  type(toml) {
    this.setState({ toml });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), CHECK_MS);
  }

  async check() {
    const { toml } = this.state;
    try {
      const result = await transport.ask("check", toml);
      if (!this.gone && toml === this.state.toml) this.setState({ result, error: null });
    } catch (error) {
      if (!this.gone) this.setState({ error });
    }
  }

  async store() {
    this.setState({ storing: true, error: null });
    try {
      const answer = await transport.ask("flash", this.state.slot, this.state.toml);
      this.props.onStored(written(this.state.result?.summary?.name ?? answer.id).words);
    } catch (error) {
      this.setState({ error, storing: false });
    }
  }

  goTo(line) {
    const lines = this.state.toml.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    this.area.focus();
    this.area.setSelectionRange(from, from + (lines[line - 1] ?? "").length);
  }

  render() {
    const { toml, result, error, slot, storing } = this.state;
    const { used, slots, title, onClose } = this.props;
    const problems = result?.problems ?? [];
    const why = whyNot() ?? (!result ? t("editor.checking")
      : problems.length ? t("editor.has-problems") : null);
    const name = (i) => t(used.has(i) ? "editor.slot.used" : "editor.slot.free",
      { n: i, name: used.get(i) });
    return html`<section class="editor" aria-labelledby="editor-title">
      <h2 id="editor-title" tabindex="-1">${t("editor.title", { name: title })}</h2>
      <div class="split">
        <div><label for="toml">${t("editor.text")}</label>
          <textarea id="toml" spellcheck=${false} rows="18" ref=${this.attach} value=${toml}
            aria-describedby="editor-problems" onInput=${(e) => this.type(e.target.value)}></textarea>
        </div>
        <div>
          <div id="editor-problems" role="status">${!result ? t("editor.checking") : problems.length
            ? html`<${Notice} kind="bad" title=${t("editor.problems", { n: problems.length })}>
                <ul class="problems">${problems.map((p) => html`<li>
                  <button type="button" class="button" onClick=${() => this.goTo(p.line)}>
                    ${t("editor.line", { n: p.line })}</button>
                  <${Said} text=${p.message} sentence />. <${Said} text=${p.hint} sentence />.</li>`)}</ul></${Notice}>`
            : html`<${Notice} kind="good" title=${t("editor.correct")} />`}</div>
          ${result?.summary ? html`<${Gives} summary=${result.summary} />` : null}
        </div>
      </div>
      <${Failure} error=${error} />
      <div class="row">
        <label for="slot">${t("editor.slot")}</label>
        <select id="slot" value=${slot} onChange=${(e) => this.setState({
          slot: Number(e.target.value) })}>${Array.from({ length: slots }, (_, i) =>
          html`<option value=${i} selected=${i === slot}>${name(i)}</option>`)}</select>
        <${Button} kind="main" off=${Boolean(why) || storing} why=${why} onPress=${this.store}>
          ${t(storing ? "editor.storing" : "editor.store")}</${Button}>
        <${Button} onPress=${onClose}>${t("editor.close")}</${Button}>
      </div>
      ${why ? html`<p>${why}</p>` : null}
    </section>`;
  }
}

function Gives({ summary }) {
  const rows = summary.fluence.channels.map((c) => [
    channelName([c.name, c.nm]),
    durationText(c.lit_s),
    c.peak_mw_cm2 === null ? t("protocols.at-most", { n: `${number(c.peak_worst_mw_cm2, 1)} mW/cm²` })
      : `${number(c.peak_mw_cm2, 1)} mW/cm²`,
    fluenceText(c.fluence_j_cm2, c.fluence_worst_j_cm2),
  ]);
  return html`<h3>${t("editor.gives")}</h3>
    <${Facts} pairs=${[
      [t("protocols.duration"), durationText(summary.ends_s)],
      [t("editor.ends"), summary.ends_by ? tOr(`end.${summary.ends_by}`, summary.ends_by) : null],
      [t("protocols.fluence"), fluenceText(summary.fluence.j_cm2, summary.fluence.worst_j_cm2)],
    ]} />
    <${Table} caption=${t("editor.per-channel")} stack columns=${[{ name: t("editor.col.channel") },
      { name: t("editor.col.lit"), number: true }, { name: t("editor.col.peak"), number: true },
      { name: t("protocols.fluence"), number: true }]} rows=${rows} />
    ${summary.warnings?.length ? html`<h4>${t("editor.warnings")}</h4>
      <ul>${summary.warnings.map((w) => html`<li><${Said} text=${w} sentence /></li>`)}</ul>` : null}`;
}
