// @ts-check
/** What is in memory: a line for each model that is loaded or on its way, and how much of the budget they take. */

import { required } from "./dom.js";
import { size } from "./format.js";
import { t } from "./i18n.js";
import { ModelLine } from "./model-line.js";

/** @typedef {import("./types.js").Model} Model */

/** The models that take memory or are about to, each with the button that frees it. */
export class Residents {
  /** @type {Map<string, ModelLine>} */
  #lines = new Map();
  #section = required("picker-residents", HTMLElement);
  #list = required("picker-resident-list", HTMLElement);
  #filter = required("picker-filter", HTMLInputElement);
  #memory = required("picker-memory", HTMLElement);
  #actions;
  #choose;

  /**
   * @param {import("./model-line.js").LoadActions} actions
   * @param {(model: Model) => void} choose
   */
  constructor(actions, choose) {
    this.#actions = actions;
    this.#choose = choose;
  }

  /**
   * @param {Model[]} models
   * @param {{ budget_bytes: number, used_bytes: number }} memory
   */
  update(models, memory) {
    const residents = models.filter((model) => model.status.state !== "unloaded");
    const ids = new Set(residents.map((model) => model.id));
    for (const [id, line] of this.#lines) {
      if (ids.has(id)) continue;
      if (line.element.contains(document.activeElement)) this.#filter.focus(); // not lost with the button it was on
      line.element.remove();
      this.#lines.delete(id);
    }
    for (const model of residents) this.#line(model).update(model);
    this.#section.hidden = residents.length === 0;
    this.#memory.textContent = t("common.memory_in_use", {
      used: size(memory.used_bytes),
      budget: size(memory.budget_bytes),
    });
  }

  /** @param {Model} model */
  #line(model) {
    const known = this.#lines.get(model.id);
    if (known) return known;
    const line = new ModelLine(this.#actions, this.#choose);
    this.#lines.set(model.id, line);
    this.#list.append(line.element);
    return line;
  }
}
