// @ts-check
/** What else could have stood in a token's place: a list beside it, from which one can be chosen to go on with. */

import { element } from "../dom.js";
import { decimal, percent } from "../format.js";
import { formatter, t } from "../i18n.js";
import { probabilityOf } from "./levels.js";
import { visible } from "./visible.js";

/** @typedef {import("./run.js").TokenRow} TokenRow */
/** @typedef {import("./run.js").Candidate} Candidate */

const LEAVE_MILLISECONDS = 250; // long enough to move the pointer from the token into the list
const GAP = 6;
const MOST = 10;
const LEAST_SHOWN = 0.0001;

/** A popover that can be pointed at, is left by Escape, and gives the focus back. */
export class Alternatives {
  #box = element("div", { className: "alternatives", popover: "manual", role: "dialog" });
  #timer = 0;
  /** @type {HTMLElement|null} */
  #token = null;
  #isReturning = false; // the focus on its way back to the token, which shall not open the list again
  #choose;

  /** @param {(index: number, text: string) => void} choose */
  constructor(choose) {
    this.#choose = choose;
    this.#box.setAttribute("aria-label", t("playground.alternatives"));
    document.body.append(this.#box);
    this.#box.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    this.#box.addEventListener("pointerleave", () => this.leave());
    this.#box.addEventListener("focusin", () => clearTimeout(this.#timer));
    this.#box.addEventListener("focusout", () => this.leave());
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
    addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
    addEventListener("scroll", () => this.#token && this.#put(this.#token), { passive: true, capture: true });
  }

  /**
   * @param {TokenRow|undefined} row
   * @param {number} index from 0
   * @param {HTMLElement} token
   */
  show(row, index, token) {
    clearTimeout(this.#timer);
    if (!row || this.#isReturning || (this.#token === token && this.#box.matches(":popover-open"))) return;
    this.#token?.removeAttribute("data-is-open");
    this.#token = token;
    token.setAttribute("data-is-open", "");
    this.#box.replaceChildren(...this.#parts(row, index));
    this.#box.showPopover();
    this.#put(token);
  }

  /** Hide it soon, unless the pointer or the keyboard comes into it. */
  leave() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#box.contains(document.activeElement) && document.activeElement !== this.#token) this.hide();
    }, LEAVE_MILLISECONDS);
  }

  /** Hide it; the keyboard goes back to the token it came from. */
  hide() {
    clearTimeout(this.#timer);
    if (!this.#box.matches(":popover-open")) return;
    const hadFocus = this.#box.contains(document.activeElement);
    this.#box.hidePopover();
    this.#token?.removeAttribute("data-is-open");
    this.#isReturning = true;
    if (hadFocus) this.#token?.focus();
    this.#isReturning = false;
    this.#token = null;
  }

  /** Put the keyboard on the first alternative. */
  enter() {
    this.#box.querySelector("button")?.focus();
  }

  /**
   * @param {TokenRow} row
   * @param {number} index
   */
  #parts(row, index) {
    const token = element("code", { className: "alternatives-token" }, visible(row.text));
    const facts = [
      element("span", {}, t("playground.id_of", { id: String(row.id) })),
      row.probability === null ? null : element("span", {}, percentOf(row.probability)),
      row.rank ? element("span", {}, t("playground.rank_of", { rank: row.rank })) : null,
      row.entropy == null ? null : element("span", {}, t("playground.entropy_of", { entropy: decimal(row.entropy) })),
    ];
    const head = element("div", { className: "alternatives-head" }, token, element("p", { className: "separated quiet" }, ...facts));
    if (row.top.length === 0) return [head, element("p", { className: "quiet small" }, t("playground.no_alternatives"))];
    const items = row.top.slice(0, MOST).map((candidate) => this.#item(candidate, row, index));
    const hint = element("p", { className: "quiet small" }, t("playground.choose_one"));
    return [head, element("ol", { className: "alternatives-list" }, ...items), hint];
  }

  /**
   * @param {Candidate} candidate
   * @param {TokenRow} row
   * @param {number} index
   */
  #item(candidate, row, index) {
    const choose = () => {
      this.hide();
      this.#choose(index, candidate.text);
    };
    return element("li", {}, candidateButton(candidate, candidate.id === row.id, choose));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const buttons = Array.from(this.#box.querySelectorAll("button"));
    const index = buttons.findIndex((button) => button === document.activeElement);
    const next = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Tab") this.hide();
    if (next === undefined) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length].focus();
  }

  /** Below the token, or above it where there is no room. @param {HTMLElement} token */
  #put(token) {
    const place = token.getClientRects()[0] ?? token.getBoundingClientRect();
    const { width, height } = this.#box.getBoundingClientRect();
    const below = place.bottom + GAP;
    const top = below + height > innerHeight ? Math.max(GAP, place.top - GAP - height) : below;
    this.#box.style.top = `${top}px`;
    this.#box.style.left = `${Math.max(GAP, Math.min(place.left, innerWidth - width - GAP))}px`;
  }
}

/**
 * A token that may be chosen, with its probability as a bar and a number.
 * @param {Candidate} candidate
 * @param {boolean} isChosen
 * @param {() => void} choose
 */
export function candidateButton({ id, text, logprob }, isChosen, choose) {
  const probability = probabilityOf(logprob) ?? 0;
  const bar = element("span", { className: "candidate-bar", "aria-hidden": "true" });
  bar.style.inlineSize = `${Math.max(1, 100 * probability)}%`;
  const words = element("code", { className: "candidate-text" }, visible(text));
  const mark = isChosen ? element("span", { className: "candidate-mark" }, t("playground.taken")) : null;
  const number = element("span", { className: "candidate-share" }, percentOf(probability));
  const properties = { type: "button", className: "candidate", onclick: choose, title: t("playground.id_of", { id: String(id) }) };
  return element("button", properties, bar, words, mark, number);
}

/** Small shares keep their digits: 0.04%; of the smallest only that they are: <0.01%. @param {number} probability */
export function percentOf(probability) {
  if (probability >= 0.1) return percent(probability);
  const digits = formatter(Intl.NumberFormat, { style: "percent", maximumSignificantDigits: 2 });
  return probability < LEAST_SHOWN ? `<${digits.format(LEAST_SHOWN)}` : digits.format(probability);
}
