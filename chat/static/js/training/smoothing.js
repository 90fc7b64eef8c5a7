// @ts-check
/** Evens out a noisy curve: an exponential mean that is not drawn towards zero at its beginning. */

/** @typedef {import("./api.js").Point} Point */

/**
 * The mean at each point, over what came before it; a value that is no number is passed over.
 * @param {Point[]} points
 * @param {number} weight of what came before, from 0 to less than 1
 * @returns {Point[]} with the mean as value, low and high
 */
export function smoothed(points, weight) {
  let [mean, share] = [0, 0];
  return points.map(([x, value]) => {
    if (value === null || !Number.isFinite(value)) return [x, null, null, null];
    mean = weight * mean + (1 - weight) * value;
    share = weight * share + (1 - weight); // what part of a whole mean has come together so far
    const even = mean / share;
    return [x, even, even, even];
  });
}
