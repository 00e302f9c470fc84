// MicroPython with this project's modules, in the thread that imports this file. Used by the workers
// beside it. Everything that crosses the border between JavaScript and Python is text or JSON.

import { loadMicroPython } from "./micropython.mjs";

const HEAP_BYTES = 4 * 1024 * 1024; // it grows by itself
const ROOT = "/lib";

function writeFiles(fs, files) {
  for (const [path, text] of Object.entries(files)) {
    const parts = `${ROOT}/${path}`.split("/").slice(1, -1);
    parts.forEach((_, i) => {
      const folder = `/${parts.slice(0, i + 1).join("/")}`;
      if (!fs.analyzePath(folder).exists) fs.mkdir(folder);
    });
    fs.writeFile(`${ROOT}/${path}`, text);
  }
}

/**
 * Loads MicroPython and imports modules of pbmwrap.web.browser by name. Resolves to {call(name,
 * args)}: calls MODULE.FUNCTION with JSON arguments and returns its JSON value. It throws an Error
 * with `code`, `hint` and perhaps `problems` for an expected failure of the function.
 */
export async function loadPython(modules) {
  const answer = await fetch(new URL("./pack.json", import.meta.url));
  if (!answer.ok) throw new Error(`pack.json: ${answer.status}`);
  const files = await answer.json();
  const mp = await loadMicroPython({
    heapsize: HEAP_BYTES,
    url: new URL("./micropython.wasm", import.meta.url).href,
    stdout: (line) => console.log(line),
    linebuffer: true,
  });
  writeFiles(mp.FS, files);
  mp.runPython(`
import sys
sys.path[:] = ["${ROOT}"]
import binascii, hashlib  # those in C: the frozen ones are up to 70 times slower
sys.modules.update({"binascii": binascii, "hashlib": hashlib})
sys.path.append(".frozen")
from pbmwrap.web.browser import dispatch
`);
  for (const name of modules) {
    mp.runPython(`
from pbmwrap.web.browser import ${name}
dispatch.register("${name}", ${name})
`);
  }
  // Bytes that Python's objects take after a collection: for tools/bench_web_static.py.
  globalThis.measureHeap = () => {
    mp.runPython("import gc; gc.collect(); heap_used = gc.mem_alloc()");
    return mp.globals.get("heap_used");
  };
  const dispatch = mp.globals.get("dispatch").call; // once: each look-up makes another proxy
  return {
    /** Lets Python import a module of JavaScript. */
    register: (name, module) => mp.registerJsModule(name, module),
    call(name, args = []) {
      const result = JSON.parse(dispatch(name, JSON.stringify(args)));
      if (!result.error) return result.value;
      throw Object.assign(new Error(result.error.message), result.error);
    },
  };
}
