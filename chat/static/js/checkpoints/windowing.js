// @ts-check
/** Which lines of a long list are worth having in the page: pure arithmetic over their heights. */

/**
 * Where each line begins, and after the last one where the list ends.
 * @param {number[]} heights
 * @returns {number[]}
 */
export function offsetsOf(heights) {
  const offsets = [0];
  for (const height of heights) offsets.push(offsets[offsets.length - 1] + height);
  return offsets;
}

/**
 * The lines between two heights, and `spare` more at either end.
 * @param {number[]} offsets
 * @param {number} top
 * @param {number} bottom
 * @param {number} spare
 * @returns {{ first: number, end: number }} `end` is one after the last
 */
export function linesBetween(offsets, top, bottom, spare) {
  const count = offsets.length - 1;
  const first = Math.max(0, Math.min(count, lineAt(offsets, top) - spare));
  const end = Math.max(first, Math.min(count, lineAt(offsets, bottom) + 1 + spare));
  return { first, end };
}

/**
 * The line that a height falls into, by halving.
 * @param {number[]} offsets
 * @param {number} height
 */
export function lineAt(offsets, height) {
  let [low, high] = [0, Math.max(0, offsets.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}
