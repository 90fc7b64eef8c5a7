// @ts-check
/** In what the configurations of runs differ. Pure functions. */

const DEEPEST = 6;

/**
 * A nested configuration as names with dots.
 * @param {unknown} config
 * @returns {Map<string, string>}
 */
export function flattened(config) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const walk = (/** @type {unknown} */ value, /** @type {string} */ name, /** @type {number} */ depth) => {
    const isNested = value !== null && typeof value === "object" && !Array.isArray(value) && depth < DEEPEST;
    if (!isNested) return void found.set(name, typeof value === "string" ? value : JSON.stringify(value) ?? "");
    for (const [key, inner] of Object.entries(value)) walk(inner, name ? `${name}.${key}` : key, depth + 1);
  };
  if (config !== null && typeof config === "object") walk(config, "", 0);
  return found;
}

/**
 * The settings in which runs differ, by name; null where a run has none.
 * @param {unknown[]} configs
 * @returns {{ name: string, values: (string|null)[] }[]}
 */
export function differences(configs) {
  const flat = configs.map(flattened);
  const names = [...new Set(flat.flatMap((each) => [...each.keys()]))].sort();
  return names
    .map((name) => ({ name, values: flat.map((each) => each.get(name) ?? null) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}
