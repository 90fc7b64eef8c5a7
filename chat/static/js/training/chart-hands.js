// @ts-check
/** What mouse, finger and keyboard do with a chart: point, zoom by drawing a range, go along the points, open a checkpoint. */

import { svg } from "../checkpoints/svg.js";
import { indexAt, zoomed } from "./plot.js";

/** @typedef {import("./chart.js").Chart} Chart */

const LEAST_DRAG = 6; // pixels; less is a click
const LEAP = 20; // points that Page Up and Page Down go

/** Hears the picture of one chart. */
export class ChartHands {
  #chart;
  #place;
  #actions;
  /** @type {number|null} */
  #from = null;
  #selection = svg("rect", { class: "chart-selection" });

  /**
   * @param {Chart} chart
   * @param {HTMLElement} place
   * @param {import("./chart.js").ChartActions} actions
   */
  constructor(chart, place, actions) {
    this.#chart = chart;
    this.#place = place;
    this.#actions = actions;
    place.addEventListener("pointerdown", (event) => this.#onDown(event));
    place.addEventListener("pointermove", (event) => this.#onMove(event));
    place.addEventListener("pointerup", (event) => this.#onUp(event));
    place.addEventListener("pointercancel", () => this.#forget());
    place.addEventListener("pointerleave", () => this.#from === null && chart.point(null));
    place.addEventListener("dblclick", () => actions.zoom(null));
    place.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {PointerEvent} event */
  #pixel(event) {
    const { left, right } = this.#chart.frame ?? { left: 0, right: 1 };
    return Math.min(right, Math.max(left, event.clientX - this.#place.getBoundingClientRect().left));
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    const isMark = event.target instanceof Element && event.target.closest("[data-checkpoint], .chart-chat");
    if (event.button !== 0 || event.pointerType === "touch" || isMark) return; // fingers scroll the page
    this.#from = this.#pixel(event);
    this.#place.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const { frame } = this.#chart;
    if (!frame) return;
    const pixel = this.#pixel(event);
    this.#chart.point(frame.x.back(pixel));
    if (this.#from === null || Math.abs(pixel - this.#from) < LEAST_DRAG) return this.#selection.remove();
    const [start, end] = [Math.min(this.#from, pixel), Math.max(this.#from, pixel)];
    for (const [name, value] of Object.entries({ x: start, width: end - start, y: frame.top, height: frame.bottom - frame.top })) {
      this.#selection.setAttribute(name, String(value));
    }
    this.#place.querySelector("svg")?.append(this.#selection);
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    const [from, to] = [this.#from, this.#pixel(event)];
    this.#forget();
    const { frame } = this.#chart;
    if (from === null || !frame || Math.abs(to - from) < LEAST_DRAG) return;
    this.#actions.zoom([frame.x.back(Math.min(from, to)), frame.x.back(Math.max(from, to))]);
  }

  #forget() {
    this.#from = null;
    this.#selection.remove();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#chart.picture) return;
    const act = this.#actFor(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {KeyboardEvent} event @returns {(() => void)|null} */
  #actFor({ key, shiftKey }) {
    const { whole } = /** @type {import("./chart.js").Picture} */ (this.#chart.picture);
    const { seen } = this.#chart;
    const around = this.#chart.cursor ?? undefined;
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: LEAP, PageUp: -LEAP }[key];
    if (steps && shiftKey) return () => this.#actions.zoom(zoomed(seen, whole, { by: Math.sign(steps) / 4 }));
    if (steps) return () => this.#go(steps);
    if (key === "Home") return () => this.#chart.point(seen[0]);
    if (key === "End") return () => this.#chart.point(seen[1]);
    if (key === "+" || key === "=") return () => this.#actions.zoom(zoomed(seen, whole, { factor: 0.5, around }));
    if (key === "-") return () => this.#actions.zoom(zoomed(seen, whole, { factor: 2, around }));
    if (key === "0" || key === "Escape") return () => (this.#chart.point(null), this.#actions.zoom(null));
    return key === "Enter" ? () => this.#openNearest() : null;
  }

  /** Along the points of the first curve. @param {number} steps */
  #go(steps) {
    const points = this.#chart.picture?.lines[0]?.points ?? [];
    if (points.length === 0) return;
    const { cursor, seen } = this.#chart;
    const first = indexAt(points, seen[0]);
    const last = Math.max(first, indexAt(points, seen[1] + Number.EPSILON * Math.abs(seen[1])) - (seen[1] < points[points.length - 1][0] ? 1 : 0));
    const here = cursor === null ? (steps > 0 ? first - 1 : last + 1) : indexAt(points, cursor);
    this.#chart.point(points[Math.max(first, Math.min(last, points.length - 1, here + steps))][0]);
  }

  #openNearest() {
    const { picture, frame, cursor, seen } = this.#chart;
    const from = cursor ?? seen[1];
    const marks = (picture?.marks ?? []).filter((mark) => mark.checkpoint !== null && mark.x !== null);
    const nearest = marks.sort((one, other) => Math.abs(Number(one.x) - from) - Math.abs(Number(other.x) - from))[0];
    if (!nearest || !frame) return;
    this.#chart.point(nearest.x);
    const box = this.#place.getBoundingClientRect();
    this.#actions.mark(nearest, new DOMRect(box.left + frame.x.at(Number(nearest.x)), box.top + frame.bottom, 1, 20));
  }
}
