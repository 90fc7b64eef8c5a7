// @ts-check
/** The routes that the checkpoint browser uses: one function each. */

import { modelPath } from "../api.js";
import { ApiError, post, request } from "../http.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {{ files: string[], config: unknown, template: string|null, metrics: boolean }} Details */
/** @typedef {{ name: string, kind: string, points: [number, number][] }} Series */
/** @typedef {{ id: number, text: string, special: boolean }} ProbeToken */
/** @typedef {"check"|"export"} JobKind */

/**
 * A long piece of work on the server.
 * @typedef {object} Job
 * @property {string} id
 * @property {string} state queued, running, succeeded, failed, cancelled or interrupted
 * @property {number|null} [progress]
 * @property {string|null} [message]
 * @property {any} [result]
 * @property {{ code: string, message: string, hint?: string|null }|null} [error]
 */

/**
 * @param {string} id
 * @param {{ precision?: string, pinned?: boolean }} options
 * @returns {Promise<import("../types.js").Status>}
 */
export async function load(id, options) {
  return (await post(`${modelPath(id)}/load`, options)).json();
}

/** @param {string} id @returns {Promise<Model & Details>} */
export async function details(id) {
  return (await request(modelPath(id), {})).json();
}

/** @param {string} id @returns {Promise<Series[]>} the curves that were logged beside the checkpoint */
export async function metrics(id) {
  const answer = await (await request(`${modelPath(id)}/metrics`, {})).json();
  return answer.series;
}

/**
 * @param {string} model
 * @param {string} text
 * @returns {Promise<ProbeToken[]>}
 */
export async function tokenize(model, text) {
  const answer = await (await post("/api/tokenize", { model, text })).json();
  return answer.tokens;
}

/**
 * @param {string} id
 * @param {JobKind} kind
 * @param {object} options
 * @returns {Promise<Job>}
 */
export async function begin(id, kind, options) {
  return (await (await post(`${modelPath(id)}/${kind}`, options)).json()).job;
}

/** @param {string} id @returns {Promise<Job>} */
export async function job(id) {
  const answer = await (await request(`/api/jobs/${encodeURIComponent(id)}`, {})).json();
  return answer.job;
}

/** @returns {Promise<{ total_bytes: number, available_bytes: number }>} the machine's memory */
export async function machineMemory() {
  return (await (await request("/api/system", {})).json()).memory;
}

/** @param {string} id @param {JobKind} kind whether this server can do that */
export function offers(id, kind) {
  return allows(`${modelPath(id)}/${kind}`);
}

/**
 * Whether there is a route to POST to, asked without doing anything.
 * @param {string} path
 */
export async function allows(path) {
  try {
    const response = await request(path, { method: "OPTIONS" });
    return (response.headers.get("allow") ?? "").includes("POST");
  } catch (error) {
    if (error instanceof ApiError && error.code !== "server_unreachable") return false;
    throw error;
  }
}
