// @ts-check
/** The charts of the runs that are shown, and how they are looked at: axis, scale, smoothing, further curves. */

import { element, required } from "../dom.js";
import { percent } from "../format.js";
import { t } from "../i18n.js";
import { Chart } from "./chart.js";
import { chatMarks } from "./chats.js";
import { rangeOf } from "./plot.js";
import { smoothed } from "./smoothing.js";
import { AXES, withValue } from "./view.js";
import { metricWords } from "./words.js";

/** @typedef {import("./api.js").Run} Run */
/** @typedef {import("./api.js").Series} Series */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./api.js").Curves} Curves */
/** @typedef {{ run: Run, hue: number, curves: Curves|null, detail: Curves|null }} Shown `detail` is what lies in the range */
/** @typedef {{ key: string, title: string, has: (series: Series) => boolean }} Kind */

/** The toolbar and a chart for each kind of curve. */
export class Board {
  #place = required("charts", HTMLElement);
  #axis = required("axis", HTMLSelectElement);
  #log = required("log-scale", HTMLInputElement);
  #fit = required("leave-outliers", HTMLInputElement);
  #smooth = required("smoothing", HTMLInputElement);
  #smoothWords = required("smoothing-words", HTMLOutputElement);
  #metrics = required("metrics", HTMLElement);
  /** @type {Map<string, Chart>} */
  #charts = new Map();
  #actions;
  #drawnMetrics = "";
  /** @type {unknown[]} */
  #drawn = [];
  #change;

  /**
   * @param {(parts: Partial<View>) => void} change
   * @param {(mark: import("./api.js").Mark, at: DOMRect) => void} openMark
   */
  constructor(change, openMark) {
    this.#change = change;
    this.#actions = { zoom: (/** @type {[number, number]|null} */ range) => change({ range }), mark: openMark };
    this.#axis.replaceChildren(...AXES.map((name) => element("option", { value: name }, t(`training.axis_${name}`))));
    this.#axis.addEventListener("change", () => change({ axis: this.#axis.value, range: null }));
    this.#log.addEventListener("change", () => change({ isLog: this.#log.checked }));
    this.#fit.addEventListener("change", () => change({ isFitted: this.#fit.checked }));
    this.#smooth.addEventListener("input", () => change({ smoothing: Number(this.#smooth.value) }));
  }

  /**
   * @param {Shown[]} shown the chosen run first
   * @param {View} view
   * @param {import("./api.js").Chat[]} chats with checkpoints of the chosen run
   */
  show(shown, view, chats) {
    this.#axis.value = view.axis;
    this.#log.checked = view.isLog;
    this.#fit.checked = view.isFitted;
    this.#smooth.value = String(view.smoothing);
    this.#smoothWords.textContent = percent(view.smoothing);
    this.#showMetrics(shown[0]?.run, view.metrics);
    const drawn = [view, chats, ...shown.flatMap(({ run, curves, detail }) => [run.id, curves, detail])];
    if (drawn.length === this.#drawn.length && drawn.every((part, index) => part === this.#drawn[index])) return;
    this.#drawn = drawn;
    const isKnown = shown.length > 0 && shown.every(({ curves }) => curves !== null);
    const series = shown.flatMap(({ curves }) => curves?.series ?? []);
    const whole = rangeOf(series.map(({ points }) => points));
    required("charts-looking", HTMLElement).hidden = isKnown;
    required("charts-none", HTMLElement).hidden = !isKnown || whole !== null;
    const kinds = whole === null ? [] : kindsOf(view.metrics).filter(({ has }) => series.some(has));
    this.#keep(kinds);
    for (const kind of kinds) this.#charts.get(kind.key)?.show(pictureOf(kind, shown, view, whole ?? [0, 1], chats));
  }

  /** A chart for each kind, in their order; what stands right is not moved. @param {Kind[]} kinds */
  #keep(kinds) {
    const wanted = kinds.map(({ key }) => key);
    for (const [key, chart] of this.#charts) {
      if (wanted.includes(key)) continue;
      chart.element.remove();
      this.#charts.delete(key);
    }
    kinds.forEach(({ key }, index) => {
      const chart = this.#charts.get(key) ?? new Chart(this.#actions);
      this.#charts.set(key, chart);
      if (this.#place.children[index] !== chart.element) this.#place.insertBefore(chart.element, this.#place.children[index] ?? null);
    });
  }

  /** @param {Run|undefined} run @param {string[]} chosen */
  #showMetrics(run, chosen) {
    const others = (run?.metrics ?? []).filter(({ kind }) => kind === "metric" || kind === "speed");
    const drawn = JSON.stringify([others, chosen]);
    if (drawn === this.#drawnMetrics) return;
    this.#drawnMetrics = drawn;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.metric : undefined;
    this.#metrics.hidden = others.length === 0;
    this.#metrics.replaceChildren(...others.map((metric) => this.#metricButton(metric, chosen)));
    for (const button of this.#metrics.children) {
      if (button instanceof HTMLElement && button.dataset.metric === focused) button.focus();
    }
  }

  /** @param {import("./api.js").Metric} metric @param {string[]} chosen */
  #metricButton(metric, chosen) {
    const isOn = chosen.includes(metric.name);
    const act = () => this.#change({ metrics: withValue(chosen, metric.name, !isOn) });
    const made = element("button", { type: "button", className: "chip", "aria-pressed": isOn, onclick: act, dir: "auto" }, metricWords(metric));
    made.dataset.metric = metric.name;
    return made;
  }
}

/** @param {string[]} metrics @returns {Kind[]} */
function kindsOf(metrics) {
  const loss = (/** @type {Series} */ { kind }) => kind === "train_loss" || kind === "validation_loss";
  return [
    { key: "loss", title: t("common.loss"), has: loss },
    { key: "learning_rate", title: t("training.metric_learning_rate"), has: ({ kind }) => kind === "learning_rate" },
    ...metrics.map((name) => ({ key: `metric ${name}`, title: name, has: (/** @type {Series} */ series) => series.name === name && !loss(series) })),
  ];
}

/**
 * @param {Kind} kind
 * @param {Shown[]} shown
 * @param {View} view
 * @param {[number, number]} whole
 * @param {import("./api.js").Chat[]} chats
 * @returns {import("./chart.js").Picture}
 */
function pictureOf(kind, shown, view, whole, chats) {
  const own = shown.map(({ curves, detail }) => ((detail ?? curves)?.series ?? []).filter((series) => kind.has(series) && series.points.length > 0));
  const names = new Set(own.flat().map(metricWords));
  const lines = shown.flatMap(({ run, hue }, index) =>
    own[index].map((series) => {
      const isTwice = own[index].filter((other) => other.kind === series.kind).length > 1;
      const name = isTwice ? series.name : metricWords(series);
      const label = shown.length === 1 ? name : names.size === 1 ? run.name : `${run.name} · ${name}`;
      const shade = shown.length > 1 ? hue : Number(series.kind === "validation_loss");
      return lineOf(series, `${run.id} ${series.name}`, label, shade, view.smoothing);
    }),
  );
  const told = shown[0]?.curves?.marks ?? [];
  const marks = [...told, ...chatMarks(told, chats)];
  const speed = lines.length > 0 && kind.key.startsWith("metric") ? shown[0].run.metrics?.find(({ name }) => name === kind.title) : null;
  const title = speed ? metricWords(speed) : kind.title;
  return { title, lines, marks, axis: view.axis, isLog: view.isLog, isFitted: view.isFitted, whole, range: view.range };
}

/**
 * @param {Series} series
 * @param {string} key
 * @param {string} label
 * @param {number} hue
 * @param {number} smoothing
 * @returns {import("./chart.js").Line}
 */
function lineOf({ kind, points }, key, label, hue, smoothing) {
  const isDashed = kind === "validation_loss";
  const isEvened = smoothing > 0 && kind !== "learning_rate" && !isDashed;
  return { key, label, hue, isDashed, points, even: isEvened ? smoothed(points, smoothing) : null };
}
