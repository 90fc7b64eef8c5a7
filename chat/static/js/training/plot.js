// @ts-check
/** The arithmetic of a chart: what range it covers, where values lie, and the paths of its lines. No page. */

import { extent, scale, ticks } from "../checkpoints/geometry.js";

/** @typedef {import("./api.js").Point} Point */
/** @typedef {[number, number]} Range */
/** @typedef {{ at: (value: number) => number, back: (pixel: number) => number, ticks: number[] }} Axis */

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** The points within a range and one beyond either end, so that lines reach the edges. @param {Point[]} points @param {Range} range */
export function within(points, [from, to]) {
  const first = Math.max(0, indexAt(points, from) - 1);
  const end = indexAt(points, to);
  return points.slice(first, Math.min(points.length, end + 1));
}

/** How many points lie before x, by halving. @param {Point[]} points by x @param {number} x */
export function indexAt(points, x) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The point nearest to x; null where there is none. @param {Point[]} points @param {number} x */
export function nearest(points, x) {
  const index = indexAt(points, x);
  const [before, after] = [points[index - 1], points[index]];
  if (!before || !after) return before ?? after ?? null;
  return x - before[0] < after[0] - x ? before : after;
}

/** From the first point of all curves to the last; null where there is none. @param {Point[][]} curves @returns {Range|null} */
export function rangeOf(curves) {
  return extent(curves.flatMap((points) => (points.length > 0 ? [points[0][0], points[points.length - 1][0]] : [])));
}

/**
 * The values from the lowest to the highest, spikes included, with a little air.
 * @param {Point[][]} curves
 * @param {boolean} isLog then what is not above zero has no place
 * @param {boolean} [isFitted] leave out the hundredth of the values at either end
 * @returns {Range}
 */
export function valuesOf(curves, isLog, isFitted = false) {
  const known = curves.flat().flatMap(([, value, low, high]) => (isFitted ? [value] : [value, low, high]));
  const placed = known.filter((one) => one !== null && Number.isFinite(one) && (!isLog || one > 0)).map(Number);
  const found = isFitted ? middle(placed) : extent(placed);
  if (found === null) return isLog ? [0.1, 1] : [0, 1];
  const [low, high] = found;
  if (isLog) return [low / 1.1, high * 1.1];
  const air = (high - low) * 0.06 || Math.abs(high) * 0.06 || 1;
  return [low - air, high + air];
}

/** @param {number[]} values @returns {Range|null} */
function middle(values) {
  if (values.length === 0) return null;
  const sorted = values.sort((one, other) => one - other);
  const cut = Math.floor(sorted.length / 100);
  return [sorted[cut], sorted[sorted.length - 1 - cut]];
}

/**
 * @param {Range} range
 * @param {Range} pixels bottom and top
 * @param {boolean} isLog
 * @param {number} count of ticks, about
 * @returns {Axis}
 */
export function valueAxis([low, high], [start, end], isLog, count) {
  if (!isLog) return { ...scale(low, high, start, end), ticks: ticks(low, high, count) };
  const { at, back } = scale(Math.log10(low), Math.log10(high), start, end);
  const bottom = Math.min(start, end) - 1000;
  return {
    at: (value) => (value > 0 ? at(Math.log10(value)) : start > end ? start : bottom),
    back: (pixel) => 10 ** back(pixel),
    ticks: logTicks(low, high, count),
  };
}

/**
 * @param {Range} range
 * @param {Range} pixels
 * @param {string} axis step, time (in seconds) or tokens
 * @param {number} count of ticks at most
 * @returns {Axis}
 */
export function acrossAxis([from, to], [start, end], axis, count) {
  const marks = axis === "time" ? timeTicks(from, to, count) : ticks(from, to, count);
  return { ...scale(from, to, start, end), ticks: marks };
}

/** Powers of ten, with twos and fives between them while they are few. @param {number} low @param {number} high @param {number} count */
export function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  if (decades < 0.7) return ticks(low, high, count);
  const found = [];
  const every = Math.max(1, Math.round(decades / count));
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const factor of decades < 2.5 ? [1, 2, 5] : [1]) {
      const value = Number(`${factor}e${power}`);
      if (value >= low && value <= high && (decades < 2.5 || power % every === 0)) found.push(value);
    }
  }
  return found;
}

/** @param {number} from seconds @param {number} to @param {number} count */
export function timeTicks(from, to, count) {
  if (!(to > from)) return [from];
  const rough = (to - from) / Math.max(1, count);
  const days = Math.ceil(rough / 86_400) * 86_400;
  const step = rough < 1 ? rough : (SECONDS.find((each) => each >= rough) ?? days);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, index) => (first + index) * step);
}

/**
 * The line through the values; it is broken where a value is no number.
 * @param {Point[]} points
 * @param {(x: number) => number} x
 * @param {(value: number) => number} y
 */
export function linePath(points, x, y) {
  let path = "";
  let isOpen = false;
  for (const [place, value] of points) {
    if (value === null || !Number.isFinite(value)) isOpen = false;
    else {
      path += `${isOpen ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
      isOpen = true;
    }
  }
  return path;
}

/**
 * The area between the smallest and the largest values, in which every spike is seen.
 * @param {Point[]} points
 * @param {(x: number) => number} x
 * @param {(value: number) => number} y
 */
export function bandPath(points, x, y) {
  /** @type {Point[][]} */
  const pieces = [[]];
  for (const point of points) {
    if (Number.isFinite(point[2] ?? Number.NaN) && Number.isFinite(point[3] ?? Number.NaN)) pieces[pieces.length - 1].push(point);
    else pieces.push([]);
  }
  const corner = (/** @type {Point} */ point, /** @type {2|3} */ side) => `${x(point[0]).toFixed(1)} ${y(Number(point[side])).toFixed(1)}`;
  return pieces
    .filter((piece) => piece.length > 0)
    .map((piece) => {
      const there = piece.map((point) => corner(point, 3));
      const back = piece.map((point) => corner(point, 2)).reverse();
      return `M${[...there, ...back].join("L")}Z`;
    })
    .join("");
}

/** Where values are missing: NaN and infinities that were logged. @param {Point[]} points @returns {number[]} their x */
export function missing(points) {
  return points.filter(([, value]) => value === null || !Number.isFinite(value)).map(([x]) => x);
}

/**
 * A range moved or drawn together around a place, kept within the whole.
 * @param {Range} range
 * @param {Range} whole
 * @param {{ factor?: number, around?: number, by?: number }} change `by` in parts of the range
 * @returns {Range|null} null where all of it is seen again
 */
export function zoomed([from, to], whole, { factor = 1, around = (from + to) / 2, by = 0 }) {
  const width = Math.min((to - from) * factor, whole[1] - whole[0]);
  const share = to === from ? 0.5 : (around - from) / (to - from);
  const start = around - share * width + by * width;
  const kept = Math.min(Math.max(start, whole[0]), whole[1] - width);
  const isAll = width >= (whole[1] - whole[0]) * 0.999;
  return isAll ? null : [kept, kept + width];
}
