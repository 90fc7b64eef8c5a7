// @ts-check
/** How the runs are looked at, kept in the page's address so that a reload and a shared link show the same. */

export const AXES = ["step", "time", "tokens"];
const MOST_SMOOTHING = 0.99;
/** Runs that are laid over each other: as many as there are colours. */
export const MOST_SHOWN = 8;
const MOST_COMPARED = MOST_SHOWN - 1;

/**
 * `metrics` are the further curves that are shown; `range` is what the charts are zoomed to, null for all of it.
 * @typedef {object} View
 * @property {string|null} runId
 * @property {string[]} compared runs that are laid over it
 * @property {string} axis
 * @property {boolean} isLog
 * @property {boolean} isFitted whether outliers are left out of the scale
 * @property {number} smoothing from 0, none, to 0.99
 * @property {string[]} metrics
 * @property {[number, number]|null} range
 */

/** @param {string} search the address from its question mark on @returns {View} */
export function viewFrom(search) {
  const query = new URLSearchParams(search);
  const smoothing = Number(query.get("smooth") ?? 0.6);
  const ends = (query.get("zoom") ?? "").split("~").map(Number);
  const isRange = ends.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1];
  const axis = query.get("x") ?? "";
  return {
    runId: query.get("run"),
    compared: query.getAll("with").slice(0, MOST_COMPARED),
    axis: AXES.includes(axis) ? axis : "step",
    isLog: query.has("log"),
    isFitted: query.has("fit"),
    smoothing: Number.isFinite(smoothing) ? Math.min(MOST_SMOOTHING, Math.max(0, smoothing)) : 0,
    metrics: query.getAll("curve"),
    range: isRange ? [ends[0], ends[1]] : null,
  };
}

/** @param {View} view */
export function queryOf(view) {
  const query = new URLSearchParams();
  if (view.runId !== null) query.set("run", view.runId);
  for (const id of view.compared) query.append("with", id);
  if (view.axis !== "step") query.set("x", view.axis);
  if (view.isLog) query.set("log", "1");
  if (view.isFitted) query.set("fit", "1");
  if (view.smoothing !== 0.6) query.set("smooth", String(view.smoothing));
  for (const name of view.metrics) query.append("curve", name);
  if (view.range) query.set("zoom", view.range.map((end) => Number(end.toPrecision(8))).join("~"));
  return query;
}

/** The runs that are shown over each other, the chosen one first. @param {View} view */
export function shownIds({ runId, compared }) {
  return runId === null ? [] : [runId, ...compared.filter((id) => id !== runId)];
}

/** With or without a value. @param {string[]} list @param {string} value @param {boolean} isIn */
export function withValue(list, value, isIn) {
  const others = list.filter((each) => each !== value);
  return isIn ? [...others, value].slice(-MOST_COMPARED) : others;
}
