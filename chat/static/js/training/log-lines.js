// @ts-check
/** A log's text as lines with levels, and which of them are wanted. Pure functions. */

export const LEVELS = ["all", "warning", "error"];
const ERROR = /\b(error|exception|traceback|critical|fatal|failed|nan)\b|Error:/i;
const WARNING = /\bwarn(ing)?\b/i;

/** @typedef {{ text: string, level: string }} Line */

const UNTOLD = new Set(["event", "at", "writer"]);

/** A line of JSON as names and values; every other line as it is. @param {string} line */
export function worded(line) {
  if (!line.startsWith("{") || !line.endsWith("}")) return line;
  /** @type {Record<string, unknown>} */
  let told;
  try {
    told = JSON.parse(line);
  } catch {
    return line; // not JSON after all, or cut: it is shown as it was written
  }
  const time = typeof told.at === "number" ? new Date(told.at * 1000).toTimeString().slice(0, 8) : null;
  const values = Object.entries(told).filter(([name]) => !UNTOLD.has(name));
  const words = values.map(([name, value]) => `${name} ${typeof value === "string" ? value : shortened(value)}`);
  return [time, told.event, ...words].filter(Boolean).join("  ");
}

/** @param {unknown} value */
function shortened(value) {
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(5)));
  return JSON.stringify(value);
}

/** @param {string} text of one line */
export function levelOf(text) {
  if (ERROR.test(text)) return "error";
  return WARNING.test(text) ? "warning" : "info";
}

/**
 * Lines from text that comes in pieces: a line whose end has not come waits, and a bar that was drawn anew replaces itself.
 * @param {string} rest what waited before
 * @param {string} text
 * @returns {{ lines: Line[], rest: string }}
 */
export function cut(rest, text) {
  const parts = (rest + text).replaceAll("\r\n", "\n").split("\n");
  const open = parts.pop() ?? "";
  const lines = parts.map((part) => {
    const last = part.split("\r").findLast((piece) => piece !== "") ?? "";
    return { text: worded(last), level: levelOf(last) };
  });
  return { lines, rest: open };
}

/**
 * @param {Line} line
 * @param {string} level the least one
 * @param {string} words all of which have to stand in it
 */
export function isWanted(line, level, words) {
  if (level === "error" && line.level !== "error") return false;
  if (level === "warning" && line.level === "info") return false;
  const text = line.text.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
