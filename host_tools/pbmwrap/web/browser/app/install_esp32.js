// An ESP32 by its port: writes a whole image that the user gives, with Espressif's esptool-js, which
// is loaded only then. Which chip and address an image is for, Python says (browser/install.py).

import { createRuntime } from "../../device/runtime.js";
import { Button, Component, Facts, Failure, html } from "./ui.js";
import { t } from "./text.js";
import { transport } from "./store.js";
import { number } from "./format.js";
import { sha256, toHex } from "./bytes.js";
import { md5 } from "./md5.js";
import { whyNoSerial } from "./serial.js";
import { WrapError } from "./transport.js";
import { USB_VENDORS } from "./usb_vendors.js";

const BAUD = 115200; // that of the chip's own loader: the port is opened once
const MOST_BYTES = 16 * 1024 * 1024;
const SILENT = { clean() {}, write() {}, writeLine() {} };

const failure = (key) => new WrapError("install", "", "", key);
let runtime = null;

async function ask(name, ...args) {
  runtime ??= createRuntime(["install"]);
  return (await runtime).call(`install.${name}`, args);
}

/** What an image is for. Rejects one that is not whole or for another chip. */
async function readImage(file) {
  if (file.size > MOST_BYTES) throw failure("esp.too-big");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { head_bytes: most } = await ask("describe_needs");
  const found = await ask("read_image", toHex(bytes.subarray(0, most)), file.name);
  return { ...found, bytes, name: file.name, sha256: await sha256(bytes) };
}

/** Writes the image, compares the flash with it and restarts the chip. */
async function writeImage(image, port, report) {
  const { ESPLoader, Transport } = await import("../../esptool/esptool.mjs");
  const link = new Transport(port);
  try {
    const loader = new ESPLoader({ transport: link, baudrate: BAUD, romBaudrate: BAUD,
      terminal: SILENT });
    try {
      await loader.main();
    } catch {
      throw failure("esp.no-loader");
    }
    if (loader.chip.CHIP_NAME.toLowerCase().replace(/\W/g, "") !== image.chip) {
      await loader.after("hard_reset"); // what ran before runs again: nothing was written
      throw failure("esp.other-chip");
    }
    try {
      await loader.writeFlash({ fileArray: [{ data: image.bytes, address: image.offset }],
        flashMode: "keep", flashFreq: "keep", flashSize: "keep", eraseAll: false, compress: true,
        calculateMD5Hash: md5, reportProgress: (_, done, all) => report(done / all) });
    } catch (error) {
      throw failure(/MD5/.test(error.message) ? "esp.verify" : "esp.lost");
    }
    await loader.after("hard_reset");
  } finally {
    await link.disconnect().catch(() => {}); // the port may be gone with the restart
  }
}

export class Esp32 extends Component {
  async run(name, act) {
    this.setState({ busy: name, error: null, done: null, part: 0 });
    try {
      this.setState({ busy: null, ...await act() });
    } catch (error) {
      this.setState({ busy: null, error });
    }
  }

  choose(file) {
    this.setState({ image: null });
    if (file) this.run("read", async () => ({ image: await readImage(file) }));
  }

  /** The browser shows its list of ports only directly after a press. */
  async write() {
    const { image } = this.state;
    const filters = USB_VENDORS.map((usbVendorId) => ({ usbVendorId }));
    let port;
    try {
      port = await navigator.serial.requestPort({ filters });
    } catch {
      return; // the user closed the list
    }
    await this.run("write", async () => {
      await transport.release?.(); // this page may hold the port
      await writeImage(image, port, (part) => this.setState({ part }));
      return { done: image.ours ? "esp.written" : "esp.written-other" };
    });
    await transport.resume?.();
  }

  render() {
    const why = whyNoSerial();
    const { image, busy, part, error, done } = this.state;
    return html`<p>${t("esp.text")}</p>
      <p>${t("esp.build")} <code>make firmware BOARD=PBMWRAP_ESP32_S3</code></p>
      ${why ? html`<p>${t(why)}</p>` : html`
      <ol class="steps">
        <li>${t("esp.step.file")}
          <p><label for="esp-file" class="file-label">${t("esp.file")}</label>
            <input id="esp-file" type="file" accept=".bin" disabled=${busy === "write"}
              onClick=${(e) => { e.target.value = ""; }}
              onChange=${(e) => this.choose(e.target.files[0])} /></p>
          ${image ? html`<${Facts} pairs=${[
            [t("esp.chip"), image.chip],
            [t("esp.what"), t(image.ours ? "esp.ours" : "esp.other")],
            [t("esp.address"), `0x${image.offset.toString(16)}`],
            [t("install.size"), `${number(image.bytes.length / 1000)} kB`],
            ["SHA-256", html`<code class="hash">${image.sha256}</code>`],
          ]} />` : null}</li>
        <li>${t("esp.step.plug")}</li>
        <li>${t("esp.step.write")}
          <div class="row"><${Button} kind="main" off=${!image || busy}
            why=${image ? null : t("esp.no-file")} onPress=${() => this.write()}>
            ${t("esp.write")}</${Button}></div></li>
      </ol>
      ${busy === "write" && part ? html`<p><progress max="1" value=${part}
        aria-label=${t("install.copying")}></progress></p>` : null}
      <p role="status">${busy === "write" ? t("install.copying") : done ? t(done) : null}</p>
      <${Failure} error=${error} />`}`;
  }
}
