// @ts-check
/** Asks this page's own server: requests, event streams, and one error type for all that can go wrong on the way. */

import { has, t } from "./i18n.js";
import { readEvents, SilenceError } from "./sse.js";

const SILENCE_MILLISECONDS = 45_000; // the server's heartbeat comes every 10 seconds
const NOT_MODIFIED = 304;

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
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} an answer that says all went well
 * @throws {ApiError}
 */
export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw unreachable(error);
  }
  if (!response.ok && response.status !== NOT_MODIFIED) throw await refusal(response);
  return response;
}

/**
 * Ask with a JSON body.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 */
export function send(method, path, body = {}, signal) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method, body: JSON.stringify(body), headers, signal });
}

/**
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} [signal]
 */
export function post(path, body, signal) {
  return send("POST", path, body, signal);
}

/** The answer's JSON. @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
export async function getJson(path, options = {}) {
  return (await request(path, { cache: "no-cache", ...options })).json();
}

/**
 * Ask whether something has changed.
 * @param {string} path
 * @param {string|null} etag what `newer` gave before
 * @returns {Promise<{ etag: string|null, value: any }|null>} null while it is as it was
 */
export async function newer(path, etag) {
  const headers = etag === null ? undefined : { "If-None-Match": etag };
  const response = await request(path, { headers, cache: "no-store" });
  if (response.status === NOT_MODIFIED) return null;
  return { etag: response.headers.get("etag"), value: await response.json() };
}

/**
 * The JSON of each event of a stream, and the event's number where it has one.
 * @param {Response} response
 * @returns {AsyncGenerator<{ event: any, number: number|null }, void, void>}
 * @throws {ApiError} when it breaks or falls silent
 */
export async function* numberedEvents(response) {
  if (response.body === null) return;
  try {
    for await (const { data, id } of readEvents(response.body, SILENCE_MILLISECONDS)) {
      yield { event: JSON.parse(data), number: /^\d+$/.test(id) ? Number(id) : null };
    }
  } catch (error) {
    throw broken(error);
  }
}

/**
 * The JSON of each event of a stream.
 * @param {Response} response
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* events(response) {
  for await (const { event } of numberedEvents(response)) yield event;
}

/**
 * A failure that the server could not word.
 * @param {string} code
 * @param {string|null} [requestId]
 */
export function ourError(code, requestId = null) {
  const hint = has(`errors.${code}.hint`) ? t(`errors.${code}.hint`) : null;
  return new ApiError({ message: t(`errors.${code}`), code, hint, requestId });
}

/** @param {Response} response */
export function requestIdOf(response) {
  return response.headers.get("x-request-id");
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
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
  return isAbort(error) ? error : ourError("server_unreachable");
}

/** @param {unknown} error what reading the answer's body threw; an abort stays what it is */
function broken(error) {
  if (isAbort(error)) return error;
  if (error instanceof SyntaxError) return ourError("bad_event");
  return ourError(error instanceof SilenceError ? "silence" : "connection_cut");
}
