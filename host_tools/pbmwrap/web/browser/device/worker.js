// Worker around Python: takes {id, name, args} and answers {id, value} or {id, error}. The first
// message is {modules}; the first answer is {ready} or {failed}.

import { loadPython } from "./python.js";

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
  const { id, name, args } = data;
  try {
    postMessage({ id, value: python.call(name, args) });
  } catch (error) {
    const { code = "bug", message, hint = "", problems } = error;
    postMessage({ id, error: { code, message, hint, problems } });
  }
};
