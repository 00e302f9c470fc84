// The guided calibration: which meter, then one reading after the other while the wrap lights one
// channel, then the result with its budget. The server decides what comes next; this page asks it
// once a second, and the light goes out when it does not.

import { Button, Component, Facts, Failure, html, Notice, Said, Table } from "./ui.js";
import { t, tOr } from "./text.js";
import { channelName, clockText, dateTime, number, percent } from "./format.js";
import { liveness, mayAct, transport } from "./store.js";

const ASK_MS = 1000;
const FILE_MOST = 110_000; // bytes: what the server takes, as base64
const CHUNK = 8192;
const NUMBERS = ["uncertainty", "k", "aperture", "saturation"];
const ROWS = "ABCDEFGHI";

export class Calibrate extends Component {
  constructor(props) {
    super(props);
    this.state = { data: null, error: null, failure: null, typed: "", nobody: false, row: "" };
    this.sent = 0;
    this.take = this.take.bind(this);
  }

  componentDidMount() {
    this.mounted = true;
    this.follow();
  }

  componentWillUnmount() {
    this.mounted = false;
  }

  /** A new step gets the focus: its field, or its heading. */
  componentDidUpdate(_, before) {
    const { data } = this.state;
    if (!before.data || before.data.turn === data?.turn && before.data.phase === data?.phase) return;
    (document.getElementById("cal-answer") ?? document.getElementById("cal-step"))?.focus();
  }

  async follow() {
    while (this.mounted) {
      const { sent } = this;
      try {
        const data = await transport.ask("calGuide");
        if (this.mounted && sent === this.sent) this.show(data);
      } catch (error) {
        if (this.mounted) this.setState({ error });
      }
      await new Promise((done) => { setTimeout(done, ASK_MS); });
    }
  }

  show(data) {
    const { data: old } = this.state;
    const fresh = old?.turn === data.turn && old?.phase === data.phase ? {}
      : { typed: data.step?.default ?? "", nobody: false, row: "", failure: null };
    this.setState({ data, error: null, ...fresh });
  }

  async send(name, ...args) {
    if (this.state.sending) return;
    this.sent += 1;
    this.setState({ sending: true, failure: null });
    try {
      this.show(await transport.ask(name, ...args));
    } catch (failure) {
      this.setState({ failure });
    }
    this.sent += 1;
    this.setState({ sending: false, asksAgain: false });
  }

  answer(text, more = {}) {
    return this.send("calAnswer", this.state.data.turn, text, more);
  }

  async take(file) {
    if (!file) return;
    if (file.size > FILE_MOST) {
      this.setState({ failure: { key: "cal.file.large" } });
      return;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    let raw = "";
    for (let at = 0; at < bytes.length; at += CHUNK) {
      raw += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
    }
    const { row } = this.state;
    await this.answer(file.name, { file: btoa(raw), name: row ? `${file.name}#${row}` : file.name });
  }

  render() {
    const { data, error, failure } = this.state;
    const why = !mayAct() ? t("start.watching") : liveness() !== "live" ? t("start.no-link") : null;
    return html`<h1 tabindex="-1">${t("cal.title")}</h1>
      <p><a class="back" href="#/wrap">${t("cal.back")}</a></p>
      ${error && !data ? html`<${Failure} error=${error} />` : null}
      ${!data ? html`<p role="status">${t("load.wait")}</p>`
        : data.wrap === null ? html`<p>${t("start.no-link")}</p>` : html`
        ${data.said ? html`<${Notice} kind="note" alert title=${html`<${Said} text=${data.said}
          sentence />`} />` : null}
        ${data.phase === "measure" ? this.measure(data, why) : html`
          ${data.results ? this.results(data, why) : null}
          ${data.phase === "store" ? null : this.start(data, why)}`}
        ${data.phase === "measure" ? null : html`<${Failure} error=${failure} />`}`}`;
  }

  start(data, why) {
    const { sending } = this.state;
    return html`<section aria-labelledby="cal-step"><h2 id="cal-step" tabindex="-1">
        ${t(data.results ? "cal.start.again" : "cal.start")}</h2>
      <p>${t("cal.start.text")}</p>
      <ul>${["pad", "meter", "sheet", "time", "goggles"].map((what) => html`<li>
        ${t(`cal.need.${what}`)}</li>`)}</ul>
      <${Notice} kind="bad" title=${t("cal.nobody.title")}><p>${t("cal.nobody.text")}</p></${Notice}>
      <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.send("calBegin", false)}>${t("cal.begin")}</${Button}></div></section>`;
  }

  measure(data, why) {
    const { asksAgain, failure, sending } = this.state;
    const { light, step } = data;
    return html`
      <section class="cal-step" aria-label=${t("cal.step")}>
        ${this.step(data, why)}
        <${Failure} error=${failure} /></section>
      ${light.channel ? html`<div class="row"><p><strong>${t("cal.lit", {
          channel: this.channel(light.channel, step), part: percent(light.duty) })}</strong>
          ${" "}${t("cal.lit.left", { time: clockText(light.left_s) })}</p>
        <${Button} kind="stop" onPress=${() => this.send("calDark")}>${t("cal.dark")}</${Button}>
        </div>` : null}
      ${data.grid ? this.grid(data) : null}
      <div class="row">
        ${data.readings ? html`<${Button} off=${Boolean(why) || sending} why=${why}
          onPress=${() => this.send("calBack")}>${t("cal.last-again")}</${Button}>` : null}
        ${asksAgain ? html`<${Button} off=${Boolean(why) || sending} why=${why}
            onPress=${() => this.send("calBegin", true)}>${t("cal.anew.yes")}</${Button}>
            <${Button} onPress=${() => this.setState({ asksAgain: false })}>
              ${t("cal.anew.no")}</${Button}>`
          : html`<${Button} onPress=${() => this.setState({ asksAgain: true })}>
              ${t("cal.anew")}</${Button}>`}</div>
      ${asksAgain ? html`<p role="status">${t("cal.anew.text")}</p>` : null}
      <p>${t("cal.saved")}</p>`;
  }

  channel(name, step) {
    return step.nm ? channelName([name, step.nm]) : tOr(`channel.${name}`, name);
  }

  step(data, why) {
    const { step } = data;
    const kinds = { field: this.field, wavelength: this.wavelength, confirm: this.confirm,
      question: this.question, light_on: this.light, warm_up: this.warmUp, reading: this.reading };
    return kinds[step.kind]?.call(this, step, why, data);
  }

  heading(words) {
    return html`<h2 id="cal-step" tabindex="-1">${words}</h2>`;
  }

  /** One big field; Enter goes on. */
  form(label, why, { help, unit, mode, first, extra } = {}) {
    const { sending, typed } = this.state;
    const go = (event) => {
      event.preventDefault();
      if (!why) this.answer(typed);
    };
    return html`<form onSubmit=${go}>
      <h2 id="cal-step" tabindex="-1"><label for="cal-answer">${label}</label></h2>
      ${help ? html`<p id="cal-help">${help}</p>` : null}
      ${first ?? null}
      <div class="row"><input id="cal-answer" class="cal-answer" value=${typed} autocomplete="off"
          inputmode=${mode ?? "text"} aria-describedby=${help ? "cal-help" : null} maxlength="60"
          onInput=${(event) => this.setState({ typed: event.currentTarget.value })} />
        ${unit ? html`<span class="cal-unit">${unit}</span>` : null}
        <button type="submit" class="button main large" aria-disabled=${why || sending ? "true"
          : null}>${t("cal.next")}</button>${extra ?? null}</div>
      ${why ? html`<p>${why}</p>` : null}</form>`;
  }

  choices(heading, values, words, why, help) {
    const { sending } = this.state;
    return html`${this.heading(heading)}
      ${help ? html`<p>${help}</p>` : null}
      <ul class="plain">${values.map((one) => html`<li><${Button} kind="wide" off=${Boolean(why)
        || sending} why=${why} onPress=${() => this.answer(one.value)}>${words(one)}</${Button}>
        </li>`)}</ul>`;
  }

  field(step, why) {
    const { key } = step;
    const label = t(`cal.f.${key}`);
    const help = tOr(`cal.f.${key}.why`, "");
    if (key === "meter") {
      return this.choices(label, step.options, (one) => t(`cal.meter.${one.value}`), why, help);
    }
    if (key === "unit") {
      return this.choices(label, step.options, (one) => one.value.replace("2", "²"), why, help);
    }
    if (key === "grid") {
      return this.choices(label, step.options, (one) => t("cal.grid.cost", {
        grid: one.value.replace("x", "\u00a0×\u00a0"), points: one.points,
        cost: number(one.cost_pct, 1), peak: number((one.peak - 1) * 100, 1) }), why, help);
    }
    if (key === "repeats") {
      return this.choices(label, step.options, (one) => (one.cost_pct === null
        ? t("cal.repeats.some", { n: one.value })
        : t("cal.repeats.one", { n: one.value, cost: number(one.cost_pct, 1) })), why, help);
    }
    const easy = { saturation: "?", cover: "none" }[key];
    const extra = easy ? html`<${Button} off=${Boolean(why)} why=${why}
      onPress=${() => this.answer(easy)}>${t(`cal.f.${key}.none`)}</${Button}>` : null;
    const unit = { uncertainty: "%", aperture: "mm" }[key];
    return this.form(label, why, { help, unit, extra,
      mode: NUMBERS.includes(key) ? "decimal" : "text" });
  }

  wavelength(step, why) {
    const channel = tOr(`channel.${step.channel}`, step.channel);
    return this.form(t("cal.wavelength", { nm: step.nm, channel }), why,
      { help: t("cal.wavelength.why", { nm: step.nm }), unit: "nm" });
  }

  reading(step, why, data) {
    const dark = step.key === "dark";
    const channel = this.channel(step.channel, step);
    const label = dark ? t("cal.dark-reading", { channel })
      : t("cal.reading", { point: step.point, channel, n: step.number, all: step.total });
    const help = dark ? t("cal.dark-reading.why")
      : step.settle_s > 2 ? t("cal.reading.settle", { n: step.settle_s }) : t("cal.reading.why");
    const file = data.answers.meter === "spectrometer";
    return html`${this.form(label, why, { help, unit: data.answers.unit.replace("2", "²"),
      mode: "decimal" })}${file ? this.drop(why) : null}`;
  }

  /** A spectrometer's file, chosen or dropped. */
  drop(why) {
    const { over, row } = this.state;
    const stop = (event, on) => {
      event.preventDefault();
      this.setState({ over: on });
    };
    return html`<div class=${`drop ${over ? "drop-over" : ""}`}
        onDragOver=${(event) => stop(event, true)} onDragLeave=${(event) => stop(event, false)}
        onDrop=${(event) => {
          stop(event, false);
          if (!why) this.take(event.dataTransfer.files[0]);
        }}>
      <label class="file-label" for="cal-file">${t("cal.file")}</label>
      <input id="cal-file" type="file" accept=".csv,.json,.txt" onChange=${(event) => {
        const [file] = event.currentTarget.files;
        event.currentTarget.value = "";
        if (!why) this.take(file);
      }} />
      <label class="file-label" for="cal-row">${t("cal.file.row")}</label>
      <input id="cal-row" value=${row} maxlength="40" autocomplete="off"
        onInput=${(event) => this.setState({ row: event.currentTarget.value })} /></div>`;
  }

  confirm(step, why, data) {
    const { sending } = this.state;
    return html`${this.heading(t("cal.reposition", { n: step.repeat, all: data.answers.repeats }))}
      <p>${t("cal.reposition.why")}</p>
      <div class="row"><${Button} kind="main large" off=${Boolean(why) || sending} why=${why}
        onPress=${() => this.answer("")}>${t("cal.reposition.do")}</${Button}></div>`;
  }

  question(step, why) {
    const { sending } = this.state;
    return html`${this.heading(step.typed === undefined ? t("cal.question")
        : t("cal.question.of", { typed: step.typed }))}
      <p class="cal-asked"><${Said} text=${step.text} sentence /></p>
      <div class="row">${step.choices.map((choice) => html`<${Button} kind="large"
        off=${Boolean(why) || sending} why=${why} onPress=${() => this.answer(choice)}>
        ${t(`cal.choice.${choice}`)}</${Button}>`)}</div>
      <p>${t("cal.question.kept")}</p>`;
  }

  light(step, why, data) {
    const { nobody, sending } = this.state;
    const { cover } = data.answers;
    const no = why ?? (nobody ? null : t("cal.light.confirm-first"));
    return html`${this.heading(t("cal.light", { channel: this.channel(step.channel, step) }))}
      <p>${cover === "none" ? t("cal.light.bare") : t("cal.light.cover", { cover })}</p>
      <label class="use"><input type="checkbox" checked=${nobody}
        onChange=${(event) => this.setState({ nobody: event.currentTarget.checked })} />
        <span>${t("cal.light.nobody")}</span></label>
      <div class="row"><${Button} kind="main large" off=${Boolean(no) || sending} why=${no}
        onPress=${() => this.send("calLight", data.turn)}>${t("cal.light.do")}</${Button}></div>
      ${sending ? html`<p role="status">${t("cal.light.comes")}</p>` : null}`;
  }

  warmUp(step) {
    return html`${this.heading(t("cal.warm", { channel: this.channel(step.channel, step) }))}
      <p class="cal-count" role="timer"><strong>${clockText(step.seconds)}</strong></p>
      <p>${t("cal.warm.why")}</p>`;
  }

  grid({ grid, step }) {
    const columns = [{ name: t("cal.grid.row") },
      ...grid.rows[0].map((_, i) => ({ name: String(i + 1), number: true }))];
    const cell = ({ text, now }) => (now ? html`<strong class="cal-now">▸ ${text ?? t("cal.grid.now")}
      </strong>` : text ?? "·");
    return html`<div class="cal-grid"><${Table} caption=${t("cal.grid", { n: grid.repeat,
      channel: this.channel(step.channel, step) })} columns=${columns}
      rows=${grid.rows.map((row, i) => [ROWS[i], ...row.map(cell)])} /></div>`;
  }

  results(data, why) {
    const id = data.phase === "store" ? "cal-step" : "cal-result";
    return html`<section aria-labelledby=${id}><h2 id=${id} tabindex="-1">
        ${t("cal.result", { day: dateTime(data.finished_s * 1000) })}</h2>
      <p>${data.answers.name}, ${t(data.answers.repeats === 1 ? "cal.result.once"
        : "cal.result.grid", { grid: data.answers.grid.join("\u00a0×\u00a0"),
          n: data.answers.repeats })}</p>
      <p><a class="button" target="_blank" rel="noopener"
        href=${`api/calibration/report?id=${encodeURIComponent(data.record)}`}>
        ${t("cal.report")}</a></p>
      ${data.results.map((one) => html`<${ChannelResult} one=${one} off=${why || this.state.sending}
        why=${why} onDecide=${(wanted) => this.send("calStore", one.channel, wanted)} />`)}
      <p>${t("cal.result.words")}</p></section>`;
  }
}

function ChannelResult({ one, off, why, onDecide }) {
  const name = channelName([one.channel, one.nm]);
  const digits = one.mean > 0 ? Math.max(0, 2 - Math.floor(Math.log10(one.mean))) : 2;
  const light = (value) => `${number(value, digits)}\u00a0mW/cm²`;
  const rows = [...one.budget.map((c) => [tOr(`cal.u.${c.code}`, c.title), number(c.u_pct, 2)]),
    [t("cal.u.combined"), number(one.combined_pct, 2)], [t("cal.u.expanded"), number(one.u_pct, 1)]];
  return html`<section class="card" aria-label=${name}><h3>${name}</h3>
    <p class="cal-mean"><strong>${number(one.mean, digits)} ± ${light(one.mean * one.u_pct / 100)}
      </strong> ${t("cal.mean.u", { u: number(one.u_pct, 1) })}</p>
    <${Facts} pairs=${[[t("cal.peak"), number(one.peak, 2)], [t("cal.even"), number(one.evenness, 2)],
      [t("cal.upper"), light(one.upper)]]} />
    ${one.warnings.map((text) => html`<${Notice} kind="note" title=${t("cal.warning")}>
      <p><${Said} text=${text} sentence /></p></${Notice}>`)}
    ${one.decision === "stored" ? html`<${Notice} kind="good" title=${t("cal.stored")} />`
      : one.decision ? html`<${Notice} kind="note" title=${t("cal.declined")} />`
      : one.refused ? html`<${Notice} kind="bad" title=${t("cal.refused")}>
          <p><${Said} text=${one.refused} sentence /></p></${Notice}>
          <div class="row"><${Button} off=${Boolean(off)} why=${why}
            onPress=${() => onDecide(false)}>${t("cal.store.no-go-on")}</${Button}></div>`
      : html`<div class="row"><${Button} kind="main large" off=${Boolean(off)} why=${why}
          label=${t("cal.store.of", { channel: name })} onPress=${() => onDecide(true)}>
          ${t("cal.store")}</${Button}><${Button} off=${Boolean(off)} why=${why}
          label=${t("cal.store.no.of", { channel: name })} onPress=${() => onDecide(false)}>
          ${t("cal.store.no")}</${Button}></div>`}
    <details><summary>${t("cal.budget")}</summary>
      <${Table} caption=${t("cal.budget.of", { channel: name })} columns=${[
        { name: t("cal.budget.what") }, { name: t("cal.budget.u"), number: true }]} rows=${rows} />
    </details></section>`;
}
