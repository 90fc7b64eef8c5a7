// @ts-check
/** What states, stages and ends are called in front of people. Pure functions, no page. */

import { count, decimal, duration, integer, percent, rate, size } from "./format.js";
import { has, language, t } from "./i18n.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Progress} Progress */

/**
 * "loading 42%", "ready", …
 * @param {import("./types.js").Status} status
 */
export function stateWords({ state, progress }) {
  if (state !== "loading" || !progress) return t(`common.state_${state}`);
  return t("common.state_loading_share", { share: percent(progress.fraction) });
}

/** What long work is at; a stage without words of ours stays as the server says it. @param {string} stage */
export function stageName(stage) {
  const name = stage.replaceAll(" ", "_");
  return has(`common.stage_${name}`) ? t(`common.stage_${name}`) : stage;
}

/** A group of the list; a name that the server made up stays as it is. @param {string} group */
export function groupName(group) {
  return has(`common.group_${group}`) ? t(`common.group_${group}`) : group;
}

/**
 * What an answer without text waits for.
 * @param {Progress|null|undefined} progress
 * @param {string} name of the model
 */
export function waitingWords(progress, name) {
  if (!progress) return t("chat.waiting_for_server");
  const share = progress.fraction > 0 ? percent(progress.fraction) : "";
  if (progress.stage === "loading") {
    return share ? t("chat.waiting_loading_share", { name, share }) : t("chat.waiting_loading", { name });
  }
  if (progress.stage === "prefill") {
    return share ? t("chat.waiting_prefill_share", { share }) : t("chat.waiting_prefill");
  }
  const position = progress.queue_position ?? 0;
  return position > 0 ? t("chat.waiting_position", { position }) : t("chat.waiting_for_place");
}

/**
 * How an answer ended.
 * @param {Message} message
 */
export function endWords({ status, finish_reason: reason, limit, parameters, usage }) {
  if (status === "failed") return t("chat.end_failed");
  if (status === "interrupted") return t("chat.end_interrupted");
  if (status === "cancelled") return t("chat.end_cancelled");
  if (reason === null || reason === undefined) return t("chat.end_edited");
  if (reason !== "length") return t("chat.end_stop");
  const written = usage?.completion_tokens ?? 0;
  const most = limit ?? parameters?.max_new_tokens ?? written;
  const tokens = t("common.tokens", { count: Math.min(written, most) });
  return written < most ? t("chat.end_context", { tokens }) : t("chat.end_limit", { tokens });
}

/**
 * Why an answer is not whole and what to do; null where it is.
 * @param {Message} message
 * @returns {{ summary: string, hint: string|null, said: string|null }|null}
 */
export function failureWords({ status, error, content, warning }) {
  if (status === "interrupted") {
    const hint = content === "" ? t("chat.interrupted_empty_hint") : t("chat.interrupted_hint");
    return { summary: t("chat.interrupted"), hint, said: null };
  }
  if (status === "failed") {
    const { message, hint, said } = translated(error ?? { code: "", message: t("chat.end_no_reason") });
    return { summary: content === "" ? sentence(message) : t("chat.broke_off", { reason: message }), hint, said };
  }
  return warning ? { summary: warning, hint: null, said: null } : null;
}

/**
 * The facts under a finished answer, in the order they are read.
 * @param {Message} message
 * @param {Model|null} [model] as it is known now
 * @returns {string[]}
 */
export function answerFacts(message, model = null) {
  const { usage, timings } = message;
  const facts = message.model ? [model?.name ?? modelName(message.model)] : [];
  if (model?.step != null) facts.push(t("common.step_number", { number: integer(model.step) }));
  if (usage?.completion_tokens) facts.push(t("common.tokens", { count: usage.completion_tokens }));
  if (timings && timings.tokens_per_second > 0) facts.push(rate(timings.tokens_per_second));
  if (timings && usage?.completion_tokens) {
    facts.push(t("chat.first_token_after", { duration: duration(timings.time_to_first_token_ms) }));
  }
  facts.push(endWords(message));
  return facts;
}

/** What a checkpoint is called in a sentence: the last part of its id. @param {string|null|undefined} id */
export function modelName(id) {
  return id?.split("/").at(-1) || t("chat.unknown_model");
}

/**
 * A checkpoint's facts for one line of the list.
 * @param {Model} model
 * @returns {string[]}
 */
export function modelFacts(model) {
  const facts = [];
  if (model.family) facts.push(model.family);
  if (model.parameters != null) facts.push(t("common.parameter_count", { count: count(model.parameters) }));
  if (model.dtype) facts.push(model.dtype);
  if (model.size_bytes) facts.push(size(model.size_bytes));
  if (model.step != null) facts.push(t("common.step_number", { number: integer(model.step) }));
  if (model.loss) facts.push(`${lossName(model.loss).toLowerCase()} ${decimal(model.loss.value)}`);
  return facts;
}

/** "Validation loss", "Reward", …  @param {{ kind: string }} loss */
export function lossName({ kind }) {
  if (has(`common.loss_${kind}`)) return t(`common.loss_${kind}`);
  return kind[0].toUpperCase() + kind.slice(1);
}

/**
 * Whether a checkpoint finds room; null where nothing is known.
 * @param {Model} model
 * @param {number} budgetBytes
 * @returns {{ text: string, fits: boolean }|null}
 */
export function fitWords(model, budgetBytes) {
  if (!model.memory || model.problem) return null;
  const need = size(model.memory.total_bytes);
  if (model.memory.fits) return { text: t("common.fits", { need }), fits: true };
  return { text: t("common.does_not_fit", { need, budget: size(budgetBytes) }), fits: false };
}

/**
 * What a model's line beside its button says.
 * @param {Model} model
 */
export function modelLine({ name, status }) {
  const stage = status.progress?.stage;
  switch (status.state) {
    case "loading":
      return stage && stage !== "loading"
        ? t("chat.line_loading_stage", { name, stage: stageName(stage) })
        : t("chat.line_loading", { name });
    case "ready":
      return [name, size(status.memory_bytes ?? 0), placeWords(status)].filter(Boolean).join(" · ");
    case "failed":
      return t("chat.line_failed", { name, reason: status.error?.message ?? "" }).trim();
    default:
      return t(`chat.line_${status.state}`, { name });
  }
}

/** @param {import("./types.js").Status} status */
function placeWords({ precision, device }) {
  return precision && device ? t("chat.place", { precision, device }) : (precision ?? device ?? "");
}

/**
 * An error in the page's language. The server words its reasons in English and with the numbers that matter, so they
 * stand as they are on an English page and below the translation on others; a code without words keeps the server's.
 * Remedies of ours speak to people where the server's speak to programs.
 * @param {{ code: string, message: string, hint?: string|null }} error
 * @returns {{ message: string, hint: string|null, said: string|null }}
 */
export function inWords(error) {
  const { message, ...others } = translated(error);
  return { message: sentence(message), ...others };
}

/**
 * All that `inWords` tells, as one text of whole sentences.
 * @param {{ code: string, message: string, hint?: string|null }} error
 */
export function inSentences(error) {
  const { message, said, hint } = inWords(error);
  return [message, said, hint].filter((part) => part !== null && part !== "").map(ended).join(" ");
}

/** @param {string|null} text */
function ended(text) {
  return /[.!?…。！？]["')”»]?$/u.test(text ?? "") ? text : `${text}.`;
}

/** @param {{ code: string, message: string, hint?: string|null }} error */
function translated({ code, message, hint = null }) {
  const known = has(`errors.${code}`) ? t(`errors.${code}`) : message;
  const remedy = has(`errors.${code}.hint`) ? t(`errors.${code}.hint`) : hint;
  if (language() === "en" || known === message) return { message, hint: remedy, said: null };
  return { message: known, hint: remedy, said: message };
}

/** A text that begins with a word, and not with a name or a number, as a sentence begins. @param {string} text */
function sentence(text) {
  return /^\p{Ll}+[ ,:]/u.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
}
