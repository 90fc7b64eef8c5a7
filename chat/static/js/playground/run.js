// @ts-check
/** What one completion has come to: a pure reducer from its events to tokens, counts and times. */

import { probabilityOf } from "./levels.js";

/** @typedef {{ id: number, text: string, logprob: number }} Candidate */

/**
 * `milliseconds` passed since the token before it came, or since the request where it is the first.
 * @typedef {object} TokenRow
 * @property {number} index
 * @property {number} id
 * @property {string} text
 * @property {number|null} probability
 * @property {number} milliseconds
 * @property {Candidate[]} top
 * @property {number|null} [rank]
 * @property {number|null} [entropy]
 */

/**
 * @typedef {object} Completion
 * @property {"idle"|"waiting"|"writing"|"done"|"failed"} phase
 * @property {string} prompt
 * @property {string|null} runId
 * @property {string|null} model
 * @property {TokenRow[]} tokens
 * @property {number|null} promptTokens
 * @property {number|null} cachedTokens
 * @property {number|null} seed
 * @property {{ stage: string, fraction: number }|null} progress
 * @property {number} lastAt when the last token came, in milliseconds since the request
 * @property {number|null} firstAt
 * @property {string|null} finishReason
 * @property {Record<string, number>|null} timings
 * @property {string} text
 */

/** @type {Completion} */
export const NOTHING = {
  phase: "idle",
  prompt: "",
  runId: null,
  model: null,
  tokens: [],
  promptTokens: null,
  cachedTokens: null,
  seed: null,
  progress: null,
  lastAt: 0,
  firstAt: null,
  finishReason: null,
  timings: null,
  text: "",
};

/**
 * A completion that has been asked for.
 * @param {string} prompt
 * @returns {Completion}
 */
export function asked(prompt) {
  return { ...NOTHING, phase: "waiting", prompt, tokens: [] };
}

/**
 * The completion after an event. The tokens are one list that grows, for long ones cost too much to copy.
 * @param {Completion} completion
 * @param {import("../types.js").RunEvent & Record<string, any>} event
 * @param {number} at milliseconds since the request
 * @returns {Completion}
 */
export function after(completion, event, at) {
  switch (event.type) {
    case "accepted":
      return { ...completion, runId: event.run_id ?? null };
    case "progress":
      return { ...completion, progress: { stage: event.stage ?? "", fraction: event.fraction ?? 0 } };
    case "start":
      return { ...completion, ...begun(event), progress: null };
    case "token":
      return withToken(completion, event, at);
    case "done":
      return { ...completion, ...ended(completion, event) };
    default:
      return completion;
  }
}

/** @param {Record<string, any>} event */
function begun({ run_id, model, seed, prompt_tokens, cached_tokens }) {
  return {
    runId: run_id,
    model: model ?? null,
    seed: seed ?? null,
    promptTokens: prompt_tokens ?? null,
    cachedTokens: cached_tokens ?? null,
  };
}

/**
 * @param {Completion} completion
 * @param {Record<string, any>} event
 * @param {number} at
 * @returns {Completion}
 */
function withToken(completion, event, at) {
  const passed = at - completion.lastAt;
  const scored = event.tokens ?? plainTokens(event);
  for (const [place, token] of scored.entries()) {
    completion.tokens.push({
      index: completion.tokens.length + 1,
      id: token.id,
      text: token.text,
      probability: probabilityOf(token.logprob),
      milliseconds: place === 0 ? passed : 0,
      top: token.top ?? [],
    });
  }
  const text = completion.text + (event.text ?? "");
  return { ...completion, phase: "writing", text, progress: null, lastAt: at, firstAt: completion.firstAt ?? at };
}

/** Tokens that came without log-probabilities: their text belongs to the last of them. @param {Record<string, any>} event */
function plainTokens({ ids = [], text = "" }) {
  return ids.map((/** @type {number} */ id, /** @type {number} */ place) => ({
    id,
    text: place === ids.length - 1 ? text : "",
    logprob: null,
    top: [],
  }));
}

/**
 * @param {Completion} completion
 * @param {Record<string, any>} event
 */
function ended(completion, { finish_reason, timings, usage, text }) {
  return {
    phase: /** @type {const} */ ("done"),
    finishReason: finish_reason ?? null,
    timings: timings ?? null,
    promptTokens: usage?.prompt_tokens ?? completion.promptTokens,
    cachedTokens: usage?.cached_tokens ?? completion.cachedTokens,
    text: text ?? completion.text,
    progress: null,
  };
}

/**
 * The prompt that goes on from another choice of one token: all before it, then the choice.
 * @param {string} prompt
 * @param {TokenRow[]} tokens
 * @param {number} index of the token that is replaced, from 0
 * @param {string} choice
 */
export function promptWith(prompt, tokens, index, choice) {
  const before = tokens.slice(0, index).map((token) => token.text);
  return prompt + before.join("") + choice;
}

/**
 * How fast it goes, by the clock of this page while it runs and by the server's once it has said.
 * @param {Completion} completion
 * @returns {{ millisecondsPerToken: number|null, tokensPerSecond: number|null }}
 */
export function pace({ tokens, firstAt, lastAt, timings }) {
  if (timings && timings.tokens_per_second > 0) {
    return { millisecondsPerToken: 1000 / timings.tokens_per_second, tokensPerSecond: timings.tokens_per_second };
  }
  if (firstAt === null || tokens.length < 2 || lastAt <= firstAt) {
    return { millisecondsPerToken: null, tokensPerSecond: null };
  }
  const each = (lastAt - firstAt) / (tokens.length - 1);
  return { millisecondsPerToken: each, tokensPerSecond: 1000 / each };
}
