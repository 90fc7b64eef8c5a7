// @ts-check
/** The routes that the playground uses: one function each. */

import { modelPath } from "../api.js";
import { post, request } from "../http.js";

/** @typedef {import("./run.js").Candidate} Candidate */
/** @typedef {{ id: number, text: string, logprob: number|null, rank: number|null, entropy: number|null, top: Candidate[] }} ScoredToken */
/** @typedef {{ tokens: ScoredToken[], nats: number, perplexity: number|null, bits_per_byte: number|null }} Scores */
/** @typedef {{ before: Candidate[], after: Candidate[] }} Distribution */

/** @returns {Promise<unknown>} */
export async function health() {
  return (await request("/health", { cache: "no-store" })).json();
}

/** @param {string} id @returns {Promise<import("../types.js").Status>} */
export async function status(id) {
  return (await request(`${modelPath(id)}/status`, { cache: "no-store" })).json();
}

/** @param {object} body as `/api/next_token` wants it @returns {Promise<Distribution>} */
export async function nextToken(body) {
  return (await post("/api/next_token", body)).json();
}

/** @param {object} body as `/api/score` wants it @returns {Promise<Scores>} */
export async function score(body) {
  return (await post("/api/score", body)).json();
}

/**
 * How long an event stream takes to its headers and to its first bytes, which the server sends at once.
 * @param {AbortSignal} signal ends the stream
 */
export async function firstBytes(signal) {
  const begun = performance.now();
  const response = await request("/api/models/events", { signal, headers: { Accept: "text/event-stream" } });
  const headersAfter = performance.now() - begun;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  await reader.read();
  const firstBytesAfter = performance.now() - begun;
  reader.cancel().catch(() => undefined); // rejects only where the stream has failed, and its first bytes were there
  return { headersAfter, firstBytesAfter };
}
