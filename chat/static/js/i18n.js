// @ts-check
/** Speaks the page's language: phrases from the catalogs that the page embeds, plurals and numbers by Intl. */

/** @typedef {string|Record<string, string>} Phrase a sentence, or one for each plural form of `count` */
/** @typedef {{ language: string, phrases: Record<string, Phrase> }} Words */

const PLACEHOLDER = /\{(\w+)\}/g;

/** @type {Words|null} */
let words = null;
/** @type {Map<string, any>} */
const made = new Map();

/**
 * Speak these words from now on; without it the page's own are read when the first one is needed.
 * @param {Words} given
 */
export function useWords(given) {
  words = given;
  made.clear();
}

/** The language's tag, as Intl and the attribute `lang` want it. */
export function language() {
  return spoken().language;
}

/**
 * The phrase with its values put in; numbers are written as the language writes them, and `count` picks the plural.
 * @param {string} key area and name: "chat.send"
 * @param {Record<string, string|number>} [values]
 * @throws {Error} where the page has no such phrase or a value is missing
 */
export function t(key, values = {}) {
  const phrase = spoken().phrases[key];
  if (phrase === undefined) throw new Error(`this page has no words for ${key}`);
  return filled(key, typeof phrase === "string" ? phrase : plural(key, phrase, values.count), values);
}

/** Whether there are words for this key; for codes that a server may add. @param {string} key */
export function has(key) {
  return spoken().phrases[key] !== undefined;
}

/**
 * A formatter of Intl in the page's language, made once for each set of options.
 * @template Made
 * @param {new (language: string, options: any) => Made} Kind as `Intl.NumberFormat`
 * @param {object} [options]
 * @returns {Made}
 */
export function formatter(Kind, options = {}) {
  const key = Kind.name + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Kind(language(), options));
  return made.get(key);
}

/**
 * @param {string} key
 * @param {Record<string, string>} forms
 * @param {unknown} count
 */
function plural(key, forms, count) {
  if (typeof count !== "number") throw new Error(`${key} wants the number count`);
  const form = forms[formatter(Intl.PluralRules).select(count)] ?? forms.other;
  if (form === undefined) throw new Error(`${key} has no form for ${count}`);
  return form;
}

/**
 * @param {string} key
 * @param {string} phrase
 * @param {Record<string, string|number>} values
 */
function filled(key, phrase, values) {
  return phrase.replace(PLACEHOLDER, (_, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${key} wants the value ${name}`);
    return typeof value === "number" ? formatter(Intl.NumberFormat).format(value) : value;
  });
}

/** @returns {Words} */
function spoken() {
  if (words === null) words = /** @type {Words} */ (JSON.parse(document.getElementById("words")?.textContent ?? ""));
  return words;
}
