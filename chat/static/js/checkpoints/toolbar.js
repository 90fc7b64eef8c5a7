// @ts-check
/** What stands above the list: search, filters, grouping, and how many were found. */

import { element, required } from "../dom.js";
import { t } from "../i18n.js";
import { GROUPINGS, isFiltered, PROBLEM_FILTERS, STATE_FILTERS, valuesOf } from "./view.js";
import { named } from "./words.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./view.js").Choice} Choice */

/** Which choices have a select. @type {Exclude<Choice, "search">[]} */
const SELECTS = ["group", "stage", "format", "state", "problem"];

/** Tells of every change with the parts of the view that it changed. */
export class Toolbar {
  #search = required("search", HTMLInputElement);
  #count = required("found", HTMLElement);
  #clear = required("clear", HTMLButtonElement);
  #change;

  /** @param {(parts: Partial<View>) => void} change */
  constructor(change) {
    this.#change = change;
    this.#search.addEventListener("input", () => change({ search: this.#search.value }));
    for (const name of SELECTS) {
      const select = this.#select(name);
      select.addEventListener("change", () => change({ [name]: select.value }));
    }
    this.#clear.addEventListener("click", () => {
      change({ search: "", stage: "", format: "", state: "", problem: "" });
      this.#search.focus();
    });
  }

  /** @param {string} name */
  #select(name) {
    return required(`choose-${name}`, HTMLSelectElement);
  }

  /**
   * @param {Model[]} models
   * @param {View} view
   * @param {number} found
   */
  show(models, view, found) {
    if (this.#search.value !== view.search) this.#search.value = view.search;
    this.#fill("group", GROUPINGS, view.group);
    this.#fill("stage", valuesOf(models, "stage"), view.stage);
    this.#fill("format", valuesOf(models, "format"), view.format);
    this.#fill("state", STATE_FILTERS, view.state);
    this.#fill("problem", PROBLEM_FILTERS, view.problem);
    this.#clear.hidden = !isFiltered(view);
    const all = t("checkpoints.count", { count: models.length });
    const share = t("checkpoints.found_of", { found, all });
    this.#count.textContent = isFiltered(view) ? share : all;
  }

  /**
   * @param {Exclude<Choice, "search">} name
   * @param {string[]} values
   * @param {string} value
   */
  #fill(name, values, value) {
    const select = this.#select(name);
    const wanted = ["", ...values, ...(value && !values.includes(value) ? [value] : [])];
    if (select.dataset.values !== wanted.join("\n")) {
      select.dataset.values = wanted.join("\n");
      select.replaceChildren(...wanted.map((each) => element("option", { value: each }, choiceWords(name, each))));
    }
    select.value = value;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function choiceWords(name, value) {
  if (value === "") return t(`checkpoints.any_${name}`);
  if (name === "group") return t(`checkpoints.by_${value}`);
  if (name === "state" || name === "problem") return t(`checkpoints.filter_${name}_${value}`);
  return named(name, value);
}
