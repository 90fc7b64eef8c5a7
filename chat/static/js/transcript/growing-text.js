// @ts-check
/** Text that grows at its end: each line is an element of its own and takes small pieces, so length costs nothing. */

import { element } from "../dom.js";
import { t } from "../i18n.js";

// Characters that change or hide what code says without being seen, as the server marks them in finished code.
const UNSEEN = /([\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF])/;
const MOST_IN_A_NODE = 1000;

/** The end of one element. */
export class GrowingText {
  #parent;
  /** @type {HTMLElement|null} the line that grows */
  #line = null;

  /** @param {Element} parent */
  constructor(parent) {
    this.#parent = parent;
  }

  /** @param {string} text what comes after all that is there */
  push(text) {
    text.split("\n").forEach((part, index) => {
      if (index > 0) this.#endLine();
      if (part !== "") part.split(UNSEEN).forEach((piece, place) => this.#add(piece, place % 2 === 1));
    });
  }

  #endLine() {
    this.#openLine().append("\n");
    this.#line = null;
  }

  #openLine() {
    if (this.#line === null) this.#parent.append((this.#line = element("span", { className: "line" })));
    return this.#line;
  }

  /**
   * @param {string} piece
   * @param {boolean} isUnseen
   */
  #add(piece, isUnseen) {
    const line = this.#openLine();
    const { lastChild } = line;
    if (isUnseen) line.append(unseenMark(piece));
    else if (lastChild instanceof Text && lastChild.length < MOST_IN_A_NODE) lastChild.appendData(piece);
    else if (piece !== "") line.append(piece);
  }
}

/** @param {string} character */
function unseenMark(character) {
  const code = /** @type {number} */ (character.codePointAt(0));
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return element("mark", { className: "unseen", title: t("transcript.unseen") }, name);
}

/**
 * The text of an element with the characters that its marks stand for.
 * @param {Element} source
 */
export function sourceText(source) {
  const copy = /** @type {Element} */ (source.cloneNode(true));
  for (const mark of copy.querySelectorAll("mark.unseen")) {
    mark.replaceWith(String.fromCodePoint(parseInt((mark.textContent ?? "").slice(2), 16)));
  }
  return copy.textContent ?? "";
}
