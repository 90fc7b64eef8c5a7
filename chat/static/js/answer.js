// @ts-check
/** The rules of one message: how it begins, and what an event of its run makes of it. Pure functions, no page. */

import { withBlock } from "./transcript/blocks.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").RunEvent} RunEvent */

/** An id of our own: crypto.randomUUID is missing where the page comes over plain HTTP from another machine. */
export function freshId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36).padStart(7, "0")).join("");
}

/**
 * A question that the server has yet to hear; it keeps its id there.
 * @param {string} content
 * @param {string|null} parentId
 * @param {string[]} [siblings] the other versions of it
 * @returns {Message}
 */
export function pendingQuestion(content, parentId, siblings = []) {
  const id = freshId();
  const made = { id, parent_id: parentId, content, siblings: [...siblings, id], isPending: true };
  return { ...made, role: "user", status: "complete" };
}

/**
 * An answer that has no text yet.
 * @param {string|null} model
 * @param {string|null} parentId
 * @param {{ siblings?: string[], raw?: boolean, content?: string }} [how]
 * @returns {Message}
 */
export function pendingAnswer(model, parentId, { siblings = [], raw = false, content = "" } = {}) {
  const id = freshId();
  const made = { id, parent_id: parentId, content, model, siblings: [...siblings, id], asked: raw ? { raw } : {} };
  return { ...made, role: "assistant", status: "streaming", progress: null, isPending: true };
}

/**
 * What an event of its run makes of an answer.
 * @param {Message} answer
 * @param {RunEvent} event
 * @returns {Message}
 */
export function answerAfter(answer, event) {
  switch (event.type) {
    case "start":
      return { ...answer, limit: event.max_new_tokens ?? null, progress: { stage: "prefill", fraction: 0 } };
    case "progress":
      return { ...answer, progress: progressOf(event) };
    case "token":
      return withToken(answer, event.text ?? "");
    case "block":
      return { ...answer, blocks: withBlock(answer.blocks ?? [], blockOf(event)) };
    case "snapshot":
      return { ...answer, content: event.text ?? "", blocks: (event.blocks ?? []).reduce(withBlock, []), progress: null };
    case "done":
    case "error":
      return ended(answer, event);
    default:
      return answer;
  }
}

/** @param {RunEvent} event */
function progressOf({ stage = "", fraction = 0, queue_position = 0 }) {
  return { stage, fraction, queue_position };
}

/** @param {Message} answer @param {string} text */
function withToken(answer, text) {
  return { ...answer, content: answer.content + text, tokens: (answer.tokens ?? 0) + 1, progress: null };
}

/** @param {any} event @returns {import("./transcript/blocks.js").BlockEvent} */
function blockOf({ index, html, final, append }) {
  return { index, html, final, append };
}

/**
 * The stored message is the truth; what could not be stored ends as the event says.
 * @param {Message} answer
 * @param {RunEvent} event
 * @returns {Message}
 */
function ended(answer, event) {
  const { siblings, blocks, limit } = answer;
  if (event.message) return { ...event.message, siblings, blocks, limit };
  if (event.type === "error") return { ...answer, status: "failed", progress: null, error: event.error ?? null };
  return {
    ...answer,
    content: event.text ?? answer.content,
    status: event.finish_reason === "cancelled" ? "cancelled" : "complete",
    progress: null,
    finish_reason: event.finish_reason ?? null,
    usage: event.usage ?? null,
    timings: event.timings ?? null,
  };
}
