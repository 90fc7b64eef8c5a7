// @ts-check
/** The numbers of a completion while it comes: tokens, pace, what the cache spared, memory. */

import { element } from "../dom.js";
import { decimal, duration, integer, rate, size } from "../format.js";
import { t } from "../i18n.js";
import { pace } from "./run.js";

/** @typedef {import("./run.js").Completion} Completion */

const NOTHING = "–";
const NAMES = ["prompt_tokens", "tokens", "cached", "first_token", "per_token", "rate", "memory", "seed", "end"];

/** A list of names and values that is changed in place. */
export class Stats {
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();

  /** @param {HTMLElement} list a `dl` */
  constructor(list) {
    for (const name of NAMES) {
      const value = element("dd", {}, NOTHING);
      this.#values.set(name, value);
      list.append(element("div", { className: "stat" }, element("dt", {}, t(`playground.stat_${name}`)), value));
    }
  }

  /**
   * @param {Completion} completion
   * @param {number|null} memoryBytes
   */
  show(completion, memoryBytes) {
    const { promptTokens, cachedTokens, tokens, firstAt, seed } = completion;
    const { millisecondsPerToken, tokensPerSecond } = pace(completion);
    this.#set("prompt_tokens", promptTokens, integer);
    this.#set("tokens", completion.phase === "idle" ? null : tokens.length, integer);
    this.#set("cached", cachedTokens, (count) => cachedWords(count, promptTokens));
    this.#set("first_token", firstAt, duration);
    this.#set("per_token", millisecondsPerToken, (value) => t("playground.milliseconds", { value: decimal(value) }));
    this.#set("rate", tokensPerSecond, rate);
    this.#set("memory", memoryBytes || null, size);
    this.#set("seed", seed, String);
    this.#values.get("end")?.replaceChildren(endWords(completion));
  }

  /**
   * @param {string} name
   * @param {number|null} value
   * @param {(value: number) => string} words
   */
  #set(name, value, words) {
    const text = value === null ? NOTHING : words(value);
    const place = this.#values.get(name);
    if (place && place.textContent !== text) place.textContent = text;
  }
}

/**
 * @param {number} count
 * @param {number|null} all
 */
function cachedWords(count, all) {
  return all === null ? integer(count) : t("playground.cached_of", { cached: count, all });
}

/** @param {Completion} completion */
export function endWords({ phase, progress, finishReason }) {
  if (phase === "waiting" && progress?.stage === "loading") return t("playground.end_loading");
  if (phase === "done" && finishReason) return t(`playground.end_${finishReason}`);
  return t(`playground.phase_${phase}`);
}
