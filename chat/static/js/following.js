// @ts-check
/** Follows a run to its end over any number of connections; what is missed meanwhile is had again by its number. */

import { ApiError, isAbort, ourError } from "./http.js";

/** @typedef {import("./types.js").RunEvent} RunEvent */

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
const FINAL_REFUSALS = ["run_not_found", "not_allowed", "missing_key", "wrong_key"];

/**
 * @typedef {object} Reader
 * @property {(from: number, signal: AbortSignal) => AsyncIterable<{ event: RunEvent, number: number|null }>} events
 * @property {(event: RunEvent) => void} take
 * @property {() => void} lost the connection broke, and another one is tried
 */

/**
 * Read a run's events until `done` or `error`, or until the signal.
 * @param {Reader} reader
 * @param {AbortSignal} signal
 * @param {(milliseconds: number, signal: AbortSignal) => Promise<unknown>} [pause]
 * @throws {ApiError} where the server no longer knows the run
 */
export async function followRun(reader, signal, pause = patience) {
  let from = 0;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const { event, number } of reader.events(from, signal)) {
        if (number !== null) from = number + 1;
        failures = 0;
        reader.take(event);
        if (event.type === "done" || event.type === "error") return;
      }
      throw ourError("connection_cut");
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (!(error instanceof ApiError) || FINAL_REFUSALS.includes(error.code)) throw error;
      reader.lost();
      await pause(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures) * (0.75 + Math.random() / 4), signal);
    }
  }
}

/**
 * Wait; a network that came back or a page that is seen again ends it early.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
export function patience(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("online", over);
      document.removeEventListener("visibilitychange", over);
      resolve(null);
    };
    const timer = setTimeout(over, milliseconds);
    addEventListener("online", over);
    document.addEventListener("visibilitychange", over);
    signal.addEventListener("abort", over, { once: true });
  });
}
