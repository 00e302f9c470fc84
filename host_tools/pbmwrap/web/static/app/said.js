// Sentences that the server, the firmware and the examples say in English, in the page's language.
// sentences/LANGUAGE.json: English, with {} for each value, to the page's words, with {0}, {1}. The
// English file has only those that name a command where the page has a button. What only one page
// may say is in sentences/PART, as its words are.

import { getLanguage, readWords } from "./text.js";

const DEEP_MOST = 4;

let whole = new Map();
let patterns = [];

function escape(text) {
  return text.replace(/[.*+?^$()|[\]\\{}]/g, "\\$&");
}

export async function loadSentences(language) {
  const found = Object.entries(await readWords("sentences", language));
  whole = new Map(found.filter(([english]) => !english.includes("{}")));
  patterns = found.filter(([english]) => english.includes("{}"))
    // The one with the most words of its own fits best.
    .sort(([a], [b]) => b.length - a.length)
    .map(([english, words]) =>
      [new RegExp(`^${english.split("{}").map(escape).join("(.+?)")}$`, "s"), words]);
}

/** The page's words for an English sentence; null when it has none. */
function translate(text, depth = 0) {
  if (whole.has(text)) return whole.get(text);
  if (depth > DEEP_MOST) return null;
  for (const [pattern, words] of patterns) {
    const values = pattern.exec(text);
    if (values) {
      return words.replace(/\{(\d+)\}/g, (_, n) => {
        const value = values[Number(n) + 1];
        return translate(value, depth + 1) ?? value;
      });
    }
  }
  return translateParts(text, "; ", depth) ?? translateAfterColon(text, depth)
    ?? translateParts(text, ", ", depth);
}

function translateParts(text, mark, depth) {
  const parts = text.split(mark);
  if (parts.length < 2) return null;
  const found = parts.map((part) => translate(part, depth + 1));
  return found.includes(null) ? null : found.join(mark);
}

/** "board: the rest": the part before the colon is often a name. */
function translateAfterColon(text, depth) {
  const at = text.indexOf(": ");
  if (at < 0) return null;
  const rest = translate(text.slice(at + 2), depth + 1);
  const head = text.slice(0, at);
  return rest === null ? null : `${translate(head, depth + 1) ?? head}: ${rest}`;
}

/** {words, lang}: the sentence in the page's language, else in English and marked as such. */
export function said(text) {
  if (!text) return { words: text ?? "", lang: null };
  const found = translate(text.trim().replace(/\s*\n\s*/g, " "));
  return { words: found ?? text, lang: found !== null || getLanguage() === "en" ? null : "en" };
}

/** As `said`, for what a protocol's writer may have written: only whole texts that the examples
 * have are known. */
export function written(text) {
  if (!text) return { words: text ?? "", lang: null };
  const found = whole.get(text.trim().replace(/\s*\n\s*/g, " "));
  return { words: found ?? text, lang: found !== undefined || getLanguage() === "en" ? null : "en" };
}

/** As a sentence of its own: with a capital letter. */
export function saidSentence(text) {
  const { words, lang } = said(text);
  return { words: words.charAt(0).toLocaleUpperCase() + words.slice(1), lang };
}
