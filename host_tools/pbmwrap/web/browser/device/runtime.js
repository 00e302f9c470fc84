// Python of this project on MicroPython, in a worker of its own:
//
//   const runtime = await createRuntime(["link_codec"]);
//   const lines = await runtime.call("link_codec.feed", ["@{...}*1234abcd\n"]);
//   await runtime.use("toml_reader");
//   runtime.close();
//
// `call` names a function of pbmwrap.web.browser.MODULE; arguments and results are JSON values. It
// rejects with an Error that has `code`, `message`, `hint` and perhaps `problems`. Calls run in the
// order in which they were made. `use` loads a part that only some calls need.

export async function createRuntime(modules, file = "worker.js") {
  const worker = new Worker(new URL(`./${file}`, import.meta.url), { type: "module" });
  const waiting = new Map();
  const listeners = [];
  let last = 0;
  const fail = (message) => {
    for (const { reject } of waiting.values()) {
      reject(Object.assign(new Error(message), { code: "runtime", hint: "" }));
    }
    waiting.clear();
  };
  await new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || "the worker did not start"));
    worker.onmessage = ({ data }) => (data.ready ? resolve() : reject(new Error(data.failed)));
    worker.postMessage({ modules });
  });
  worker.onerror = (event) => fail(event.message);
  worker.onmessage = ({ data }) => {
    if (data.id === undefined) {
      for (const listener of listeners) listener(data);
      return;
    }
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) reject(Object.assign(new Error(data.error.message), data.error));
    else resolve(data.value);
  };
  const post = (message) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    worker.postMessage({ id: last, ...message });
  });
  const used = new Map();
  return {
    call: (name, args = []) => post({ name, args }),
    /** Loads a module of JavaScript that Python needs for some calls, once. */
    use(name) {
      if (!used.has(name)) {
        const part = post({ use: name });
        used.set(name, part);
        part.catch(() => used.delete(name)); // the network was gone: the next call tries again
      }
      return used.get(name);
    },
    /** Calls `listener` with each message that the worker sends by itself. */
    listen: (listener) => listeners.push(listener),
    close() {
      worker.terminate();
      fail("the runtime was closed");
    },
  };
}
