// @ts-check
/** Shows an answer's text as prose and code blocks, adding to the last line only: what stands is never made again. */

import { copyButton, element } from "./dom.js";
import { t } from "./i18n.js";
import { SegmentReader } from "./segments.js";

// Characters that change or hide what code says without being seen: direction overrides and widthless spaces.
const UNSEEN = /([\u061C\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF])/;

/** The body of one answer. */
export class AnswerText {
  element = element("div", { className: "answer-text" });
  #shown = "";
  #reader = new SegmentReader(this);
  /** @type {HTMLElement} where lines go */
  #block = this.element;
  /** @type {HTMLElement|null} the line that grows */
  #line = null;
  #isCode = false;
  #source = { text: "" };

  /**
   * Show this text; where it continues what is shown, only the new end is added.
   * @param {string} text
   */
  show(text) {
    if (!text.startsWith(this.#shown)) this.#clear();
    this.#reader.push(text.slice(this.#shown.length));
    this.#shown = text;
  }

  /** No more text comes. */
  finish() {
    this.#reader.finish();
  }

  #clear() {
    this.element.replaceChildren();
    this.#reader = new SegmentReader(this);
    this.#shown = "";
  }

  /**
   * @param {"text"|"code"} kind
   * @param {string} language
   */
  open(kind, language) {
    this.#line = null;
    this.#isCode = kind === "code";
    this.#block = this.#isCode ? this.#openCode(language) : element("div", { className: "prose", dir: "auto" });
    if (!this.#isCode) this.element.append(this.#block);
  }

  /** @param {string} language */
  #openCode(language) {
    const source = (this.#source = { text: "" });
    const code = element("code");
    const name = element("span", { className: "code-language", textContent: language || "text" });
    const head = element(
      "figcaption",
      { className: "code-head" },
      name,
      copyButton(t("chat.copy_code"), () => source.text),
    );
    const body = element("pre", { dir: "ltr", tabIndex: 0, role: "region", "aria-label": t("chat.code_region", { language }) }, code);
    this.element.append(element("figure", { className: "code-block" }, head, body));
    return code;
  }

  /** @param {string} text */
  write(text) {
    if (this.#isCode) this.#source.text += text;
    const lines = text.split("\n");
    lines.forEach((part, index) => {
      if (index > 0) this.#line?.append("\n");
      if (index > 0 || this.#line === null) this.#block.append((this.#line = element("span", { className: "line" })));
      if (part !== "") this.#append(/** @type {HTMLElement} */ (this.#line), part);
    });
  }

  close() {
    this.#line = null;
  }

  /**
   * @param {HTMLElement} line
   * @param {string} text
   */
  #append(line, text) {
    const parts = this.#isCode ? text.split(UNSEEN) : [text];
    parts.forEach((part, index) => {
      if (index % 2 === 1) line.append(unseenMark(part));
      else if (line.lastChild instanceof Text) line.lastChild.appendData(part);
      else if (part !== "") line.append(part);
    });
  }
}

/** @param {string} character */
function unseenMark(character) {
  const name = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return element("mark", { className: "unseen", textContent: name, title: "a character that cannot be seen" });
}
