// @ts-check
/** One checkpoint as a row of the picker's list, and the words it is found by. */

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { fitWords, inWords, modelFacts, stateWords } from "./words.js";

/** @typedef {import("./types.js").Model} Model */

/** A row; it holds nothing that could be focused, since it is an option of a listbox. */
export class PickerRow {
  element = element("li", { className: "option", role: "option" });
  /** @type {Model|null} */
  model = null;

  /**
   * @param {string} id of the element
   * @param {(model: Model) => void} choose
   */
  constructor(id, choose) {
    this.element.id = id;
    this.element.addEventListener("click", () => this.model && choose(this.model));
  }

  /**
   * @param {Model} model
   * @param {number} budgetBytes
   */
  update(model, budgetBytes) {
    if (model === this.model) return;
    this.model = model;
    this.element.setAttribute("aria-disabled", String(model.problem != null));
    const name = element("span", { className: "option-name", dir: "auto" }, model.name);
    const path = element("span", { className: "option-path", dir: "ltr" }, model.id);
    const parts = [name, stateOf(model), path, fitOf(model, budgetBytes), detailsOf(model)];
    this.element.replaceChildren(...parts.filter((part) => part !== null));
  }

  /**
   * @param {boolean} isSelected the next question goes to it
   * @param {boolean} isActive the keyboard is on it
   */
  mark(isSelected, isActive) {
    this.element.setAttribute("aria-selected", String(isSelected));
    this.element.classList.toggle("is-active", isActive);
  }
}

/** @param {Model} model */
function stateOf(model) {
  const dot = element("span", { className: "dot", "aria-hidden": "true" });
  dot.dataset.state = model.problem ? "broken" : model.status.state;
  const words = model.problem ? t("common.state_broken") : stateWords(model.status);
  return element("span", { className: "option-state" }, dot, words);
}

/**
 * @param {Model} model
 * @param {number} budgetBytes
 */
function fitOf(model, budgetBytes) {
  const fit = fitWords(model, budgetBytes);
  return fit && element("span", { className: `option-fit ${fit.fits ? "" : "does-not-fit"}` }, fit.text);
}

/** @param {Model} model */
function detailsOf(model) {
  const { problem } = model;
  if (problem === null || problem === undefined) {
    const facts = modelFacts(model).map((fact) => element("span", {}, fact));
    return element("span", { className: "option-facts separated" }, ...facts);
  }
  const { message, hint } = inWords(problem);
  const remedy = hint ? element("span", { className: "option-remedy" }, hint) : null;
  return element("span", { className: "option-problem" }, `${message} `, remedy);
}

/**
 * Whether every word of the filter stands somewhere in what is known of the model.
 * @param {Model} model
 * @param {string} filter
 */
export function matches(model, filter) {
  const known = [model.name, model.id, model.group, model.run, model.family, model.stage, model.format, model.dtype];
  const text = `${known.filter(Boolean).join(" ")} ${model.step == null ? "" : `step ${model.step}`}`.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/**
 * The models that match, by group in the server's order; empty groups are left out.
 * @param {Model[]} models
 * @param {string[]} groups
 * @param {string} filter
 * @returns {{ group: string, models: Model[] }[]}
 */
export function grouped(models, groups, filter) {
  const found = models.filter((model) => matches(model, filter));
  const names = [...new Set([...groups, ...found.map((model) => model.group)])];
  return names
    .map((group) => ({ group, models: found.filter((model) => model.group === group) }))
    .filter((entry) => entry.models.length > 0);
}

/**
 * Where a key leads in a list of `count` rows; null where the key means nothing there.
 * @param {string} key
 * @param {number} index of the active row, -1 for none
 * @param {number} count
 * @returns {number|null}
 */
export function moved(key, index, count) {
  if (count === 0) return null;
  switch (key) {
    case "ArrowDown":
      return (index + 1) % count;
    case "ArrowUp":
      return (Math.max(index, 0) - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}
