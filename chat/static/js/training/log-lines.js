// @ts-check
/** A log's text as lines with levels, and which of them are wanted. Pure functions. */

export const LEVELS = ["all", "warning", "error"];
const ERROR = /\b(error|exception|traceback|critical|fatal|failed|nan)\b|Error:/i;
const WARNING = /\bwarn(ing)?\b/i;

/** @typedef {{ text: string, level: string }} Line */

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
    return { text: last, level: levelOf(last) };
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
