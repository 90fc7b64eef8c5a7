// @ts-check
/** The marks at a chart's foot: checkpoints to talk to, conversations with them, and what was done to the run. */

import { svg } from "../checkpoints/svg.js";
import { has, t } from "../i18n.js";
import { place } from "./words.js";

/** @typedef {import("./api.js").Mark} Mark */

const TARGET = 12; // the radius within which a mark is hit
const DEPTH = 12; // below the line of the lowest value

/**
 * @param {Mark[]} marks
 * @param {import("./plot.js").Range} seen
 * @param {import("./chart.js").Frame} frame
 * @param {string} axis
 * @param {(mark: Mark, at: DOMRect) => void} open called for a checkpoint that was chosen
 */
export function marksOf(marks, [from, to], frame, axis, open) {
  const made = svg("g", { class: "chart-marks" });
  const inside = marks.filter(({ x }) => x !== null && x >= from && x <= to);
  const draw = { checkpoint, chat };
  for (const mark of inside) made.append((draw[/** @type {keyof draw} */ (mark.kind)] ?? act)(mark, frame, axis, open));
  return made;
}

/** "Order", "Sample", …  @param {Mark} mark */
export function markName({ kind }) {
  return has(`training.mark_${kind}`) ? t(`training.mark_${kind}`) : kind;
}

/** What a mark tells: an order by its name, everything else as it was written.  @param {Mark} mark */
export function saidBy({ kind, text }) {
  if (text === null) return "";
  return kind === "control" && has(`training.act_${text}`) ? t(`training.act_${text}`) : text;
}

/** @param {Mark} mark @param {string} axis */
export function markWords(mark, axis) {
  const told = mark.kind === "checkpoint" ? (mark.checkpoint ?? "") : saidBy(mark);
  return [markName(mark), told, mark.step === null || mark.step === undefined ? place(Number(mark.x), axis) : place(mark.step, "step")]
    .filter(Boolean)
    .join(" · ");
}

/**
 * @param {Mark} mark
 * @param {import("./chart.js").Frame} frame
 * @param {string} axis
 * @param {(mark: Mark, at: DOMRect) => void} open
 */
function checkpoint(mark, frame, axis, open) {
  const centre = { cx: frame.x.at(Number(mark.x)).toFixed(1), cy: frame.bottom + DEPTH };
  const isThere = mark.checkpoint !== null;
  const group = svg("g", isThere ? { class: "chart-checkpoint", "data-checkpoint": String(mark.checkpoint) } : { class: "chart-checkpoint is-gone" });
  const target = svg("circle", { class: "chart-target", ...centre, r: TARGET });
  group.append(svg("circle", { class: "chart-mark", ...centre, r: 4.5 }), target, svg("title", {}, markWords(mark, axis)));
  if (isThere) group.addEventListener("click", () => open(mark, target.getBoundingClientRect()));
  return group;
}

/**
 * A bubble above the checkpoint's mark: it leads to the conversation, or to the choice where there are several.
 * @param {Mark} mark
 * @param {import("./chart.js").Frame} frame
 * @param {string} axis
 * @param {(mark: Mark, at: DOMRect) => void} open
 */
function chat(mark, { x, bottom }, axis, open) {
  const [middle, height] = [x.at(Number(mark.x)), bottom - TARGET];
  const chats = mark.chats ?? [];
  const target = svg("circle", { class: "chart-target", cx: middle.toFixed(1), cy: height, r: TARGET });
  const bubble = svg("path", { class: "chart-bubble", d: `M${(middle - 7).toFixed(1)} ${height - 6}h14v9h-8l-3 4v-4h-3z` });
  const group = chats.length === 1 ? svg("a", { class: "chart-chat", href: conversationAddress(chats[0]), tabindex: -1 }) : svg("g", { class: "chart-chat" });
  group.append(bubble, target, svg("title", {}, markWords(mark, axis)));
  if (chats.length !== 1) group.addEventListener("click", () => open(mark, target.getBoundingClientRect()));
  return group;
}

/** @param {import("./api.js").Chat} chat */
export function conversationAddress({ conversation }) {
  return `/c/${encodeURIComponent(conversation)}`;
}

/** @param {Mark} mark @param {import("./chart.js").Frame} frame @param {string} axis */
function act(mark, { x, top, bottom }, axis) {
  const middle = x.at(Number(mark.x)).toFixed(1);
  const words = svg("title", {}, markWords(mark, axis));
  if (mark.kind === "sample") {
    return svg("g", { class: "chart-act", "data-kind": mark.kind }, svg("path", { d: `M${middle} ${top - 8}l4 4l-4 4l-4 -4z` }), words);
  }
  const line = svg("line", { x1: middle, x2: middle, y1: top, y2: bottom + DEPTH - 4 });
  const foot = svg("path", { d: `M${Number(middle) - 4} ${bottom + DEPTH + 4}l4 -7l4 7z` });
  return svg("g", { class: "chart-act", "data-kind": mark.kind }, line, foot, words);
}
