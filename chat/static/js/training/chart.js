// @ts-check
/** One chart: curves over each other with the raw band behind each, marks at its foot, a cursor, and the range it is zoomed to. */

import { svg } from "../checkpoints/svg.js";
import { element } from "../dom.js";
import { t } from "../i18n.js";
import { ChartHands } from "./chart-hands.js";
import { marksOf } from "./chart-marks.js";
import { ChartTable } from "./chart-table.js";
import { ChartZoom } from "./chart-zoom.js";
import { acrossAxis, bandPath, linePath, missing, nearest, valueAxis, valuesOf, within } from "./plot.js";
import { amount, place, tickWords, valueWords } from "./words.js";

/** @typedef {import("./api.js").Point} Point */
/** @typedef {import("./plot.js").Range} Range */
/** @typedef {import("./plot.js").Axis} Axis */
/** @typedef {import("./api.js").Mark} Mark */

/**
 * One curve; `even` are its smoothed values, null where nothing is smoothed.
 * @typedef {{ key: string, label: string, hue: number, isDashed: boolean, points: Point[], even: Point[]|null }} Line
 */
/** @typedef {{ title: string, lines: Line[], marks: Mark[], axis: string, isLog: boolean, isFitted: boolean, whole: Range, range: Range|null }} Picture */
/** @typedef {{ zoom: (range: Range|null) => void, mark: (mark: Mark, at: DOMRect) => void }} ChartActions */
/** @typedef {{ x: Axis, y: Axis, left: number, right: number, top: number, bottom: number, width: number, height: number }} Frame */

const HEIGHT = 240;
const LEAST_WIDTH = 220;
const EDGES = { top: 10, right: 14, bottom: 40, left: 54 };
let made = 0;

/** Draws itself anew when its width changes. */
export class Chart {
  #title = element("h3", {});
  #legend = element("ul", { className: "legend-lines" });
  #readout = element("p", { className: "chart-readout quiet small", role: "status", dir: "auto" });
  #picture = element("div", { className: "chart-picture", tabIndex: 0, role: "application", "aria-roledescription": t("training.chart") });
  #table = new ChartTable();
  #zoom;
  #clip = `chart-clip-${(made += 1)}`;
  #width = 0;
  #actions;
  #cursorLayer = svg("g", { class: "chart-cursor" });
  /** @type {Picture|null} */
  picture = null;
  /** @type {Frame|null} */
  frame = null;
  /** Where the reader points, on the axis across. @type {number|null} */
  cursor = null;

  /** @param {ChartActions} actions */
  constructor(actions) {
    this.#actions = actions;
    const hint = element("p", { className: "visually-hidden", id: `${this.#clip}-hint` }, t("training.chart_keys"));
    this.#picture.setAttribute("aria-describedby", hint.id);
    this.#zoom = new ChartZoom(() => ({ seen: this.seen, whole: this.picture?.whole ?? [0, 1] }), actions.zoom);
    const head = element("div", { className: "chart-head" }, this.#title, this.#zoom.element);
    this.element = element("figure", { className: "chart" }, head, this.#legend, this.#picture, hint, this.#readout, this.#table.element);
    new ChartHands(this, this.#picture, actions);
    new ResizeObserver(([entry]) => this.#resize(Math.round(entry.contentRect.width))).observe(this.#picture);
  }

  /** @param {Picture} picture */
  show(picture) {
    this.picture = picture;
    this.#title.textContent = picture.title;
    this.#picture.setAttribute("aria-label", picture.title);
    this.#zoom.show(picture.range !== null, this.#picture);
    this.#legend.replaceChildren(...picture.lines.map(legendEntry));
    this.#draw();
    this.#table.show(picture);
    this.point(this.cursor);
  }

  /** The range that is seen. @returns {Range} */
  get seen() {
    return this.picture?.range ?? this.picture?.whole ?? [0, 1];
  }

  /** Show what the curves are at this place; null takes the cursor away. @param {number|null} x */
  point(x) {
    this.cursor = x;
    const { picture, frame } = this;
    if (!picture || !frame) return;
    if (x === null) {
      this.#cursorLayer.replaceChildren();
      this.#readout.textContent = summary(picture);
      return;
    }
    const near = picture.lines.flatMap((line) => nearest(line.points, x)?.[0] ?? []);
    const at = near.sort((one, other) => Math.abs(one - x) - Math.abs(other - x))[0] ?? x;
    const slack = (this.seen[1] - this.seen[0]) / 50;
    const found = picture.lines.map((line) => ({ line, point: covers(line, at, slack) ? nearest(line.points, at) : null }));
    const pixel = frame.x.at(at).toFixed(1);
    const dots = found.flatMap(({ line, point }) => (point && Number.isFinite(point[1] ?? Number.NaN) ? [dotOf(line, point, frame)] : []));
    this.#cursorLayer.replaceChildren(svg("line", { x1: pixel, x2: pixel, y1: frame.top, y2: frame.bottom }), ...dots);
    const values = found.map(({ line, point }) => `${line.label} ${point ? valueWords(point) : t("training.unknown")}`);
    this.#readout.textContent = [place(at, picture.axis), ...values].join(" · ");
  }

  /** @param {number} width */
  #resize(width) {
    if (width === this.#width || width === 0) return;
    this.#width = width;
    this.#draw();
    this.point(this.cursor);
  }

  #draw() {
    if (!this.picture || this.#width === 0) return;
    const frame = (this.frame = frameOf(this.picture, this.seen, Math.max(LEAST_WIDTH, this.#width)));
    const { left, right, top, bottom, width } = frame;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" });
    const room = svg("rect", { x: left, y: top - 4, width: right - left, height: bottom - top + 8 });
    const lines = svg("g", { "clip-path": `url(#${this.#clip})` });
    for (const line of this.picture.lines.toReversed()) lines.append(...lineParts(line, this.seen, frame));
    this.#cursorLayer = svg("g", { class: "chart-cursor" });
    const marks = marksOf(this.picture.marks, this.seen, frame, this.picture.axis, this.#actions.mark);
    picture.append(svg("clipPath", { id: this.#clip }, room), grid(frame, this.picture.axis), lines, marks, this.#cursorLayer);
    this.#picture.replaceChildren(picture);
  }
}

/**
 * @param {Picture} picture
 * @param {Range} seen
 * @param {number} width
 * @returns {Frame}
 */
function frameOf({ lines, axis, isLog, isFitted }, seen, width) {
  const [left, right, top, bottom] = [EDGES.left, width - EDGES.right, EDGES.top, HEIGHT - EDGES.bottom];
  const x = acrossAxis(seen, [left, right], axis, Math.max(2, Math.floor(width / 80)));
  const values = valuesOf(lines.map((line) => within(line.points, seen)), isLog, isFitted);
  return { x, y: valueAxis(values, [bottom, top], isLog, 5), left, right, top, bottom, width, height: HEIGHT };
}

/** @param {Frame} frame @param {string} axis */
function grid({ x, y, left, right, bottom }, axis) {
  const made = svg("g", { class: "chart-grid" });
  for (const value of y.ticks) {
    const height = y.at(value);
    made.append(svg("line", { x1: left, x2: right, y1: height.toFixed(1), y2: height.toFixed(1) }));
    made.append(svg("text", { x: left - 7, y: (height + 4).toFixed(1), "text-anchor": "end" }, amount(value)));
  }
  for (const value of x.ticks) {
    made.append(svg("text", { x: x.at(value).toFixed(1), y: bottom + 32, "text-anchor": "middle" }, tickWords(value, axis)));
  }
  return made;
}

/**
 * What was logged, with the lowest and the highest of each point; in front of it the smoothed line.
 * @param {Line} line
 * @param {Range} seen
 * @param {Frame} frame
 */
function lineParts({ points, even, hue, isDashed }, seen, { x, y, bottom }) {
  const raw = within(points, seen);
  const look = { "data-hue": hue, "data-dashed": isDashed };
  const parts = [svg("path", { class: "chart-band", ...look, d: bandPath(raw, x.at, y.at) })];
  parts.push(svg("path", { class: even ? "chart-line is-raw" : "chart-line", ...look, d: linePath(raw, x.at, y.at) }));
  if (even) parts.push(svg("path", { class: "chart-line", ...look, d: linePath(within(even, seen), x.at, y.at) }));
  const lonely = raw.filter((point, index) => isAlone(raw, index) && point[1] !== null);
  for (const [place, value] of lonely) parts.push(svg("circle", { class: "chart-dot", ...look, cx: x.at(place), cy: y.at(Number(value)), r: 2.5 }));
  for (const place of missing(raw)) {
    const [middle, foot] = [x.at(place), bottom - 5];
    parts.push(svg("path", { class: "chart-missing", d: `M${middle - 3} ${foot - 3}l6 6m0 -6l-6 6` }));
  }
  return parts;
}

/** A point without a neighbour makes no line. @param {Point[]} points @param {number} index */
function isAlone(points, index) {
  return (points[index - 1]?.[1] ?? null) === null && (points[index + 1]?.[1] ?? null) === null;
}

/** @param {Line} line @param {Point} point @param {Frame} frame */
function dotOf({ hue }, [place, value], { x, y }) {
  return svg("circle", { class: "chart-dot", "data-hue": hue, cx: x.at(place).toFixed(1), cy: y.at(Number(value)).toFixed(1), r: 4 });
}

/** @param {Line} line */
function legendEntry({ label, hue, isDashed }) {
  const sign = svg("svg", { class: "legend-sign", viewBox: "0 0 22 8", "aria-hidden": "true" });
  sign.append(svg("path", { class: "chart-line", "data-hue": hue, "data-dashed": isDashed, d: "M1 4L21 4" }));
  return element("li", {}, sign, element("span", { dir: "auto" }, label));
}

/** Whether a curve goes as far as this place. @param {Line} line @param {number} at @param {number} slack */
function covers({ points }, at, slack) {
  return points.length > 0 && at >= points[0][0] - slack && at <= points[points.length - 1][0] + slack;
}

/** The last values in one line. @param {Picture} picture */
function summary({ lines, axis }) {
  const last = lines.flatMap(({ label, points }) => (points.length > 0 ? [`${label} ${amount(points[points.length - 1][1] ?? Number.NaN)}`] : []));
  const end = lines[0]?.points.at(-1)?.[0] ?? 0;
  return last.length > 0 ? [place(end, axis), ...last].join(" · ") : t("training.no_points");
}
