// @ts-check
/** Talks to the server: one function per route, and one error type for all that can go wrong on the way. */

import { has, t } from "./i18n.js";
import { readEvents, SilenceError } from "./sse.js";

/** @typedef {import("./types.js").RunEvent} RunEvent */

const SILENCE_MILLISECONDS = 45_000; // the server's heartbeat comes every 10 seconds

/** A failure as the server words it, or as we must where the server could not. */
export class ApiError extends Error {
  /** @param {{ message: string, code: string, hint?: string|null, param?: string|null, requestId?: string|null }} _ */
  constructor({ message, code, hint = null, param = null, requestId = null }) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.param = param;
    this.requestId = requestId;
  }
}

/**
 * @param {boolean} [rescan] look at the folder again first
 * @returns {Promise<import("./types.js").Listing>}
 */
export async function listModels(rescan = false) {
  const response = await request(rescan ? "/api/models?rescan=1" : "/api/models", { cache: "no-cache" });
  return response.json();
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
  const response = await request("/api/models/events", { signal, headers: { Accept: "text/event-stream" } });
  yield* messages(response);
}

/**
 * The events of one answer. An `error` event is thrown, so the last one yielded is always `done`;
 * the first one, `accepted`, names the run so that it can be stopped before it starts.
 * @param {object} body as `/api/generate` wants it
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<RunEvent, void, void>}
 * @throws {ApiError}
 */
export async function* generate(body, signal) {
  const response = await post("/api/generate", { ...body, stream: true }, signal);
  yield { type: "accepted", run_id: response.headers.get("x-run-id") ?? undefined };
  for await (const event of messages(response)) {
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
 * Empty a conversation, or start a new one where there is no id yet.
 * @param {string|null} conversationId
 * @returns {Promise<string|null>} the id of the conversation to go on with
 */
export async function clearConversation(conversationId) {
  const body = conversationId === null ? {} : { conversation_id: conversationId };
  const answer = await (await post("/api/chat/clear", body)).json();
  return answer.conversation_id ?? null;
}

/** @param {string} id */
export function modelPath(id) {
  return `/api/models/${id.split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} [signal]
 */
export function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", body: JSON.stringify(body), headers, signal });
}

/**
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<Response>} an answer that says all went well
 * @throws {ApiError}
 */
export async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw unreachable(error);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/**
 * @param {Response} response
 * @returns {AsyncGenerator<any, void, void>} the JSON of each event
 */
export async function* messages(response) {
  if (response.body === null) return;
  try {
    for await (const event of readEvents(response.body, SILENCE_MILLISECONDS)) yield JSON.parse(event.data);
  } catch (error) {
    throw broken(error);
  }
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function refusal(response) {
  const requestId = requestIdOf(response);
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/json")) {
    const { error } = await response.json();
    if (error) return new ApiError({ ...error, requestId });
  }
  const message = t("errors.without_reason", { status: String(response.status) });
  return new ApiError({ message, code: `http_${response.status}`, requestId });
}

/** @param {unknown} error what fetch threw before there was an answer; an abort stays what it is */
function unreachable(error) {
  if (isAbort(error)) return error;
  return ourError("server_unreachable");
}

/** @param {unknown} error what reading the answer's body threw; an abort stays what it is */
function broken(error) {
  if (isAbort(error)) return error;
  if (error instanceof SyntaxError) return ourError("bad_event");
  return ourError(error instanceof SilenceError ? "silence" : "connection_cut");
}

/**
 * A failure that the server could not word.
 * @param {string} code
 * @param {string|null} [requestId]
 */
function ourError(code, requestId = null) {
  const hint = has(`errors.${code}.hint`) ? t(`errors.${code}.hint`) : null;
  return new ApiError({ message: t(`errors.${code}`), code, hint, requestId });
}

/** @param {unknown} error */
function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** @param {Response} response */
function requestIdOf(response) {
  return response.headers.get("x-request-id");
}
