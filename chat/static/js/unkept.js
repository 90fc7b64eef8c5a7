// @ts-check
/** Answers that no database keeps: raw generation over what stands on the page. What is said ends with the page. */

import { ApiError, isAbort, ourError } from "./http.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").RunEvent} RunEvent */
/** @typedef {AsyncGenerator<RunEvent, void, void>} Events */

/**
 * What is generated from: the text so far for a model that goes on with texts, else the messages.
 * @param {import("./types.js").Conversation} conversation whose last message is the answer that is waited for
 */
export function requestFor({ system, parameters, messages }) {
  const answer = /** @type {Message} */ (messages.at(-1));
  const said = messages.slice(0, -1).filter(({ content }) => content !== "");
  const how = { ...parameters, model: answer.model };
  if (answer.asked?.raw) return { ...how, prompt: [system ?? "", ...said.map(({ content }) => content)].join("") };
  const turns = said.map(({ role, content }) => ({ role, content }));
  return { ...how, messages: system ? [{ role: "system", content: system }, ...turns] : turns };
}

/** The runs of answers that are not kept; each is read once. */
export class Unkept {
  /** @type {Map<string, { events: Events, stop: AbortController }>} */
  #runs = new Map();
  #store;
  #generate;

  /**
   * @param {import("./store.js").Store} store
   * @param {(body: object, signal: AbortSignal) => Events} generate
   */
  constructor(store, generate) {
    this.#store = store;
    this.#generate = generate;
  }

  /**
   * Have the last message of the page written.
   * @returns {Promise<import("./conversations-api.js").Asked>}
   * @throws {ApiError}
   */
  async begin() {
    const { conversation } = this.#store.state;
    const { messages } = conversation;
    const [answer, question = null] = messages.toReversed().map((message) => ({ ...message, isPending: false }));
    const stop = new AbortController();
    const events = this.#generate(requestFor(conversation), stop.signal);
    const { value } = await events.next();
    const run_id = (value && value.run_id) ?? answer.id;
    this.#runs.set(run_id, { events, stop });
    return { run_id, user_message: question, assistant_message: answer };
  }

  /**
   * The events of a run; who stops reading ends it.
   * @param {string} runId
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<{ event: RunEvent, number: null }, void, void>}
   */
  async *events(runId, signal) {
    const run = this.#runs.get(runId);
    if (run === undefined) throw ourError("run_not_found");
    this.#runs.delete(runId);
    signal.addEventListener("abort", () => run.stop.abort(), { once: true });
    try {
      for await (const event of run.events) yield { event, number: null };
    } catch (error) {
      if (isAbort(error) || !(error instanceof ApiError)) throw error;
      const { message, code, hint } = error;
      yield { event: { type: "error", error: { message, code, hint } }, number: null };
    }
  }
}
