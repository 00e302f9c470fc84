// Worker around Python: takes {id, name, args} and answers {id, value} or {id, error}. The first
// message is {modules}; the first answer is {ready} or {failed}. {id, use} lets Python import one of
// PARTS, which is loaded only then.

import { loadPython } from "./python.js";

const PARTS = { toml_reader: () => import("./toml_reader.js") };

let python = null;

onmessage = async ({ data }) => {
  if (data.modules) {
    try {
      python = await loadPython(data.modules);
      postMessage({ ready: true });
    } catch (error) {
      postMessage({ failed: String(error?.message ?? error) });
    }
    return;
  }
  const { id, use, name, args } = data;
  try {
    if (use) {
      const part = await PARTS[use]();
      python.register(use, { ...part });
      postMessage({ id, value: null });
      return;
    }
    postMessage({ id, value: python.call(name, args) });
  } catch (error) {
    const { code = "bug", message, hint = "", problems } = error;
    postMessage({ id, error: { code, message, hint, problems } });
  }
};
