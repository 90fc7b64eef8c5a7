// @ts-check
/** Numbers as people read them: counts, sizes, durations, rates. Pure functions over Intl. */

const LOCALE = "en"; // the page's words are English, and numbers inside a sentence speak its language
const BYTE_UNITS = ["kilobyte", "megabyte", "gigabyte", "terabyte"];

const compact = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 4 });
const three = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const share = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 0 });
const ordinalRules = new Intl.PluralRules(LOCALE, { type: "ordinal" });

/** 134515008 -> "135M". @param {number} number */
export function count(number) {
  return compact.format(number);
}

/** 20000 -> "20,000". @param {number} number */
export function integer(number) {
  return whole.format(number);
}

/** 3.21412 -> "3.214". @param {number} number */
export function decimal(number) {
  return exact.format(number);
}

/** 0.424 -> "42%". @param {number} fraction */
export function percent(fraction) {
  return share.format(Math.min(1, Math.max(0, fraction)));
}

/** 98000000 -> "98 MB": powers of a thousand, as disks are sold. @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${whole.format(bytes)} B`;
  const power = Math.min(BYTE_UNITS.length, Math.floor(Math.log10(bytes) / 3));
  const unit = { style: /** @type {const} */ ("unit"), unit: BYTE_UNITS[power - 1], maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(LOCALE, unit).format(bytes / 1000 ** power);
}

/** 840 -> "840 ms", 2345 -> "2.35 s", 65000 -> "1 min 5 s". @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${whole.format(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${three.format(milliseconds / 1000)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${whole.format(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/** 38.24 -> "38.2 tok/s". @param {number} tokensPerSecond */
export function rate(tokensPerSecond) {
  return `${three.format(tokensPerSecond)} tok/s`;
}

/** (1, "token") -> "1 token", (3, "token") -> "3 tokens". @param {number} number @param {string} noun */
export function counted(number, noun) {
  return `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** 2 -> "2nd". @param {number} number */
export function ordinal(number) {
  const endings = /** @type {Record<string, string>} */ ({ one: "st", two: "nd", few: "rd", other: "th" });
  return `${whole.format(number)}${endings[ordinalRules.select(number)]}`;
}

/** How many words a text has, also where the script puts no spaces between them. @param {string} text */
export function wordCount(text) {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  return Array.from(segmenter.segment(text)).filter((segment) => segment.isWordLike).length;
}
