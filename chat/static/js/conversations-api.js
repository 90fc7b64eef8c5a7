// @ts-check
/** The server's routes for conversations, messages, runs and presets: one function for each. */

import { getJson, newer, numberedEvents, post, request, send } from "./http.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").RunEvent} RunEvent */
/** @typedef {{ run_id: string, user_message: Message|null, assistant_message: Message }} Asked */
/** @typedef {{ name: string, model: string|null, parameters: Record<string, any>, system: string|null, built_in: boolean }} Preset */

const ROOT = "/api/conversations";

/**
 * Some of the conversations, or null while they are as they were.
 * @param {{ words?: string, archived?: boolean, before?: string|null, limit?: number }} which
 * @param {string|null} [etag]
 */
export function listConversations({ words = "", archived = false, before = null, limit = 50 }, etag = null) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (words) query.set("search", words);
  if (archived) query.set("archived", "1");
  if (before) query.set("before", before);
  return newer(`${ROOT}?${query}`, etag);
}

/**
 * A new conversation.
 * @param {{ model?: string|null, system?: string|null, parameters?: object }} how
 * @returns {Promise<Entry>}
 */
export async function createConversation(how) {
  return (await post(ROOT, how)).json();
}

/**
 * A conversation with the end of what it shows, or null while it is as it was.
 * @param {string} id
 * @param {{ limit?: number, before?: string|null, etag?: string|null }} [which]
 */
export function readConversation(id, { limit = 50, before = null, etag = null } = {}) {
  const query = new URLSearchParams({ view: "path", limit: String(limit) });
  if (before) query.set("before", before);
  return newer(`${ROOT}/${encodeURIComponent(id)}?${query}`, etag);
}

/**
 * @param {string} id
 * @param {object} changes what is not named stays
 * @returns {Promise<Entry>}
 */
export async function changeConversation(id, changes) {
  return (await send("PATCH", `${ROOT}/${encodeURIComponent(id)}`, changes)).json();
}

/** @param {string} id */
export async function deleteConversation(id) {
  await request(`${ROOT}/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Bring back what was deleted. @param {string} id */
export async function restoreConversation(id) {
  await post(`${ROOT}/${encodeURIComponent(id)}/restore`, {});
}

/**
 * A conversation of its own that goes up to this message.
 * @param {string} id
 * @param {string} messageId
 * @returns {Promise<Entry>}
 */
export async function forkConversation(id, messageId) {
  return (await post(`${ROOT}/${encodeURIComponent(id)}/fork`, { message_id: messageId })).json();
}

/**
 * Where a conversation can be had as a file.
 * @param {string} id
 * @param {"md"|"json"|"jsonl"} format
 */
export function exportAddress(id, format) {
  return `${ROOT}/${encodeURIComponent(id)}/export?format=${format}`;
}

/** @param {string} text of a file that was exported before */
export async function importConversations(text) {
  const headers = { "Content-Type": "application/json" };
  return (await request(`${ROOT}/import`, { method: "POST", body: text, headers })).json();
}

/**
 * Ask, and get the run of the answer; with `generate: false` the message is only added.
 * @param {string} id of the conversation
 * @param {object} body
 * @returns {Promise<Asked>}
 */
export async function postMessage(id, body) {
  return (await post(`${ROOT}/${encodeURIComponent(id)}/messages`, body)).json();
}

/**
 * Have a message answered again, gone on with, or made once more exactly.
 * @param {string} id
 * @param {"regenerate"|"continue"|"rerun"} act
 * @param {object} [how]
 * @returns {Promise<Asked>}
 */
export async function answerMessage(id, act, how = {}) {
  return (await post(`/api/messages/${encodeURIComponent(id)}/${act}`, how)).json();
}

/**
 * A version of a message with other words.
 * @param {string} id
 * @param {string} content
 * @returns {Promise<Message>}
 */
export async function editMessage(id, content) {
  return (await (await send("PATCH", `/api/messages/${encodeURIComponent(id)}`, { content })).json()).message;
}

/** @param {string} id */
export async function deleteMessage(id) {
  await request(`/api/messages/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Bring a deleted message and what hung on it back. @param {string} id */
export async function restoreMessage(id) {
  await post(`/api/messages/${encodeURIComponent(id)}/restore`, {});
}

/**
 * The events of a run from number `from` on.
 * @param {string} runId
 * @param {number} from
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ event: RunEvent, number: number|null }, void, void>}
 */
export async function* runEvents(runId, from, signal) {
  yield* numberedEvents(await request(`/api/runs/${encodeURIComponent(runId)}/events?from=${from}`, { signal }));
}

/** @param {string|null} model @returns {Promise<Preset[]>} */
export async function listPresets(model) {
  const query = model === null ? "" : `?${new URLSearchParams({ model })}`;
  return (await getJson(`/api/presets${query}`)).presets;
}

/** @param {string} name @param {{ model: string|null, parameters: object, system: string|null }} preset */
export async function putPreset(name, preset) {
  await send("PUT", `/api/presets/${encodeURIComponent(name)}`, preset);
}

/** @param {string} name @param {string|null} model */
export async function deletePreset(name, model) {
  const query = model === null ? "" : `?${new URLSearchParams({ model })}`;
  await request(`/api/presets/${encodeURIComponent(name)}${query}`, { method: "DELETE" });
}
