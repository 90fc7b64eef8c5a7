// @ts-check
/** Puts conversations under the day or month in which something was said last, and finds words in their texts. No page. */

import { formatter, t } from "./i18n.js";

/** @typedef {import("./types.js").Entry} Entry */

const DAY_MILLISECONDS = 86_400_000;
const NAMED = [
  { days: 0, name: "today" },
  { days: 1, name: "yesterday" },
  { days: 7, name: "week" },
  { days: 30, name: "month" },
];

/**
 * The entries by heading, in their order; pinned ones come first.
 * @param {Entry[]} entries
 * @param {Date} [now]
 * @returns {{ title: string, entries: Entry[] }[]}
 */
export function byDay(entries, now = new Date()) {
  /** @type {Map<string, Entry[]>} */
  const groups = new Map();
  for (const entry of entries) {
    const title = entry.pinned ? t("chat.day_pinned") : dayName(entry.updated_at, now);
    groups.set(title, [...(groups.get(title) ?? []), entry]);
  }
  return [...groups].map(([title, found]) => ({ title, entries: found }));
}

/**
 * @param {number} seconds since 1970
 * @param {Date} now
 */
function dayName(seconds, now) {
  const date = new Date(seconds * 1000);
  const days = Math.round((midnight(now) - midnight(date)) / DAY_MILLISECONDS);
  const named = NAMED.find((each) => days <= each.days);
  if (named) return t(`chat.day_${named.name}`);
  const name = formatter(Intl.DateTimeFormat, { month: "long", year: "numeric" }).format(date);
  return name[0].toUpperCase() + name.slice(1);
}

/** @param {Date} date */
function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/**
 * A text cut where the words stand in it.
 * @param {string} text
 * @param {string} words
 * @returns {{ text: string, isFound: boolean }[]}
 */
export function found(text, words) {
  const wanted = words.trim().split(/\s+/).filter(Boolean).map(escaped);
  if (wanted.length === 0) return [{ text, isFound: false }];
  const parts = text.split(new RegExp(`(${wanted.join("|")})`, "giu"));
  return parts.map((part, index) => ({ text: part, isFound: index % 2 === 1 })).filter((part) => part.text !== "");
}

/** @param {string} word */
function escaped(word) {
  return word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
