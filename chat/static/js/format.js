// @ts-check
/** Numbers, sizes, durations and dates as the page's language writes them. Pure functions over Intl. */

import { formatter, t } from "./i18n.js";

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** 134515008 -> "135M". @param {number} number */
export function count(number) {
  return formatter(Intl.NumberFormat, { notation: "compact", maximumSignificantDigits: 3 }).format(number);
}

/** 20000 -> "20,000". @param {number} number */
export function integer(number) {
  return formatter(Intl.NumberFormat, { maximumFractionDigits: 0 }).format(number);
}

/** 3.21412 -> "3.214". @param {number} number */
export function decimal(number) {
  return formatter(Intl.NumberFormat, { maximumSignificantDigits: 4 }).format(number);
}

/** 0.424 -> "42%". @param {number} fraction */
export function percent(fraction) {
  const share = formatter(Intl.NumberFormat, { style: "percent", maximumFractionDigits: 0 });
  return share.format(Math.min(1, Math.max(0, fraction)));
}

/** 98000000 -> "98 MB": powers of a thousand, as disks are sold. @param {number} bytes */
export function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return unit(bytes / 1000 ** power, BYTE_UNITS[power], power === 0 ? "long" : "short");
}

/** 840 -> "840ms", 2345 -> "2.35s", 65000 -> "1m 5s". @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds < 1000) return unit(Math.round(milliseconds), "millisecond", "narrow");
  if (milliseconds < 60_000) return unit(milliseconds / 1000, "second", "narrow");
  const seconds = Math.round(milliseconds / 1000);
  return [unit(Math.floor(seconds / 60), "minute", "narrow"), unit(seconds % 60, "second", "narrow")].join(" ");
}

/** 38.24 -> "38.2 tok/s". @param {number} tokensPerSecond */
export function rate(tokensPerSecond) {
  return t("common.tokens_per_second", { rate: three().format(tokensPerSecond) });
}

/** Seconds since 1970 -> "14:03" today, "3 March" this year, else with the year. @param {number} seconds */
export function when(seconds) {
  const date = new Date(seconds * 1000);
  const now = new Date();
  if (date.toDateString() === now.toDateString()) {
    return formatter(Intl.DateTimeFormat, { timeStyle: "short" }).format(date);
  }
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return formatter(Intl.DateTimeFormat, { day: "numeric", month: "long", ...year }).format(date);
}

/** How many words a text has, also where the script puts no spaces between them. @param {string} text */
export function wordCount(text) {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  return Array.from(segmenter.segment(text)).filter((segment) => segment.isWordLike).length;
}

/**
 * @param {number} number
 * @param {string} name
 * @param {"long"|"short"|"narrow"} [unitDisplay]
 */
function unit(number, name, unitDisplay = "short") {
  const options = { style: "unit", unit: name, unitDisplay, maximumSignificantDigits: 3 };
  return formatter(Intl.NumberFormat, options).format(number);
}

function three() {
  return formatter(Intl.NumberFormat, { maximumSignificantDigits: 3 });
}
