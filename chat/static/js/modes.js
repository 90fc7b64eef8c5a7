// @ts-check
/** Whether a checkpoint is talked to or goes on with a text. Pure functions, no page. */

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Mode} Mode */

/**
 * Why a checkpoint has not learned to answer; null where it has.
 * @param {Model} model
 * @returns {"no_template"|"pretrained"|null}
 */
export function whyBase({ chat_template: template, stage, group }) {
  if (!template) return "no_template";
  return (stage ?? group) === "Pretrained" ? "pretrained" : null;
}

/**
 * A checkpoint that has learned to answer is always talked to; of the others one may choose.
 * @param {Model} model
 * @param {Mode|null} chosen
 * @returns {Mode}
 */
export function modeFor(model, chosen) {
  return whyBase(model) === null ? "chat" : (chosen ?? "completion");
}
