// @ts-check
/** What states, stages and ends are called in front of people. Pure functions, no page. */

import { count, counted, decimal, duration, integer, ordinal, percent, rate, size } from "./format.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Progress} Progress */

/** @type {Record<import("./types.js").ModelState, string>} */
const STATES = {
  unloaded: "not loaded",
  queued: "queued",
  loading: "loading",
  ready: "ready",
  unloading: "unloading",
  failed: "failed",
};

/**
 * "loading 42%", "ready", …
 * @param {import("./types.js").Status} status
 */
export function stateWords(status) {
  const words = STATES[status.state];
  return status.state === "loading" && status.progress ? `${words} ${percent(status.progress.fraction)}` : words;
}

/**
 * What an answer without text waits for.
 * @param {Progress|null|undefined} progress
 * @param {string} modelName
 */
export function waitingWords(progress, modelName) {
  if (!progress) return "Waiting for the server";
  const share = progress.fraction > 0 ? ` ${percent(progress.fraction)}` : "";
  if (progress.stage === "loading") return `Loading ${modelName}${share}`;
  if (progress.stage === "prefill") return `Reading the conversation${share}`;
  const position = progress.queue_position ?? 0;
  return position > 0 ? `Waiting, ${ordinal(position)} in the queue` : "Waiting for a free place";
}

/**
 * How an answer ended.
 * @param {Message} message
 */
export function endWords({ status, finishReason, limit, usage, error }) {
  if (status === "failed") return `broke off: ${error?.message ?? "no reason given"}`;
  if (status === "interrupted") return "interrupted when the page was left";
  if (finishReason === "cancelled") return "stopped by you";
  if (finishReason !== "length") return "ended";
  const written = usage?.completion_tokens ?? 0;
  if (limit != null && written < limit) return `filled the context after ${counted(written, "token")}`;
  return `reached the limit of ${counted(limit ?? written, "token")}`;
}

/**
 * The facts under a finished answer, in the order they are read.
 * @param {Message} message
 * @returns {string[]}
 */
export function answerFacts(message) {
  const { usage, timings, modelName } = message;
  const facts = [modelName ?? "unknown model"];
  if (usage) facts.push(counted(usage.completion_tokens, "token"));
  if (timings && timings.tokens_per_second > 0) facts.push(rate(timings.tokens_per_second));
  if (timings && usage?.completion_tokens) facts.push(`first token after ${duration(timings.time_to_first_token_ms)}`);
  facts.push(endWords(message));
  if (message.truncated) facts.push("the start of the conversation was left out");
  return facts;
}

/**
 * A checkpoint's facts for one line of the list.
 * @param {Model} model
 * @returns {string[]}
 */
export function modelFacts(model) {
  const facts = [];
  if (model.family) facts.push(model.family);
  if (model.parameters != null) facts.push(`${count(model.parameters)} parameters`);
  if (model.dtype) facts.push(model.dtype);
  if (model.size_bytes) facts.push(size(model.size_bytes));
  if (model.step != null) facts.push(`step ${integer(model.step)}`);
  if (model.loss) facts.push(`${lossName(model.loss).toLowerCase()} ${decimal(model.loss.value)}`);
  return facts;
}

/** "Validation loss", "Reward", …  @param {{ kind: string }} loss */
export function lossName({ kind }) {
  const name = ["train", "validation"].includes(kind) ? `${kind} loss` : kind;
  return name[0].toUpperCase() + name.slice(1);
}

/**
 * Whether a checkpoint finds room; null where nothing is known.
 * @param {Model} model
 * @param {number} budgetBytes
 * @returns {{ text: string, fits: boolean }|null}
 */
export function fitWords(model, budgetBytes) {
  if (!model.memory || model.problem) return null;
  const needs = `needs ${size(model.memory.total_bytes)}`;
  if (model.memory.fits) return { text: needs, fits: true };
  return { text: `${needs} of ${size(budgetBytes)}: too much`, fits: false };
}

/**
 * What a model's line beside its button says.
 * @param {Model} model
 */
export function modelLine({ name, status }) {
  const stage = status.progress?.stage;
  switch (status.state) {
    case "unloaded":
      return `${name} is not loaded; your next message loads it.`;
    case "queued":
      return `${name} waits to be loaded`;
    case "loading":
      return `Loading ${name}${stage && stage !== "loading" ? `: ${stage}` : ""}`;
    case "ready":
      return [name, size(status.memory_bytes ?? 0), placeWords(status)].filter(Boolean).join(" · ");
    case "unloading":
      return `Unloading ${name}`;
    case "failed":
      return `${name} could not be loaded. ${status.error?.message ?? ""}`.trim();
  }
}

/** @param {import("./types.js").Status} status */
function placeWords({ precision, device }) {
  return precision && device ? `${precision} on ${device}` : (precision ?? device ?? "");
}
