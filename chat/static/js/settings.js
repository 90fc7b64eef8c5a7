// @ts-check
/** The sampling parameters a person may set: what there is, what was set, and what the server is sent. No page. */

/**
 * One parameter. Its slider spans the useful part; the server owns the limits and says when a number is beyond them.
 * @typedef {object} Parameter
 * @property {string} name as the interface has it
 * @property {number|null} usual the server's default where the checkpoint names none; null is a new one each time
 * @property {{ min: number, max: number, step: number }|null} slider
 */

/** @type {readonly Parameter[]} */
export const PARAMETERS = [
  { name: "temperature", usual: 0.7, slider: { min: 0, max: 2, step: 0.05 } },
  { name: "top_k", usual: 50, slider: { min: 0, max: 200, step: 1 } },
  { name: "top_p", usual: 0.9, slider: { min: 0.05, max: 1, step: 0.01 } },
  { name: "min_p", usual: 0, slider: { min: 0, max: 0.5, step: 0.01 } },
  { name: "repetition_penalty", usual: 1, slider: { min: 0.8, max: 1.8, step: 0.01 } },
  { name: "max_new_tokens", usual: 256, slider: { min: 16, max: 4096, step: 16 } },
  { name: "seed", usual: null, slider: null },
];

/** @typedef {{ numbers: Record<string, number>, stop: string, systemPrompt: string }} Settings */

/** @type {Settings} */
export const NOTHING_SET = { numbers: {}, stop: "", systemPrompt: "" };

/**
 * What the server is sent: only what was set, so that the checkpoint's own defaults fill the rest.
 * @param {Settings} settings
 * @returns {Record<string, unknown>}
 */
export function samplingOf({ numbers, stop }) {
  const strings = stopStrings(stop);
  return strings.length === 0 ? { ...numbers } : { ...numbers, stop: strings };
}

/**
 * One stop string a line; \n and \t stand for a line end and a tab, since neither could be typed there.
 * @param {string} text
 */
export function stopStrings(text) {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
}

/**
 * Settings from what was kept; what is not understood is left out.
 * @param {string|null} kept
 * @returns {Settings}
 */
export function settingsFrom(kept) {
  const read = parsed(kept);
  const names = new Set(PARAMETERS.map((parameter) => parameter.name));
  const numbers = Object.entries(read.numbers ?? {}).filter(
    ([name, value]) => names.has(name) && Number.isFinite(value),
  );
  return {
    numbers: Object.fromEntries(numbers),
    stop: typeof read.stop === "string" ? read.stop : "",
    systemPrompt: typeof read.systemPrompt === "string" ? read.systemPrompt : "",
  };
}

/** @param {string|null} kept */
function parsed(kept) {
  try {
    return JSON.parse(kept ?? "{}") ?? {};
  } catch (error) {
    console.warn("the kept parameters cannot be read and are forgotten", error);
    return {};
  }
}

/**
 * The settings with one number set, or with the checkpoint's default again.
 * @param {Settings} settings
 * @param {string} name
 * @param {number|null} value
 * @returns {Settings}
 */
export function withNumber(settings, name, value) {
  const { [name]: _, ...others } = settings.numbers;
  return { ...settings, numbers: value === null ? others : { ...others, [name]: value } };
}
