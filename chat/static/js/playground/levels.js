// @ts-check
/** How sure a token was, in five levels that are told by shade and by underline alike. Pure functions. */

/** The least probability of each level, from sure to surprising. */
export const LEVELS = [0.8, 0.5, 0.2, 0.05, 0];

/**
 * The level of a probability, 0 for sure to 4 for surprising; null where there is none.
 * @param {number|null} probability
 * @returns {number|null}
 */
export function levelOf(probability) {
  if (probability === null || Number.isNaN(probability)) return null;
  return LEVELS.findIndex((least) => probability >= least);
}

/**
 * A natural logarithm as the probability it stands for.
 * @param {number|null|undefined} logprob
 * @returns {number|null}
 */
export function probabilityOf(logprob) {
  return logprob === null || logprob === undefined ? null : Math.min(1, Math.exp(logprob));
}
