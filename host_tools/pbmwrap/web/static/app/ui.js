// Preact bound to htm, and the parts that several pages use.

import { Component, h, render } from "../vendor/preact.mjs";
import htm from "../vendor/htm.mjs";
import { changed, store } from "./store.js";
import { said, saidSentence, written } from "./said.js";
import { t } from "./text.js";

export { Component, render };
export const html = htm.bind(h);

/** A message to the user. kind: "good", "note" or "bad"; the word, not only the colour, says it. */
export function Notice({ kind, title, children, alert }) {
  return html`<div class=${`notice ${kind}`} role=${alert ? "alert" : null}>
    <p class="notice-title"><span class="mark" aria-hidden="true">${MARKS[kind]}</span> ${title}</p>
    ${children}
  </div>`;
}

export const MARKS = { good: "✓", note: "!", bad: "✕" };

/** A failed request in words, with the way to go on. */
export function Failure({ error }) {
  if (!error) return null;
  return html`<${Notice} kind="bad" title=${errorText(error)} alert>
    ${error.hint ? html`<p><${Said} text=${error.hint} sentence /></p>` : null}
  </${Notice}>`;
}

export function errorText(error) {
  return error.key ? t(error.key) : html`<${Said} text=${error.message} sentence />`;
}

/** Words of the server or the wrap in the page's language. sentence: with a capital letter. */
export function Said({ text, sentence }) {
  const { words, lang } = sentence ? saidSentence(text) : said(text);
  // Commands stand between backticks.
  return html`<span lang=${lang}>${words.split("`").map((part, i) =>
    (i % 2 ? html`<code>${part}</code>` : part))}</span>`;
}

/** Words of a protocol: those of the examples in the page's language. */
export function Written({ text }) {
  const { words, lang } = written(text);
  return html`<span lang=${lang}>${words}</span>`;
}

/**
 * A table with a caption. columns: [{name, number, head}]; rows: arrays of cells. It scrolls
 * sideways inside its own frame, which is focusable so that a keyboard can scroll it. stack: on a
 * phone each row is a block with the columns' names before its values, so that nothing is beside the
 * screen. The roles are stated since such a block is not a table for a browser.
 */
export function Table({ caption, columns, rows, hideCaption, stack }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}>
    <table class=${stack ? "stack" : null} role="table">
      <caption class=${hideCaption ? "hidden" : null}>${caption}</caption>
      <thead role="rowgroup"><tr role="row">${columns.map((c) => html`<th scope="col"
        role="columnheader" class=${c.number ? "number" : null}>${c.name}</th>`)}</tr></thead>
      <tbody role="rowgroup">${rows.map((cells) => html`<tr role="row">${cells.map((cell, i) =>
        i === 0
          ? html`<th scope="row" role="rowheader">${cell}</th>`
          : html`<td role="cell" class=${columns[i].number ? "number" : null}>${stack
            ? html`<span class="cell-name">${columns[i].name}</span>` : null}${
            cell}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
}

/** Terms with their values. pairs: [[term, value]]; a value of null leaves its pair out. */
export function Facts({ pairs }) {
  const shown = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined);
  return html`<dl class="facts">${shown.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A button that stays focusable while it is not possible; a press then says why. */
export function Button({ kind, off, why, onPress, children, label }) {
  const press = (event) => {
    if (!off) onPress(event);
    else if (why) say(why);
  };
  return html`<button type="button" class=${`button ${kind || ""}`}
    aria-disabled=${off ? "true" : null} aria-label=${label} onClick=${press}>
    ${children}</button>`;
}

/** Shows words beside the controls, where they are on screen whatever is scrolled to. */
export function say(words) {
  store.message = { words };
  changed();
}

/** Takes these words away, when what they asked for is being done. */
export function unsay() {
  if (!store.message?.words) return;
  store.message = null;
  changed();
}

/** A page or a part of one that loads what it shows. Subclasses define load() and show(data). */
export class Loading extends Component {
  constructor(props) {
    super(props);
    this.state = { data: null, error: null };
    this.reload = this.reload.bind(this);
  }

  componentDidMount() {
    this.mounted = true;
    this.reload();
  }

  componentWillUnmount() {
    this.mounted = false;
  }

  async reload() {
    try {
      const data = await this.load();
      if (this.mounted) this.setState({ data, error: null });
    } catch (error) {
      if (this.mounted) this.setState({ error });
    }
  }

  render() {
    const { data, error } = this.state;
    return html`${error && html`<${Failure} error=${error} />
      <${Button} onPress=${this.reload}>${t("load.again")}</${Button}>`}
      ${data ? this.show(data) : error ? null : html`<p role="status">${t("load.wait")}</p>`}`;
  }
}
