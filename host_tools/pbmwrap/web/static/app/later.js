// A page whose script and words are loaded when it is opened: the first view needs neither.

import { Button, Component, Failure, html } from "./ui.js";
import { addPart, getLanguage, loadLanguage, t } from "./text.js";
import { loadSentences } from "./said.js";
import { WrapError } from "./transport.js";

/**
 * title: key of its heading until it is there; load: resolves to its component; part: of the words
 * (text.js), null when they are with those of every page.
 */
export function later(title, load, part = null) {
  return class extends Component {
    componentDidMount() {
      return this.load();
    }

    async load() {
      this.setState({ error: null });
      try {
        const [Page] = await Promise.all([load(), part ? loadWords(part) : null]);
        const reads = document.activeElement?.tagName === "H1"; // it is another one then
        this.setState({ Page }, () => reads && document.querySelector("h1")?.focus());
      } catch {
        this.setState({ error: new WrapError("unreachable", "", "", "error.unreachable") });
      }
    }

    render(props, { error, Page }) {
      if (Page) return html`<${Page} ...${props} />`;
      return html`<h1 tabindex="-1">${t(title)}</h1>
        ${error ? html`<${Failure} error=${error} />
            <${Button} onPress=${() => this.load()}>${t("load.again")}</${Button}>`
          : html`<p role="status">${t("load.wait")}</p>`}`;
    }
  };
}

function loadWords(part) {
  addPart(part);
  return Promise.all([loadLanguage(getLanguage()), loadSentences(getLanguage())]);
}
