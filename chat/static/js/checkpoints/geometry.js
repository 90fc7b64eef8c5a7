// @ts-check
/** Where a timeline's points, curve and marks lie: numbers in, numbers out. */

/** @typedef {{ width: number, height: number, top: number, right: number, bottom: number, left: number }} Frame */
/** @typedef {[number, number]} Point step and value */

/**
 * A straight map from values to pixels, and the way back; a single value lies in the middle.
 * @param {number} from
 * @param {number} to
 * @param {number} start pixel of `from`
 * @param {number} end pixel of `to`
 */
export function scale(from, to, start, end) {
  const span = to - from;
  /** @param {number} value */
  const at = (value) => (span === 0 ? (start + end) / 2 : start + ((value - from) / span) * (end - start));
  /** @param {number} pixel */
  const back = (pixel) => (end === start ? from : from + ((pixel - start) / (end - start)) * span);
  return { at, back };
}

/**
 * The smallest and the largest of the numbers that are finite; null where there is none.
 * @param {Iterable<number>} numbers
 * @returns {[number, number]|null}
 */
export function extent(numbers) {
  let [low, high] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (!Number.isFinite(number)) continue;
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return low > high ? null : [low, high];
}

/**
 * At most `count` round numbers within a range: steps of 1, 2 or 5 times a power of ten.
 * @param {number} low
 * @param {number} high
 * @param {number} count
 * @returns {number[]}
 */
export function ticks(low, high, count) {
  if (!(high > low) || count < 1) return Number.isFinite(low) ? [low] : [];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? 10 * power;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => round((first + index) * step, step));
}

/**
 * @param {number} value
 * @param {number} step
 */
function round(value, step) {
  return Number(value.toFixed(Math.max(0, 1 - Math.floor(Math.log10(step)))));
}

/**
 * No more than two points for each of `buckets` columns, the lowest and the highest, so that no spike is lost.
 * @param {Point[]} points by step
 * @param {number} buckets
 * @returns {Point[]}
 */
export function thinned(points, buckets) {
  const finite = points.filter(([step, value]) => Number.isFinite(step) && Number.isFinite(value));
  if (finite.length <= 2 * buckets) return finite;
  const kept = [];
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const start = Math.floor((bucket * finite.length) / buckets);
    const end = Math.floor(((bucket + 1) * finite.length) / buckets);
    let [low, high] = [start, start];
    for (let index = start; index < end; index += 1) {
      if (finite[index][1] < finite[low][1]) low = index;
      if (finite[index][1] > finite[high][1]) high = index;
    }
    kept.push(...[...new Set([Math.min(low, high), Math.max(low, high)])].map((index) => finite[index]));
  }
  return kept;
}

/**
 * The points as the path of an SVG.
 * @param {Point[]} points
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 */
export function pathOf(points, x, y) {
  return points
    .map(([step, value], index) => `${index === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
}

/**
 * Scales that hold all points: steps across, values upwards with a little air.
 * @param {number[]} steps
 * @param {number[]} values
 * @param {Frame} frame
 */
export function axes(steps, values, frame) {
  const [first, last] = extent(steps) ?? [0, 1];
  const [low, high] = extent(values) ?? [0, 1];
  const air = (high - low) * 0.06 || Math.abs(high) * 0.06 || 1;
  const x = scale(first, last, frame.left, frame.width - frame.right);
  const y = scale(low - air, high + air, frame.height - frame.bottom, frame.top);
  return { x, y, steps: [first, last], values: [low - air, high + air] };
}
