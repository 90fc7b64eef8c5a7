// @ts-check
/** A chart's numbers as a table, made when it is opened: for those who do not see the curves, and for copying. */

import { element } from "../dom.js";
import { t } from "../i18n.js";
import { nearest } from "./plot.js";
import { amount, place, valueWords } from "./words.js";

/** @typedef {import("./chart.js").Picture} Picture */
/** @typedef {import("./chart.js").Line} Line */

const MOST_ROWS = 50;

/** Folded away; kept up to date while it is open. */
export class ChartTable {
  #body = element("div", { className: "chart-table", tabIndex: 0, role: "region" });
  element = element("details", { className: "fold" }, element("summary", {}, t("training.numbers")), this.#body);
  /** @type {Picture|null} */
  #picture = null;

  constructor() {
    this.element.addEventListener("toggle", () => this.#draw());
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture;
    this.#body.setAttribute("aria-label", t("training.numbers_of", { chart: picture.title }));
    this.#draw();
  }

  #draw() {
    if (!this.element.open || !this.#picture) return;
    const { lines, axis, range, whole } = this.#picture;
    const [from, to] = range ?? whole;
    const longest = [...lines].sort((one, other) => other.points.length - one.points.length)[0];
    const inside = (longest?.points ?? []).filter(([x]) => x >= from && x <= to);
    const every = Math.max(1, Math.ceil(inside.length / MOST_ROWS));
    const rows = inside.filter((_, index) => index % every === 0 || index === inside.length - 1);
    const head = element("tr", {}, heading(t(`training.axis_${axis}`)), ...lines.map(({ label }) => heading(label)));
    const summaries = lines.map((line) => element("li", { dir: "auto" }, curveWords(line, axis)));
    const body = rows.map(([x], index) => {
      const room = [rows[index - 1]?.[0] ?? -Infinity, rows[index + 1]?.[0] ?? Infinity].map((other) => Math.abs(other - x) / 2);
      return element("tr", {}, element("th", { scope: "row" }, place(x, axis)), ...lines.map((line) => cell(line, x, room)));
    });
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
    this.#body.replaceChildren(element("ul", { className: "curve-words" }, ...summaries), table);
  }
}

/** "train: from 4.2 to 2.1, lowest 2.05 at step 880".  @param {Line} line @param {string} axis */
export function curveWords({ label, points }, axis) {
  const known = points.filter(([, value]) => value !== null && Number.isFinite(value));
  if (known.length === 0) return `${label}: ${t("training.no_points")}`;
  const lowest = known.reduce((least, point) => (Number(point[2] ?? point[1]) < Number(least[2] ?? least[1]) ? point : least));
  const values = { first: amount(known[0][1]), last: amount(known[known.length - 1][1]), lowest: amount(lowest[2] ?? lowest[1]) };
  return t("training.curve_words", { name: label, ...values, place: place(lowest[0], axis) });
}

/** @param {string} words */
function heading(words) {
  return element("th", { scope: "col", dir: "auto" }, words);
}

/**
 * The point of a curve that belongs to a row; none where it lies nearer to the row before or after.
 * @param {Line} line
 * @param {number} x
 * @param {number[]} room before and after
 */
function cell({ points }, x, [before, after]) {
  const point = nearest(points, x);
  const isHere = point !== null && x - point[0] < before && point[0] - x <= after;
  return element("td", {}, isHere ? valueWords(point) : t("training.unknown"));
}
