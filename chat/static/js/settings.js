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

/**
 * What a conversation is asked with: only what was set, so that the checkpoint's own defaults fill the rest.
 * @typedef {{ parameters: Record<string, any>, system: string|null }} Settings
 */

/** @type {Settings} */
export const NOTHING_SET = { parameters: {}, system: null };

/**
 * One stop string a line; \n and \t stand for a line end and a tab, since neither could be typed there.
 * @param {string} text
 * @returns {string[]}
 */
export function stopStrings(text) {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
}

/** The lines that stand for these stop strings. @param {unknown} strings */
export function stopText(strings) {
  if (!Array.isArray(strings)) return "";
  return strings.map((each) => String(each).replaceAll("\n", "\\n").replaceAll("\t", "\\t")).join("\n");
}

/**
 * The settings with one parameter set, or left to the checkpoint again.
 * @param {Settings} settings
 * @param {string} name
 * @param {unknown} value null leaves it
 * @returns {Settings}
 */
export function withParameter(settings, name, value) {
  const { [name]: _, ...others } = settings.parameters;
  return { ...settings, parameters: value === null ? others : { ...others, [name]: value } };
}

/**
 * Settings from what was kept; what is not understood is left out.
 * @param {string|null} kept
 * @returns {Settings}
 */
export function settingsFrom(kept) {
  const { parameters, system } = parsed(kept);
  return { parameters: understood(parameters), system: typeof system === "string" && system !== "" ? system : null };
}

/** The parameters among what a file or the browser kept. @param {unknown} given @returns {Record<string, any>} */
export function understood(given) {
  const names = new Set(PARAMETERS.map((parameter) => parameter.name));
  const isKnown = ([/** @type {string} */ name, /** @type {unknown} */ value]) =>
    (names.has(name) && Number.isFinite(value)) ||
    (name === "stop" && Array.isArray(value) && value.every((each) => typeof each === "string"));
  return Object.fromEntries(Object.entries(Object(given)).filter(isKnown));
}

/** @param {string|null} kept */
function parsed(kept) {
  try {
    return Object(JSON.parse(kept ?? "{}"));
  } catch (error) {
    console.warn("the kept parameters cannot be read and are forgotten", error);
    return {};
  }
}
