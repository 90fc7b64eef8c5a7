// @ts-check
/** The routes that the page of trainings uses: one function each. */

import { modelPath } from "../api.js";
import { events, getJson, post, request } from "../http.js";

/**
 * A run as the server lists it; what is not known is null.
 * @typedef {object} Run
 * @property {string} id
 * @property {string} name
 * @property {string} state running, paused, finished, stalled or failed
 * @property {number|null} step
 * @property {number|null} total_steps
 * @property {number|null} epoch
 * @property {number|null} [total_epochs]
 * @property {number|null} progress from 0 to 1
 * @property {number|null} eta_seconds
 * @property {number|null} tokens_per_second
 * @property {Record<string, number|null>} losses train, validation, best_validation, best_validation_step
 * @property {number|null} learning_rate
 * @property {number|null} started_at
 * @property {number|null} updated_at
 * @property {string[]} [kinds]
 * @property {Metric[]} [metrics]
 * @property {{ code: string, message: string }[]} warnings
 * @property {string[]} controls
 * @property {Checkpoint[]} checkpoints
 * @property {boolean} [log]
 * @property {string|null} [job]
 */
/** @typedef {{ name: string, kind: string }} Metric */
/** @typedef {{ id: string, step: number|null, size_bytes: number|null, modified_at: number|null }} Checkpoint */
/** @typedef {[number, number|null, number|null, number|null]} Point x, the value, the smallest and the largest around it */
/** @typedef {{ name: string, kind: string, points: Point[] }} Series */
/** @typedef {{ conversation: string, title: string, checkpoint: string, step: number|null, answers: number, answered_at: number }} Chat */
/**
 * @typedef {{ x: number|null, step: number|null, at: number|null, kind: string, text: string|null, checkpoint: string|null, chats?: Chat[] }} Mark
 * `chats` are the conversations that a mark of the kind chat stands for
 */
/** @typedef {{ series: Series[], marks?: Mark[], complete?: boolean }} Curves `complete` is false while the log is still being read */
/** @typedef {{ text: string, next_offset: number, end: boolean, size?: number }} LogPart */
/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind
 * @property {string} state queued, running, succeeded, failed, cancelled or interrupted
 * @property {Record<string, unknown>} [parameters]
 * @property {string|null} [stage]
 * @property {number|null} [progress]
 * @property {number|null} [current]
 * @property {number|null} [total]
 * @property {string|null} [message]
 * @property {number|null} [created_at]
 * @property {number|null} [started_at]
 * @property {number|null} [ended_at]
 * @property {number|null} [exit_code]
 * @property {{ code: string, message: string, hint?: string|null, last_lines?: string[] }|null} [error]
 * @property {any} [result]
 * @property {string|null} [run]
 * @property {string|null} [elsewhere] the machine of the server that it belongs to, where that is another one
 */

/** @returns {Promise<Run[]>} */
export async function listRuns() {
  return (await getJson("/api/training/runs")).runs;
}

/** @param {AbortSignal} signal @returns {AsyncGenerator<any, void, void>} what happens to the runs */
export async function* runEvents(signal) {
  yield* events(await request("/api/training/events", { signal, headers: { Accept: "text/event-stream" } }));
}

/**
 * @param {string} id
 * @param {string[]} names
 * @param {string} axis step, time or tokens
 * @param {number} points at most, for each curve
 * @param {[number, number]|null} range in which they lie, null for all
 * @returns {Promise<Curves>}
 */
export function curves(id, names, axis, points, range) {
  const query = new URLSearchParams({ names: names.join(","), x: axis, points: String(points) });
  if (range) for (const [name, end] of [["from", range[0]], ["to", range[1]]]) query.set(String(name), String(end));
  return getJson(`${runPath(id)}/series?${query}`);
}

/** @param {string} id @returns {Promise<Chat[]>} one's own conversations with the run's checkpoints, the newest first */
export async function chats(id) {
  return (await getJson(`${runPath(id)}/chats`)).chats;
}

/** @param {string} id @param {number} offset counts from the end where it is negative @returns {Promise<LogPart>} */
export function runLog(id, offset) {
  return getJson(`${runPath(id)}/log?offset=${offset}`);
}

/** @param {string} id @returns {Promise<Record<string, unknown>>} */
export async function configuration(id) {
  return (await getJson(`${runPath(id)}/config`)).config;
}

/**
 * @param {string} id
 * @param {string} act
 * @param {number} [value]
 */
export async function control(id, act, value) {
  await post(`${runPath(id)}/control`, value === undefined ? { act } : { act, value });
}

/** @returns {Promise<Job[]>} the newest first */
export async function listJobs() {
  return (await getJson("/api/jobs")).jobs;
}

/** @param {string} kind @param {object} parameters @returns {Promise<Job>} */
export async function startJob(kind, parameters) {
  return (await (await post("/api/jobs", { kind, parameters })).json()).job;
}

/** @param {string} id */
export async function cancelJob(id) {
  await post(`/api/jobs/${encodeURIComponent(id)}/cancel`, {});
}

/** @param {string} id @param {number} offset @returns {Promise<LogPart>} */
export function jobLog(id, offset) {
  return getJson(`/api/jobs/${encodeURIComponent(id)}/log?offset=${offset}`);
}

/** @returns {Promise<any>} the machine */
export function machine() {
  return getJson("/api/system");
}

/** @param {string} id of a checkpoint @returns {Promise<import("../types.js").Status>} */
export function status(id) {
  return getJson(`${modelPath(id)}/status`);
}

/** @param {string} id */
function runPath(id) {
  return `/api/training/runs/${id.split("/").map(encodeURIComponent).join("/")}`;
}
