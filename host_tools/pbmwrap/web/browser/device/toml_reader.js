// Reads TOML for `tomllib` of the shims (pbmwrap/web/browser/shims/tomllib.py), by the library in
// toml/. It gives plain data as JSON: what it means is Python's.
//
//   ["t", [[key, value], ...]]   a table        ["s", text]
//   ["a", [value, ...]]          an array       ["b", true]
//   ["i", digits]                a whole number ["f", text as in the file]
//   ["d", text]                  a date or time
//   ["!", reason, line, column]  not TOML

import { parse } from "./toml/parse.js";

const MOST_DEPTH = 50; // no protocol has more than 4
const NUMBER = /[+-]?(?:inf|nan|[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9_]+)?)/g;
const SPECIAL = { inf: Infinity, nan: NaN };

const valueOf = (text) => {
  const plain = text.replace(/^[+-]/, "");
  const number = SPECIAL[plain] ?? Number(plain.replaceAll("_", ""));
  return text.startsWith("-") ? -number : number;
};

/** The text of each float as it is in the file: JavaScript's numbers round what Python compares
 * exactly. Floats come in the order of the file. */
function createTexts(toml) {
  let tokens = null;
  let next = 0;
  return (number) => {
    tokens ??= Array.from(toml.matchAll(NUMBER), ([text]) => [text, valueOf(text)]);
    const found = (from) => tokens.findIndex(([, value], i) => i >= from && Object.is(value, number));
    const at = found(next) < 0 ? found(0) : found(next);
    if (at < 0) return String(number);
    next = at + 1;
    return tokens[at][0];
  };
}

function describe(value, textOf) {
  if (typeof value === "string") return ["s", value];
  if (typeof value === "boolean") return ["b", value];
  if (typeof value === "bigint") return ["i", String(value)];
  if (typeof value === "number") return ["f", textOf(value)];
  if (value instanceof Date) return ["d", String(value)];
  if (Array.isArray(value)) return ["a", value.map((one) => describe(one, textOf))];
  return ["t", Object.entries(value).map(([key, one]) => [key, describe(one, textOf)])];
}

export function read(toml) {
  try {
    const table = parse(toml, { integersAsBigInt: true, maxDepth: MOST_DEPTH });
    return JSON.stringify(describe(table, createTexts(toml)));
  } catch (error) {
    const reason = error.message.split("\n")[0].replace("Invalid TOML document: ", "");
    return JSON.stringify(["!", reason, error.line ?? 1, error.column ?? 1]);
  }
}
