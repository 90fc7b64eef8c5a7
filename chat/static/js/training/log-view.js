// @ts-check
/** A log as it grows: followed at its end, searched, and sifted by level. It holds the last lines, however long the log is. */

import { element } from "../dom.js";
import { t } from "../i18n.js";
import { cut, isWanted, LEVELS } from "./log-lines.js";

/** @typedef {import("./log-lines.js").Line} Line */
/** @typedef {(offset: number) => Promise<import("./api.js").LogPart>} ReadLog */

const MOST_LINES = 5000;
const AT_FIRST = -65_536; // bytes before the end
const FAR_BEHIND = 1_000_000; // bytes; then only the end is of use
let made = 0;

/** Reads only when `poll` is called. */
export class LogView {
  #read;
  #lines = element("div", { className: "log-lines", role: "log", tabIndex: 0, dir: "ltr", "aria-live": "off" });
  #search = element("input", { type: "search", placeholder: t("training.log_search"), spellcheck: false, "aria-label": t("training.log_search") });
  #level = element("select", {}, ...LEVELS.map((name) => element("option", { value: name }, t(`training.level_${name}`))));
  #follow = element("input", { type: "checkbox", checked: true });
  #found = element("span", { className: "quiet small", role: "status" });
  /** @type {Line[]} */
  #all = [];
  #rest = "";
  /** @type {number|null} */
  #offset = null;
  #isBusy = false;

  /** @param {string} label @param {ReadLog} read */
  constructor(label, read) {
    this.#read = read;
    this.#lines.setAttribute("aria-label", label);
    this.#level.id = `log-level-${(made += 1)}`;
    const level = element("label", { className: "visually-hidden", htmlFor: this.#level.id }, t("training.log_level"));
    const follow = element("label", { className: "check" }, this.#follow, t("training.log_follow"));
    const tools = element("div", { className: "log-tools" }, this.#search, level, this.#level, follow, this.#found);
    this.element = element("div", { className: "log" }, tools, this.#lines);
    this.#search.addEventListener("input", () => this.#drawAll());
    this.#level.addEventListener("change", () => this.#drawAll());
    this.#follow.addEventListener("change", () => this.#toEnd());
    this.#lines.addEventListener("wheel", (event) => event.deltaY < 0 && (this.#follow.checked = false), { passive: true });
    this.#lines.addEventListener("keydown", (event) => ["ArrowUp", "PageUp", "Home"].includes(event.key) && (this.#follow.checked = false));
  }

  /** Read what was written since the last time. */
  async poll() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let isEnd = false; !isEnd; ) {
        const { text, next_offset: next, end, size = 0 } = await this.#read(this.#offset ?? AT_FIRST);
        if (size - next > FAR_BEHIND) {
          this.#begin();
          continue;
        }
        isEnd = end || next === this.#offset || text === "";
        if (this.#offset !== null && next < this.#offset) this.#begin(); // the file was begun anew
        this.#offset = next;
        this.#take(text);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #begin() {
    [this.#all, this.#rest, this.#offset] = [[], "", null];
    this.#lines.replaceChildren();
  }

  /** @param {string} text */
  #take(text) {
    const { lines, rest } = cut(this.#rest, text);
    this.#rest = rest;
    this.#all.push(...lines);
    this.#all.splice(0, this.#all.length - MOST_LINES);
    this.#lines.append(...this.#wanted(lines).map(lineOf));
    while (this.#lines.childElementCount > MOST_LINES) this.#lines.firstElementChild?.remove();
    this.#count();
    if (lines.length > 0) this.#toEnd();
  }

  /** @param {Line[]} lines */
  #wanted(lines) {
    return lines.filter((line) => isWanted(line, this.#level.value, this.#search.value));
  }

  #drawAll() {
    this.#lines.replaceChildren(...this.#wanted(this.#all).map(lineOf));
    this.#count();
    this.#toEnd();
  }

  #count() {
    const isSifted = this.#level.value !== "all" || this.#search.value.trim() !== "";
    this.#found.textContent = isSifted ? t("training.log_found", { count: this.#lines.childElementCount }) : "";
  }

  #toEnd() {
    if (this.#follow.checked) this.#lines.scrollTop = this.#lines.scrollHeight;
  }
}

/** @param {Line} line */
function lineOf({ text, level }) {
  const made = element("div", { className: "log-line" }, text);
  if (level !== "info") made.dataset.level = level;
  return made;
}
