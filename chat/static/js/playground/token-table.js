// @ts-check
/** The tokens as a table: number, text, id, probability, and what else the columns ask for. Only what is seen exists. */

import { WindowedLines } from "../checkpoints/windowed.js";
import { element } from "../dom.js";
import { decimal, integer } from "../format.js";
import { t } from "../i18n.js";
import { percentOf } from "./alternatives.js";
import { levelOf } from "./levels.js";
import { visiblePieces } from "./visible.js";

/** @typedef {import("./run.js").TokenRow} TokenRow */
/** @typedef {"number"|"text"|"id"|"probability"|"milliseconds"|"rank"|"entropy"} Column */
/** @typedef {{ key: string, row: TokenRow }} Line */

/** @type {Record<Column, (row: TokenRow) => (Node|string|null)>} */
const CELLS = {
  number: ({ index }) => integer(index),
  text: ({ text }) => textCell(text),
  id: ({ id }) => String(id),
  probability: (row) => probabilityCell(row),
  milliseconds: ({ milliseconds }) => decimal(Math.round(10 * milliseconds) / 10),
  rank: ({ rank }) => (rank ? integer(rank) : "–"),
  entropy: ({ entropy }) => (entropy == null ? "–" : decimal(entropy)),
};

/** A table in a box that scrolls; it follows its end unless somebody scrolled away from it. */
export class TokenTable {
  #box;
  #table;
  #lines;
  #columns;
  #count = -1;

  /**
   * @param {HTMLElement} box
   * @param {Column[]} columns
   * @param {string} label
   */
  constructor(box, columns, label) {
    this.#box = box;
    this.#columns = columns;
    const heads = columns.map((column) => cell("columnheader", column, t(`playground.column_${column}`)));
    const head = element("div", { role: "row", className: "token-row token-head", "aria-rowindex": "1" }, ...heads);
    const body = element("div", { role: "rowgroup", className: "token-lines", "data-empty": t("playground.tokens_to_come") });
    const group = element("div", { role: "rowgroup" }, head);
    this.#table = element("div", { role: "table", className: "token-table", "aria-label": label }, group, body);
    this.#table.style.setProperty("--count", String(columns.length));
    box.append(this.#table);
    const style = getComputedStyle(body);
    const height = () => parseFloat(style.getPropertyValue("--token-height"));
    this.#lines = new WindowedLines(body, (/** @type {Line} */ line) => this.#make(line), height);
  }

  /** @param {TokenRow[]} rows */
  show(rows) {
    if (rows.length === this.#count) return;
    this.#count = rows.length;
    const isAtEnd = this.#box.scrollTop + this.#box.clientHeight > this.#box.scrollHeight - 40;
    this.#table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.#lines.show(rows.map((row) => ({ key: String(row.index), row })));
    if (isAtEnd) this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** @param {Line} line */
  #make({ row }) {
    const cells = this.#columns.map((column) => cell("cell", column, CELLS[column](row)));
    const made = element("div", { role: "row", className: "token-row" }, ...cells);
    return {
      element: made,
      update: (/** @type {Line} */ _, /** @type {number} */ index) => made.setAttribute("aria-rowindex", String(index + 2)),
    };
  }
}

/**
 * @param {string} role
 * @param {Column} column
 * @param {Node|string|null} content
 */
function cell(role, column, content) {
  return element("div", { role, className: `token-cell is-${column}` }, content);
}

/** @param {string} text */
function textCell(text) {
  const pieces = visiblePieces(text).map((piece) =>
    piece.isSign ? element("span", { className: "sign" }, piece.text) : piece.text,
  );
  return element("code", { dir: "auto" }, ...pieces);
}

/** @param {TokenRow} row */
function probabilityCell({ probability }) {
  if (probability === null) return "–";
  const bar = element("span", { className: "share-bar", "aria-hidden": "true" });
  bar.style.inlineSize = `${100 * probability}%`;
  bar.dataset.level = String(levelOf(probability));
  const track = element("span", { className: "share-track", "aria-hidden": "true" }, bar);
  return element("span", { className: "share" }, track, percentOf(probability));
}
