// @ts-check
/** The list itself: column heads that sort, lines near the screen, and the keyboard's way through them. */

import { element, required } from "../dom.js";
import { t } from "../i18n.js";
import { HeadingRow } from "./heading.js";
import { CheckpointRow } from "./row.js";
import { WindowedLines } from "./windowed.js";

/** @typedef {import("./lines.js").Line} Line */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./row.js").RowActions & { toggle: (key: string) => void, sort: (column: string) => void }} GridActions */

export const SHOWN_COLUMNS = ["name", "state", "stage", "step", "loss", "parameters", "size", "memory"];

/** A tree grid of which only the lines near the screen exist. */
export class Grid {
  #grid = required("list", HTMLElement);
  #body = required("list-body", HTMLElement);
  /** @type {Map<string, HTMLElement>} */
  #heads = new Map();
  /** @type {string|null} */
  #activeKey = null;
  #actions;
  #lines;
  #context;

  /**
   * @param {() => Omit<import("./row.js").Context, "activeKey">} context
   * @param {GridActions} actions
   */
  constructor(context, actions) {
    this.#actions = actions;
    this.#context = () => ({ ...context(), activeKey: this.#activeKey });
    this.#lines = new WindowedLines(this.#body, (/** @type {Line} */ line) => this.#make(line), this.#measure());
    this.#makeHeads();
    this.#grid.addEventListener("keydown", (event) => this.#onKey(event));
    this.#body.addEventListener("focusin", (event) => this.#onFocus(/** @type {Element} */ (event.target)));
  }

  #makeHeads() {
    const heads = SHOWN_COLUMNS.map((column) => {
      const press = { type: "button", className: "column-button", onclick: () => this.#actions.sort(column) };
      const sign = element("span", { className: "sort-sign", "aria-hidden": "true" });
      const button = element("button", press, t(`checkpoints.column_${column}`), sign);
      const head = element("div", { className: `cell cell-${column}`, role: "columnheader" }, button);
      this.#heads.set(column, head);
      return head;
    });
    const last = element("span", { className: "visually-hidden" }, t("checkpoints.column_action"));
    const action = element("div", { className: "cell cell-action", role: "columnheader" }, last);
    required("list-head", HTMLElement).append(...heads, action);
  }

  /** Heights come from the style sheet, where phone and desktop differ.  @returns {(line: Line) => number} */
  #measure() {
    const style = getComputedStyle(this.#body);
    /** @param {string} name */
    const length = (name) => parseFloat(style.getPropertyValue(name));
    return (line) => {
      if (line.kind === "checkpoint") return length("--row-height");
      return length(line.hasTimeline ? "--timeline-height" : "--heading-height");
    };
  }

  /** @param {Line} line @returns {import("./windowed.js").LineView<any>} */
  #make(line) {
    return line.kind === "heading"
      ? new HeadingRow(this.#context, this.#actions.toggle)
      : new CheckpointRow(this.#context, this.#actions);
  }

  /**
   * @param {Line[]} lines
   * @param {View} view
   */
  show(lines, view) {
    if (!lines.some((line) => line.key === this.#activeKey)) this.#activeKey = lines[0]?.key ?? null;
    this.#lines.keptKey = this.#activeKey;
    this.#grid.setAttribute("aria-rowcount", String(lines.length + 1));
    for (const [column, head] of this.#heads) {
      const order = view.isDescending ? "descending" : "ascending";
      head.setAttribute("aria-sort", column === view.sort ? order : "none");
    }
    this.#lines.show(lines);
  }

  /** Put the keyboard on the line of this checkpoint, where it is shown. @param {string} id */
  focus(id) {
    const index = this.#lines.lines.findIndex((line) => line.kind === "checkpoint" && line.model.id === id);
    if (index >= 0) this.#go(index);
  }

  /** @param {Element} target */
  #onFocus(target) {
    const key = target.closest(".row")?.getAttribute("data-key") ?? null;
    if (key === null || key === this.#activeKey) return;
    this.#activeKey = this.#lines.keptKey = key;
    this.#lines.show(this.#lines.lines);
  }

  /** @param {number} index */
  #go(index) {
    this.#activeKey = this.#lines.lines[index].key;
    const { element: row } = this.#lines.viewAt(index);
    row.tabIndex = 0;
    row.focus();
    row.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const row = /** @type {Element} */ (event.target).closest("#list-body .row");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = this.#lines.lines.findIndex((line) => line.key === this.#activeKey);
    const line = this.#lines.lines[index];
    if (!line) return;
    const next = stepped(event.key, index, this.#lines.lines);
    if (next !== null) this.#go(next);
    else if (event.target === row && isPress(event.key)) this.#press(line);
    else if (line.kind === "heading" && event.key === (line.isOpen ? "ArrowLeft" : "ArrowRight")) this.#press(line);
    else return;
    event.preventDefault();
  }

  /** @param {Line} line */
  #press(line) {
    if (line.kind === "heading") this.#actions.toggle(line.key);
    else this.#actions.open(line.model.id);
  }
}

/** @param {string} key */
function isPress(key) {
  return key === "Enter" || key === " ";
}

const PAGE = 10;

/**
 * The line that a key leads to; null where it leads nowhere. Left leads from a checkpoint to its heading.
 * @param {string} key
 * @param {number} index
 * @param {Line[]} lines
 * @returns {number|null}
 */
export function stepped(key, index, lines) {
  const last = lines.length - 1;
  /** @type {Record<string, number>} */
  const places = {
    ArrowDown: Math.min(last, index + 1),
    ArrowUp: Math.max(0, index - 1),
    PageDown: Math.min(last, index + PAGE),
    PageUp: Math.max(0, index - PAGE),
    Home: 0,
    End: last,
  };
  if (key in places) return places[key];
  const line = lines[index];
  if (key !== "ArrowLeft" || line.level === 1 || (line.kind === "heading" && line.isOpen)) return null;
  const above = lines.findLastIndex((each, place) => place < index && each.kind === "heading" && each.level < line.level);
  return above < 0 ? null : above;
}
