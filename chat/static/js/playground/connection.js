// @ts-check
/** Tries the way to a model step by step: server, event stream, worker, model; each step says what it found. */

/** @typedef {"server"|"stream"|"worker"|"model"} StepName */
/** @typedef {"waiting"|"running"|"well"|"failed"|"untried"} StepState */
/** @typedef {{ message: string, hint?: string|null, code?: string }} Reason */
/** @typedef {{ name: StepName, state: StepState, facts: Record<string, number|string>, reason: Reason|null }} Step */

/**
 * What the steps need of the outside.
 * @typedef {object} Outside
 * @property {() => Promise<unknown>} health
 * @property {(signal: AbortSignal) => Promise<{ headersAfter: number, firstBytesAfter: number }>} firstBytes
 * @property {(id: string) => Promise<import("../types.js").Status>} load
 * @property {(id: string) => Promise<import("../types.js").Status>} status
 * @property {(id: string, signal: AbortSignal) => AsyncIterable<Record<string, any>>} shortAnswer
 * @property {() => number} now milliseconds
 * @property {(milliseconds: number) => Promise<void>} pause
 */

/** @type {StepName[]} */
export const STEPS = ["server", "stream", "worker", "model"];
const BUFFERED_AFTER = 4000; // the server sends the stream's first bytes at once
const POLL = 250;
const LOAD_PATIENCE = 10 * 60_000;
const BUNCHED = 0.25; // of the time the server says it wrote for

/** A step that did not find what it looked for. */
class StepFailure extends Error {
  /**
   * @param {string} code a phrase of this page
   * @param {Record<string, number>} [facts]
   */
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

/**
 * Try all steps in order; those after a failed one are not tried.
 * @param {string|null} model
 * @param {Outside} outside
 * @param {AbortSignal} signal
 * @param {(steps: Step[]) => void} show told of every change
 * @returns {Promise<Step[]>}
 */
export async function tryConnection(model, outside, signal, show) {
  /** @type {Step[]} */
  let steps = STEPS.map((name) => ({ name, state: "waiting", facts: {}, reason: null }));
  const set = (/** @type {number} */ index, /** @type {Partial<Step>} */ parts) => {
    steps = steps.with(index, { ...steps[index], ...parts });
    show(steps);
  };
  for (const [index, name] of STEPS.entries()) {
    set(index, { state: "running" });
    try {
      const report = (/** @type {Record<string, number|string>} */ facts) => set(index, { facts });
      set(index, { state: "well", facts: await TRIALS[name](model, outside, signal, report) });
    } catch (error) {
      if (signal.aborted) throw error;
      set(index, { state: "failed", reason: reasonOf(error), facts: error instanceof StepFailure ? error.facts : {} });
      for (let later = index + 1; later < STEPS.length; later += 1) set(later, { state: "untried" });
      break;
    }
  }
  return steps;
}

/**
 * @param {unknown} error
 * @returns {Reason}
 */
function reasonOf(error) {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, hint } = /** @type {Error & { code?: string, hint?: string|null }} */ (error);
  return { message: error.message, code, hint };
}

/** @typedef {(model: string|null, outside: Outside, signal: AbortSignal, report: (facts: Record<string, number|string>) => void) => Promise<Record<string, number|string>>} Trial */

/** @type {Record<StepName, Trial>} */
const TRIALS = { server: tryServer, stream: tryStream, worker: tryWorker, model: tryModel };

/** @type {Trial} */
async function tryServer(_model, outside) {
  const begun = outside.now();
  await outside.health();
  return { milliseconds: outside.now() - begun };
}

/** @type {Trial} */
async function tryStream(_model, outside, signal) {
  const own = new AbortController();
  const late = outside.pause(BUFFERED_AFTER).then(() => null);
  const first = outside.firstBytes(AbortSignal.any([signal, own.signal]));
  first.catch(() => undefined); // awaited in the race; where the pause wins, the stream is called off by us
  try {
    const found = await Promise.race([first, late]);
    if (found === null) throw new StepFailure("stream_buffered", { milliseconds: BUFFERED_AFTER });
    return { milliseconds: found.firstBytesAfter, gap: found.firstBytesAfter - found.headersAfter };
  } finally {
    own.abort();
  }
}

/** @type {Trial} */
async function tryWorker(model, outside, signal, report) {
  if (model === null) throw new StepFailure("no_model");
  const begun = outside.now();
  let status = await outside.status(model);
  if (status.state !== "ready") status = await outside.load(model);
  while (["queued", "loading", "unloading"].includes(status.state)) {
    if (outside.now() - begun > LOAD_PATIENCE) throw new StepFailure("load_too_long", { milliseconds: LOAD_PATIENCE });
    report({ fraction: status.progress?.fraction ?? 0 });
    await outside.pause(POLL);
    signal.throwIfAborted();
    status = await outside.status(model);
  }
  if (status.state !== "ready") throw Object.assign(new Error(status.error?.message ?? status.state), status.error);
  return { milliseconds: outside.now() - begun, pid: Number(Reflect.get(status, "pid") ?? 0) };
}

/** @type {Trial} */
async function tryModel(model, outside, signal) {
  const begun = outside.now();
  /** @type {number[]} */
  const arrivals = [];
  /** @type {Record<string, any>|null} */
  let done = null;
  for await (const event of outside.shortAnswer(String(model), signal)) {
    if (event.type === "token") arrivals.push(outside.now() - begun);
    if (event.type === "done") done = event;
  }
  if (arrivals.length === 0) throw new StepFailure("no_token");
  const spread = arrivals[arrivals.length - 1] - arrivals[0];
  const written = done?.timings?.decode_ms ?? 0;
  const gap = arrivals.length > 1 ? spread / (arrivals.length - 1) : 0;
  if (arrivals.length > 2 && written > 200 && spread < BUNCHED * written) {
    throw new StepFailure("tokens_bunched", { gap, milliseconds: written });
  }
  return { milliseconds: arrivals[0], tokens: arrivals.length, gap };
}
