// @ts-check
/** A run as a picture: its checkpoints by step, over the curve of a loss where one was logged. Each leads to a chat. */

import { element } from "../dom.js";
import { count, decimal, integer } from "../format.js";
import { t } from "../i18n.js";
import { axes, pathOf, thinned, ticks } from "./geometry.js";
import { chatAddress, mainKind } from "./sparkline.js";
import { svg } from "./svg.js";
import { lossKind, pointWords } from "./words.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("./api.js").Series} Series */
/** @typedef {import("./geometry.js").Point} Point */
/** @typedef {import("./geometry.js").Frame} Frame */

const HEIGHT = 190;
const LEAST_WIDTH = 240;
const MARK = 5;
const TARGET = 12; // the radius within which a mark is hit

/** Draws itself anew when its width changes; the arrows lead from mark to mark. */
export class Timeline {
  #picture = element("div", { className: "timeline-picture" });
  #words = element("figcaption", { className: "quiet small" });
  element = element("figure", { className: "timeline" }, this.#picture, this.#words);
  /** @type {{ models: Model[], series: Series[], openId: string }|null} */
  #shown = null;
  #width = 0;

  constructor() {
    this.#picture.addEventListener("keydown", (event) => this.#onKey(event));
    new ResizeObserver(([entry]) => {
      const width = Math.max(LEAST_WIDTH, Math.round(entry.contentRect.width));
      if (width === this.#width) return;
      this.#width = width;
      this.#draw();
    }).observe(this.#picture);
  }

  /**
   * @param {Model[]} models of one run, by step
   * @param {Series[]} series
   * @param {string} openId whose details these are
   */
  show(models, series, openId) {
    this.#shown = { models, series, openId };
    this.#draw();
  }

  #draw() {
    if (!this.#shown || this.#width === 0) return;
    const { models, series, openId } = this.#shown;
    const kind = mainKind(models);
    const curves = lossCurves(series);
    const known = models.flatMap((model) => (kind && model.loss?.kind === kind ? [model.loss.value] : []));
    const frame = { width: this.#width, height: HEIGHT, top: 12, right: 28, bottom: 26, left: 46 };
    const points = curves.flatMap((curve) => curve.points);
    const steps = [...points.map(([step]) => step), ...models.map((model) => Number(model.step))];
    const drawn = axes(steps, [...points.map(([, value]) => value), ...known], frame);
    const picture = svg("svg", { viewBox: `0 0 ${frame.width} ${HEIGHT}`, role: "group", "aria-label": t("checkpoints.timeline") });
    picture.append(grid(frame, drawn, points.length + known.length > 0));
    for (const curve of curves) picture.append(lineOf(curve, curve === curves.at(-1), drawn, frame));
    if (curves.length === 0 && known.length > 1) picture.append(joined(models, kind, drawn));
    for (const model of models) picture.append(markOf(model, kind, curves, drawn, openId));
    this.#picture.replaceChildren(picture);
    this.#words.replaceChildren(...captions(models, kind, curves));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const direction = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const marks = Array.from(this.#picture.querySelectorAll("a"));
    const index = marks.findIndex((mark) => mark === event.target);
    if (!direction || index < 0) return;
    event.preventDefault();
    const next = marks[Math.max(0, Math.min(marks.length - 1, index + direction))];
    for (const mark of marks) mark.setAttribute("tabindex", mark === next ? "0" : "-1");
    next.focus();
  }
}

/** The curves that are losses, the validation's last so that it lies on top.  @param {Series[]} series */
function lossCurves(series) {
  const losses = series.filter(({ kind, name }) => /loss/i.test(`${kind} ${name}`) && !/accuracy|grad/i.test(name));
  const rank = (/** @type {Series} */ one) => Number(/val|eval|test/i.test(`${one.kind} ${one.name}`));
  return losses.sort((one, other) => rank(one) - rank(other)).slice(-2);
}

/** @typedef {ReturnType<typeof axes>} Axes */

/**
 * @param {Frame} frame
 * @param {Axes} drawn
 * @param {boolean} hasValues
 */
function grid(frame, { x, y, steps, values }, hasValues) {
  const made = svg("g", { class: "timeline-grid", "aria-hidden": "true" });
  for (const step of ticks(steps[0], steps[1], Math.max(2, Math.floor(frame.width / 110)))) {
    made.append(svg("text", { x: x.at(step).toFixed(1), y: frame.height - 6, "text-anchor": "middle" }, count(step)));
  }
  if (!hasValues) return made;
  for (const value of ticks(values[0], values[1], 4)) {
    const height = y.at(value).toFixed(1);
    made.append(svg("line", { x1: frame.left, x2: frame.width - frame.right, y1: height, y2: height }));
    made.append(svg("text", { x: frame.left - 7, y: Number(height) + 4, "text-anchor": "end" }, decimal(value)));
  }
  return made;
}

/**
 * @param {Series} curve
 * @param {boolean} isMain the one that lies on top
 * @param {Axes} drawn
 * @param {Frame} frame
 */
function lineOf(curve, isMain, { x, y }, frame) {
  const points = thinned(curve.points, frame.width);
  return svg("path", { class: isMain ? "timeline-curve is-main" : "timeline-curve", d: pathOf(points, x.at, y.at) });
}

/**
 * The checkpoints' own losses joined, where nothing was logged between them.
 * @param {Model[]} models
 * @param {string|null} kind
 * @param {Axes} drawn
 */
function joined(models, kind, { x, y }) {
  const points = models.flatMap((model) =>
    model.loss && model.loss.kind === kind ? [/** @type {Point} */ ([Number(model.step), model.loss.value])] : [],
  );
  return svg("path", { class: "timeline-curve curve-joined", d: pathOf(points, x.at, y.at) });
}

/**
 * @param {Model} model
 * @param {string|null} kind
 * @param {Series[]} curves
 * @param {Axes} drawn
 * @param {string} openId
 */
function markOf(model, kind, curves, { x, y, values }, openId) {
  const step = Number(model.step);
  const own = model.loss && model.loss.kind === kind ? model.loss.value : valueAt(curves.at(-1)?.points ?? [], step);
  const place = { cx: x.at(step).toFixed(1), cy: y.at(own ?? (values[0] + values[1]) / 2).toFixed(1) };
  const state = model.problem ? "broken" : model.status.state;
  const mark = svg("circle", { class: "timeline-mark", ...place, r: MARK, "data-state": state });
  const target = svg("circle", { class: "timeline-target", ...place, r: TARGET });
  const words = pointWords(model);
  if (model.problem) return svg("g", {}, mark, svg("title", {}, `${words}: ${model.problem.message}`));
  const isOpen = model.id === openId;
  const label = { href: chatAddress(model.id), "aria-label": `${words}: ${t("checkpoints.chat_with_it")}` };
  const link = svg("a", { ...label, tabindex: isOpen ? 0 : -1, class: isOpen ? "is-open" : "" }, target, mark);
  link.append(svg("title", {}, `${words}\n${t("checkpoints.chat_with_it")}`));
  return link;
}

/**
 * The value of the last point at or before a step.
 * @param {Point[]} points
 * @param {number} step
 */
function valueAt(points, step) {
  return points.findLast(([at]) => at <= step)?.[1] ?? points[0]?.[1] ?? null;
}

/**
 * @param {boolean} isLogged
 * @param {boolean} isMain
 */
function signClass(isLogged, isMain) {
  if (!isLogged) return "curve-sign curve-joined";
  return isMain ? "curve-sign is-main" : "curve-sign";
}

/**
 * The same in words: from where to where, and the lowest.
 * @param {Model[]} models
 * @param {string|null} kind
 * @param {Series[]} curves
 */
function captions(models, kind, curves) {
  const own = { name: kind ? lossKind(kind) : "", points: /** @type {Point[]} */ ([]) };
  for (const { step, loss } of models) if (loss && loss.kind === kind) own.points.push([Number(step), loss.value]);
  const told = curves.length > 0 ? curves.map(({ name, points }) => ({ name, points })) : [own];
  return told
    .filter(({ points }) => points.length > 1)
    .map(({ name, points }, index, all) => {
      const lowest = points.reduce((best, point) => (point[1] < best[1] ? point : best));
      const values = { name, first: decimal(points[0][1]), last: decimal(points[points.length - 1][1]) };
      const words = t("checkpoints.curve_words", { ...values, lowest: decimal(lowest[1]), step: integer(lowest[0]) });
      const sign = element("span", { className: signClass(curves.length > 0, index === all.length - 1), "aria-hidden": "true" });
      return element("span", { className: "curve-words" }, sign, words);
    });
}
