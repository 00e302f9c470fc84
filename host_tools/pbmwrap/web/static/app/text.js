// All words of the page come from texts/LANGUAGE.json: a flat object of key to text. Those of a page
// that is loaded when it is opened are in a folder of their own: texts/PART/LANGUAGE.json.

export const LANGUAGES = ["en", "de"];

const parts = new Set([""]); // folders whose words are in use
let texts = {};
let language = "en";

export function getLanguage() {
  return language;
}

/** The language of the last visit, else the browser's, else English. */
export function chooseLanguage() {
  const wanted = [readChoice("language"), ...navigator.languages.map((l) => l.slice(0, 2))];
  return wanted.find((l) => LANGUAGES.includes(l)) || "en";
}

/** All words of a kind of catalogue in one language: those of every page, and of the parts. */
export async function readWords(kind, name) {
  const read = async (part) => {
    const url = new URL(`../${kind}/${part}${name}.json`, import.meta.url);
    return (await fetch(url)).json();
  };
  return Object.assign({}, ...await Promise.all([...parts].map(read)));
}

/** Lets `readWords` read the words of a part as well. */
export function addPart(part) {
  parts.add(`${part}/`);
}

export async function loadLanguage(name) {
  texts = await readWords("texts", name);
  language = name;
  document.documentElement.lang = name;
}

/** The text of a key, with {name} replaced by values[name]. */
export function t(key, values) {
  const text = texts[key];
  if (text === undefined) {
    console.error(`no text for ${key}`);
    return key;
  }
  return values ? text.replace(/\{(\w+)\}/g, (_, name) => values[name]) : text;
}

/** The text of a key that the wrap or the server may not share with this page, else `other`. */
export function tOr(key, other) {
  return texts[key] === undefined ? other : t(key);
}

/** "1 session" or "3 sessions": the keys end in .one and .many. */
export function tCount(key, n) {
  return t(n === 1 ? `${key}.one` : `${key}.many`, { n });
}

// A browser may refuse storage; then a choice holds until the page is closed.
const kept = {};

export function readChoice(name) {
  try {
    return localStorage.getItem(`pbmwrap.${name}`) ?? kept[name] ?? null;
  } catch {
    return kept[name] ?? null;
  }
}

export function keepChoice(name, value) {
  kept[name] = value;
  try {
    localStorage.setItem(`pbmwrap.${name}`, value);
  } catch {
    // kept above
  }
}
