// @ts-check
/** A run in one line: a mark for each checkpoint by its step, joined where losses of one kind are known. */

import { t } from "../i18n.js";
import { axes, extent, pathOf } from "./geometry.js";
import { svg } from "./svg.js";
import { pointWords } from "./words.js";

/** @typedef {import("../types.js").Model} Model */

const FRAME = { width: 260, height: 40, top: 7, right: 8, bottom: 7, left: 8 };

/**
 * For the eye and the mouse; the rows below and the details say the same to everybody.
 * @param {Model[]} models by step, each with one
 */
export function sparkline(models) {
  const kind = mainKind(models);
  const losses = models.map((model) => (kind && model.loss?.kind === kind ? model.loss.value : null));
  const known = losses.filter((value) => value !== null);
  const { x, y } = axes(models.map((model) => Number(model.step)), known, FRAME);
  const middle = FRAME.height / 2;
  const points = models.flatMap((model, index) => {
    const value = losses[index];
    return value === null ? [] : [/** @type {[number, number]} */ ([Number(model.step), value])];
  });
  const line = svg("path", { class: "spark-line", d: known.length > 1 ? pathOf(points, x.at, y.at) : baseline(models, x.at, middle) });
  const marks = models.map((model, index) => {
    const value = losses[index];
    return mark(model, x.at(Number(model.step)), value === null ? middle : y.at(value));
  });
  return svg("svg", { class: "spark", viewBox: `0 0 ${FRAME.width} ${FRAME.height}`, "aria-hidden": "true" }, line, ...marks);
}

/**
 * The kind of loss that most of the checkpoints have; null where none has any.
 * @param {Model[]} models
 * @returns {string|null}
 */
export function mainKind(models) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { loss } of models) if (loss) counts.set(loss.kind, (counts.get(loss.kind) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0] ?? null;
}

/**
 * @param {Model[]} models
 * @param {(step: number) => number} x
 * @param {number} y
 */
function baseline(models, x, y) {
  const [first, last] = extent(models.map((model) => Number(model.step))) ?? [0, 0];
  return `M${x(first).toFixed(1)} ${y}L${x(last).toFixed(1)} ${y}`;
}

/**
 * @param {Model} model
 * @param {number} x
 * @param {number} y
 */
function mark(model, x, y) {
  const state = model.problem ? "broken" : model.status.state;
  const circle = svg("circle", { class: "spark-mark", cx: x.toFixed(1), cy: y.toFixed(1), r: 3.5, "data-state": state });
  const title = svg("title", {}, pointWords(model));
  if (model.problem) return svg("g", {}, circle, title);
  const label = svg("title", {}, `${pointWords(model)}\n${t("checkpoints.chat_with_it")}`);
  return svg("a", { href: chatAddress(model.id), tabindex: -1 }, circle, label);
}

/** The chat page with this checkpoint chosen.  @param {string} id */
export function chatAddress(id) {
  return `/?model=${encodeURIComponent(id)}`;
}
