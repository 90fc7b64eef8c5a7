// @ts-check
/** The log of a request as it happens: what was sent, and each event with its time; all of it can be copied. */

import { WindowedLines } from "../checkpoints/windowed.js";
import { copyButton, element } from "../dom.js";
import { t } from "../i18n.js";
import { curlOf } from "./curl.js";

/** @typedef {{ key: string, at: number|null, name: string, text: string }} Entry */

const LONGEST_LINE = 400; // characters of an event that are shown; copying takes all

/** One request at a time; the next one begins a new log. */
export class RequestLog {
  #box;
  #lines;
  /** @type {Entry[]} */
  #entries = [];
  #curl = "";
  #begun = 0;
  #written = 0; // over all requests: a line is known by its number, and the next request's lines are others
  #frame = 0;

  /**
   * @param {HTMLElement} box that scrolls
   * @param {HTMLElement} tools where the buttons go
   */
  constructor(box, tools) {
    this.#box = box;
    const list = element("div", { className: "log-lines", role: "list" });
    box.append(list);
    const height = () => parseFloat(getComputedStyle(list).getPropertyValue("--token-height"));
    this.#lines = new WindowedLines(list, (/** @type {Entry} */ entry) => lineOf(entry), height);
    tools.append(
      copyButton(t("playground.copy_curl"), () => this.#curl),
      copyButton(t("playground.copy_log"), () => this.text),
    );
  }

  /** All of it as text. */
  get text() {
    return this.#entries.map(({ at, name, text }) => `${at === null ? "" : `${at.toFixed(1)} ms `}${name} ${text}`).join("\n");
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  begin(path, body) {
    this.#begun = performance.now();
    this.#curl = curlOf(location.origin, path, body);
    this.#entries = [];
    this.#add("→", `POST ${path} ${JSON.stringify(body)}`, 0);
  }

  /**
   * @param {string} name
   * @param {unknown} data
   */
  note(name, data) {
    this.#add(name, typeof data === "string" ? data : JSON.stringify(data), performance.now() - this.#begun);
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {number} at
   */
  #add(name, text, at) {
    this.#entries.push({ key: String(this.#written++), at, name, text });
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const isAtEnd = this.#box.scrollTop + this.#box.clientHeight > this.#box.scrollHeight - 40;
    this.#lines.show(this.#entries);
    if (isAtEnd) this.#box.scrollTop = this.#box.scrollHeight;
  }
}

/** @param {Entry} entry */
function lineOf({ at, name, text }) {
  const time = element("span", { className: "log-time" }, at === null ? "" : `${at.toFixed(0)} ms`);
  const shown = text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}…` : text;
  const label = element("span", { className: "log-name" }, name);
  const line = element("div", { className: "log-line", role: "listitem", dir: "ltr", title: shown }, time, label, element("code", {}, shown));
  return { element: line, update: () => undefined };
}
