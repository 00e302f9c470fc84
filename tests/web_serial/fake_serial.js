// A `navigator.serial` for pages in tests: its one port is a simulated wrap behind the server of
// tests/web_serial/bridge.py. A pty is no port for Chromium's own Web Serial.

(() => {
  const post = async (path, body) => {
    const answer = await fetch(new URL(`/port/${path}`, location.href), { method: "POST", body });
    if (!answer.ok) throw new DOMException(`Failed: ${path}`, "NetworkError");
    return answer;
  };

  class FakePort extends EventTarget {
    constructor(about) {
      super();
      this.about = about;
      this.readable = this.writable = null;
    }

    getInfo() {
      return { usbVendorId: this.about.vendor, usbProductId: this.about.product };
    }

    async open(options) {
      if (this.readable) throw new DOMException("The port is already open.", "InvalidStateError");
      await post("open", JSON.stringify(options));
      const port = this;
      this.closed = false;
      this.makeReadable = () => new ReadableStream({
        async pull(controller) {
          while (!port.closed) {
            let answer;
            try {
              answer = await post("read", "");
            } catch {
              port.readable = null;
              controller.error(new DOMException("The device has been lost.", "NetworkError"));
              return;
            }
            const bytes = new Uint8Array(await answer.arrayBuffer());
            if (port.closed) break;
            if (bytes.length) {
              controller.enqueue(bytes);
              return;
            }
          }
          controller.close();
        },
        cancel() {
          port.closed = true;
        },
      }, { highWaterMark: 0 });
      this.readable = this.makeReadable();
      const renew = () => { // as the specification says: after a failed write there is a new one
        this.writable = new WritableStream({
          write: (bytes) => post("write", bytes).then(() => {}, (error) => {
            renew();
            throw error;
          }),
        });
      };
      renew();
    }

    async setSignals(signals) {
      await post("signals", JSON.stringify(signals));
    }

    async close() {
      if (this.readable?.locked || this.writable?.locked) throw new TypeError("a stream is locked");
      this.closed = true;
      this.readable = this.writable = null;
      await post("close", "");
    }
  }

  class FakeSerial extends EventTarget {
    constructor() {
      super();
      this.port = null;
      this.plugged = false;
      this.allowed = sessionStorage.getItem("port-allowed") === "yes";
      this.watch();
    }

    async watch() {
      for (;;) {
        try {
          const about = await (await post("about", "")).json();
          this.port ??= new FakePort(about);
          this.port.about = about;
          if (about.plugged !== this.plugged) {
            this.plugged = about.plugged;
            const event = new Event(about.plugged ? "connect" : "disconnect");
            Object.defineProperty(event, "target", { value: this.port });
            if (this.allowed) this.dispatchEvent(event);
          }
        } catch {
          // the test ends
        }
        await new Promise((done) => { setTimeout(done, 100); });
      }
    }

    async getPorts() {
      while (!this.port) await new Promise((done) => { setTimeout(done, 10); });
      return this.allowed && this.plugged ? [this.port] : [];
    }

    async requestPort(options) {
      await post("request", JSON.stringify(options));
      while (!this.port) await new Promise((done) => { setTimeout(done, 10); });
      if (!this.plugged) throw new DOMException("No port selected by the user.", "NotFoundError");
      this.allowed = true;
      sessionStorage.setItem("port-allowed", "yes");
      return this.port;
    }
  }

  Object.defineProperty(navigator, "serial", { value: new FakeSerial(), configurable: true });
})();
