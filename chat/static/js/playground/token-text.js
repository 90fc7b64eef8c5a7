// @ts-check
/** Tokens as running text: each by its shade and underline as sure as it was; hover or focus shows what else could be. */

import { element } from "../dom.js";
import { percent } from "../format.js";
import { t } from "../i18n.js";
import { Alternatives } from "./alternatives.js";
import { levelOf } from "./levels.js";
import { visible } from "./visible.js";

/** @typedef {import("./run.js").TokenRow} TokenRow */

const HOVER_MILLISECONDS = 120;

/** One tab stop; the arrows lead from token to token, Enter into the list of alternatives. */
export class TokenText {
  #place;
  #alternatives;
  #timer = 0;
  /** @type {TokenRow[]} */
  #rows = [];
  #drawn = 0;

  /**
   * @param {HTMLElement} place
   * @param {(rows: TokenRow[], index: number, text: string) => void} choose told which token another was chosen for
   */
  constructor(place, choose) {
    this.#place = place;
    this.#alternatives = new Alternatives((index, text) => choose(this.#rows, index, text));
    place.addEventListener("pointerover", (event) => this.#hover(event.target));
    place.addEventListener("pointerleave", () => this.#leave());
    place.addEventListener("focusin", (event) => this.#show(event.target));
    place.addEventListener("focusout", () => this.#alternatives.leave());
    place.addEventListener("click", (event) => this.#show(event.target));
    place.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * Begin anew with the text that stood before the tokens.
   * @param {string} prompt
   */
  clear(prompt) {
    this.#rows = [];
    this.#drawn = 0;
    this.#alternatives.hide();
    this.#place.replaceChildren(...(prompt ? [element("span", { className: "prompt-echo" }, prompt)] : []));
  }

  /** Add those of the rows that are not there yet. @param {TokenRow[]} rows */
  show(rows) {
    this.#rows = rows;
    const added = rows.slice(this.#drawn).map((row, place) => tokenOf(row, this.#drawn + place));
    if (this.#drawn === 0 && added.length > 0) added[0].tabIndex = 0;
    this.#drawn = rows.length;
    this.#place.append(...added);
  }

  /** @param {EventTarget|null} target */
  #hover(target) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#show(target), HOVER_MILLISECONDS);
  }

  #leave() {
    clearTimeout(this.#timer);
    this.#alternatives.leave();
  }

  /** @param {EventTarget|null} target */
  #show(target) {
    const token = target instanceof Element ? target.closest(".token") : null;
    if (!(token instanceof HTMLElement)) return;
    const index = Number(token.dataset.index);
    this.#alternatives.show(this.#rows[index], index, token);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const token = event.target;
    if (!(token instanceof HTMLElement) || !token.classList.contains("token")) return;
    const index = Number(token.dataset.index);
    const last = this.#rows.length - 1;
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: last }[event.key];
    if (next !== undefined) this.#go(token, Math.max(0, Math.min(last, next)));
    else if (event.key === "Enter" || event.key === " " || event.key === "ArrowDown") this.#alternatives.enter();
    else if (event.key === "Escape") this.#alternatives.hide();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * @param {HTMLElement} from
   * @param {number} index
   */
  #go(from, index) {
    const token = this.#place.querySelector(`[data-index="${index}"]`);
    if (!(token instanceof HTMLElement)) return;
    from.tabIndex = -1;
    token.tabIndex = 0;
    token.focus();
  }
}

/**
 * @param {TokenRow} row
 * @param {number} index
 */
function tokenOf({ text, probability }, index) {
  const level = levelOf(probability);
  const share = probability === null ? t("playground.not_scored") : percent(probability);
  const label = t("playground.token_label", { number: index + 1, text: visible(text), share });
  const properties = { role: "button", tabIndex: -1, "aria-haspopup": "dialog", "aria-label": label };
  const token = element("span", { className: "token", ...properties }, ...pieces(text));
  token.dataset.index = String(index);
  if (level !== null) token.dataset.level = String(level);
  return token;
}

/** The text with a sign before each line end, which else would be a token without a place. @param {string} text */
function pieces(text) {
  const lines = text.split("\n");
  return lines.flatMap((line, place) => {
    if (place === 0) return [line];
    return [element("span", { className: "line-end" }, "↵"), `\n${line}`];
  });
}
