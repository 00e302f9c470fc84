// Puts the firmware on a board: a Raspberry Pi Pico by its drive, an ESP32 by its port.

import { Button, Component, Facts, Failure, html, Loading, Notice } from "./ui.js";
import { t } from "./text.js";
import { liveness, store, transport } from "./store.js";
import { number } from "./format.js";
import { sha256 } from "./bytes.js";
import { save, whyNoSerial } from "./serial.js";
import { WrapError } from "./transport.js";
import { choose } from "./extra.js";
import { Esp32 } from "./install_esp32.js";

const CHUNK_BYTES = 65536;
const STEPS = ["off", "hold", "drive"];

const failure = (key) => new WrapError("install", "", "", key);

/** A file of this folder. Rejects when its bytes are not those that the manifest names. */
export async function fetchChecked(about) {
  const answer = await fetch(new URL(`../../${about.file}`, import.meta.url)).catch(() => null);
  if (!answer?.ok) throw failure("install.no-file");
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes.length !== about.bytes || await sha256(bytes) !== about.sha256) {
    throw failure("install.damaged");
  }
  return bytes;
}

/** Copies the image to the drive of a boot loader, and nowhere else. */
async function copyToDrive(manifest, report) {
  let drive;
  try {
    drive = await showDirectoryPicker({ mode: "readwrite", id: "pbmwrap" });
  } catch (error) {
    if (error.name === "AbortError") return false; // the user closed the list
    throw failure("install.no-drive");
  }
  const { mark, board_id: board } = manifest.drive;
  const info = await drive.getFileHandle(mark).then((handle) => handle.getFile())
    .then((file) => file.text()).catch(() => null);
  if (info === null) throw failure("install.not-boot-drive");
  if (!info.includes(board)) throw failure("install.other-chip");
  const bytes = await fetchChecked(manifest.uf2);
  let written = 0;
  try {
    const handle = await drive.getFileHandle("FIRMWARE.UF2", { create: true });
    const file = await handle.createWritable();
    while (written < bytes.length) {
      await file.write(bytes.subarray(written, written + CHUNK_BYTES));
      written = Math.min(bytes.length, written + CHUNK_BYTES);
      report(written / bytes.length);
    }
    await file.close();
  } catch {
    // The board restarts as soon as it has the last block, and its drive vanishes under the file.
    if (written < bytes.length) throw failure("install.drive-lost");
  }
  return true;
}

export class Install extends Loading {
  async load() {
    return (await fetch(new URL("../../firmware/manifest.json", import.meta.url))).json();
  }

  show(manifest) {
    return html`
      <section aria-labelledby="pico"><h2 id="pico">${t("install.pico")}</h2>
        ${manifest.uf2 ? html`<${Pico} manifest=${manifest} />`
          : html`<${Notice} kind="note" title=${t("install.none")}>
            <p>${t("install.none.do")} <code>make firmware web-static</code></p></${Notice}>`}
      </section>
      <section aria-labelledby="esp"><h2 id="esp">${t("install.esp")}</h2>
        <${Esp32} manifest=${manifest} /></section>
      <section aria-labelledby="check"><h2 id="check">${t("install.check")}</h2>
        <${Check} manifest=${manifest} /></section>`;
  }

  render() {
    return html`<h1 tabindex="-1">${t("nav.install")}</h1>
      <${Notice} kind="bad" title=${t("install.take-off")}><p>${t("install.take-off.why")}</p>
      </${Notice}>
      ${super.render()}`;
  }
}

class Pico extends Component {
  async run(act) {
    this.setState({ busy: true, error: null, done: null, part: 0 });
    try {
      const done = await act();
      this.setState({ busy: false, done });
    } catch (error) {
      this.setState({ busy: false, error });
    }
  }

  render() {
    const { manifest } = this.props;
    const { busy, part, error, done } = this.state;
    const { uf2 } = manifest;
    const copy = () => this.run(async () => (await copyToDrive(manifest,
      (share) => this.setState({ part: share }))) && "install.copied");
    const download = () => this.run(async () => {
      save(new Blob([await fetchChecked(uf2)]), `pbmwrap-${uf2.version}.uf2`);
      return "install.saved";
    });
    const picks = "showDirectoryPicker" in globalThis;
    return html`
      <ol class="steps">${STEPS.map((step) => html`<li>${t(`install.step.${step}`)}</li>`)}
        <li>${t(picks ? "install.step.copy" : "install.step.save")}
          <div class="row">
            ${picks ? html`<${Button} kind="main" off=${busy} onPress=${copy}>
              ${t("install.copy")}</${Button}>` : null}
            <${Button} kind=${picks ? "" : "main"} off=${busy} onPress=${download}>
              ${t("install.save")}</${Button}></div>
          ${busy && part ? html`<p><progress max="1" value=${part}
            aria-label=${t("install.copying")}></progress></p>` : null}
          <p role="status">${done ? t(done) : busy ? t("install.copying") : null}</p>
          <${Failure} error=${error} /></li>
        <li>${t("install.step.connect")}</li></ol>
      <details><summary>${t("install.what")}</summary><${Facts} pairs=${[
        [t("identity.board"), uf2.board],
        [t("identity.fw"), uf2.version],
        [t("install.size"), `${number(uf2.bytes / 1000)} kB`],
        ["SHA-256", html`<code class="hash">${uf2.sha256}</code>`],
      ]} /></details>`;
  }
}

/** Connects, and shows what the wrap says of itself. */
function Check({ manifest }) {
  const why = whyNoSerial();
  if (why) return html`<p>${t(why)}</p>`;
  const hello = store.state?.hello;
  const live = liveness() === "live";
  const same = hello && manifest.uf2 && hello.program === manifest.uf2.program;
  return html`<p>${t("install.check.text")}</p>
    ${transport.kind === "serial" && !live ? html`<div class="row"><${Button} kind="main" onPress=${choose}>
      ${t("serial.choose")}</${Button}></div>` : null}
    <div role="status">${live && hello ? html`
      <${Notice} kind="good" title=${t("install.answers")}>
        <p>${t(same ? "install.same" : "install.not-same")}</p></${Notice}>
      <${Facts} pairs=${[
        [t("identity.board"), hello.board],
        [t("identity.fw"), hello.fw],
        [t("identity.uid"), hello.uid],
        ["MicroPython", hello.mpy],
      ]} />` : null}</div>`;
}
