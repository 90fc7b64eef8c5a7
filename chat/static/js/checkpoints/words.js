// @ts-check
/** What states, fits and stages are called on this page. */

import { decimal, integer, size } from "../format.js";
import { has, t } from "../i18n.js";
import { groupName, stateWords as statusWords } from "../words.js";
import { fitOf } from "./memory.js";

/** @typedef {import("../types.js").Model} Model */

/** "ready", "loading 42%", "cannot be loaded".  @param {Model} model */
export function stateWords({ problem, status }) {
  return problem ? t("common.state_broken") : statusWords(status);
}

/** The state that the dot shows.  @param {Model} model */
export function dotState({ problem, status }) {
  return problem ? "broken" : status.state;
}

/** A stage, a group or another value that may have a word of its own.  @param {string} kind @param {string} value */
export function named(kind, value) {
  if (kind === "group") return groupName(value);
  if (kind === "stage" && has(`checkpoints.stage_${value}`)) return t(`checkpoints.stage_${value}`);
  return kind === "format" && has(`checkpoints.format_${value}`) ? t(`checkpoints.format_${value}`) : value;
}

/** "validation loss", "reward"; the short form is for a column that says "Loss".  @param {string} kind @param {"short"} [form] */
export function lossKind(kind, form) {
  if (form && has(`checkpoints.short_loss_${kind}`)) return t(`checkpoints.short_loss_${kind}`);
  return has(`checkpoints.loss_${kind}`) ? t(`checkpoints.loss_${kind}`) : kind;
}

/** "step 10,000, validation loss 3.57".  @param {Model} model */
export function pointWords(model) {
  const step = t("checkpoints.at_step", { step: integer(model.step ?? 0) });
  if (!model.loss) return `${model.name}, ${step}`;
  return `${model.name}, ${step}, ${lossKind(model.loss.kind)} ${decimal(model.loss.value)}`;
}

/**
 * Whether a checkpoint finds room, in words and as a mark.
 * @param {Model} model
 * @param {import("./memory.js").Budget} budget
 */
export function fitWords(model, budget) {
  if (model.problem) return null;
  if (model.status.state === "ready") {
    return { fit: "loaded", text: size(model.status.memory_bytes ?? 0), title: t("checkpoints.fit_loaded") };
  }
  const fit = fitOf(model, budget);
  if (fit === null || !model.memory) return null;
  return { fit, text: size(model.memory.total_bytes), title: t(`checkpoints.fit_${fit}`) };
}
