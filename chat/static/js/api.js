// @ts-check
/** The server's routes for checkpoints and raw generation: one function for each. */

import { ApiError, events, getJson, ourError, post, request, requestIdOf } from "./http.js";

export { ApiError, post, request };

/** @typedef {import("./types.js").RunEvent} RunEvent */

/**
 * @param {boolean} [rescan] look at the folder again first
 * @returns {Promise<import("./types.js").Listing>}
 */
export function listModels(rescan = false) {
  return getJson(rescan ? "/api/models?rescan=1" : "/api/models");
}

/**
 * Start loading; the status comes back at once and the progress by `modelEvents`.
 * @param {string} id
 * @returns {Promise<import("./types.js").Status>}
 */
export async function loadModel(id) {
  return (await post(`${modelPath(id)}/load`, {})).json();
}

/**
 * Unload, or call off a load under way.
 * @param {string} id
 */
export async function unloadModel(id) {
  return (await post(`${modelPath(id)}/unload`, {})).json();
}

/**
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any, void, void>} changes of models until the connection ends
 */
export async function* modelEvents(signal) {
  yield* events(await request("/api/models/events", { signal, headers: { Accept: "text/event-stream" } }));
}

/**
 * The events of one raw generation. An `error` event is thrown, so the last one yielded is always `done`;
 * the first one, `accepted`, names the run so that it can be stopped before it starts.
 * @param {object} body as `/api/generate` wants it
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<RunEvent, void, void>}
 * @throws {ApiError}
 */
export async function* generate(body, signal) {
  const response = await post("/api/generate", { ...body, stream: true }, signal);
  yield { type: "accepted", run_id: response.headers.get("x-run-id") ?? undefined };
  for await (const event of events(response)) {
    if (event.type === "error") throw new ApiError({ requestId: requestIdOf(response), ...event.error });
    yield event;
    if (event.type === "done") return;
  }
  throw ourError("connection_cut", requestIdOf(response));
}

/** @param {string} runId */
export async function cancelRun(runId) {
  await post(`/api/runs/${encodeURIComponent(runId)}/cancel`, {});
}

/**
 * What a model reads: the tokens of a text as it is, or of messages through the chat template.
 * @param {{ model: string, text?: string, messages?: { role: string, content: string }[], add_special?: boolean }} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ tokens: { id: number, text: string, special: boolean }[], count: number }>}
 */
export async function tokenize(body, signal) {
  return (await post("/api/tokenize", body, signal)).json();
}

/** A checkpoint's address. @param {string} id */
export function modelPath(id) {
  return `/api/models/${id.split("/").map(encodeURIComponent).join("/")}`;
}
