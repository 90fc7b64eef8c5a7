// @ts-check
/** One model's state as a line: words, a progress bar while it loads, and the button that fits the state. */

import { element } from "./dom.js";
import { percent } from "./format.js";
import { t } from "./i18n.js";
import { modelLine } from "./words.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {{ load: (id: string) => void, unload: (id: string) => void }} LoadActions */

/** @type {Record<import("./types.js").ModelState, { label: () => string, does: "load"|"unload" }|null>} */
const BUTTONS = {
  unloaded: { label: () => t("common.load"), does: "load" },
  queued: { label: () => t("common.cancel"), does: "unload" },
  loading: { label: () => t("common.cancel"), does: "unload" },
  ready: { label: () => t("common.unload"), does: "unload" },
  unloading: null,
  failed: { label: () => t("common.try_again"), does: "load" },
};

/** Changes in place, so that a button keeps the focus while the bar beside it moves. */
export class ModelLine {
  /** @type {HTMLElement} */
  #words = element("span", { className: "model-line-words" });
  #hint = element("span", { className: "model-line-hint" });
  #percent = element("span", { className: "model-line-percent" });
  #bar = element("progress", { className: "bar", max: 1 });
  #button = element("button", { type: "button", className: "plain-button" });
  #dot = element("span", { className: "dot", "aria-hidden": "true" });
  element = element("div", { className: "model-line" });
  /** @type {Model|null} */
  #model = null;

  /**
   * @param {LoadActions} actions
   * @param {(model: Model) => void} [choose] where the line is a way to choose the model
   */
  constructor(actions, choose) {
    this.#button.addEventListener("click", () => {
      const act = this.#model && BUTTONS[this.#model.status.state];
      if (this.#model && act) actions[act.does](this.#model.id);
    });
    if (choose) {
      this.#words = element("button", { type: "button", className: "model-line-words model-line-choice" });
      this.#words.addEventListener("click", () => this.#model && choose(this.#model));
    }
    const text = element("div", { className: "model-line-text" }, this.#words, this.#percent, this.#hint);
    this.element.append(this.#dot, text, this.#button, this.#bar);
  }

  /** @param {Model} model */
  update(model) {
    this.#model = model;
    const { state, progress, error } = model.status;
    this.element.dataset.state = this.#dot.dataset.state = state;
    this.#words.textContent = modelLine(model);
    this.#hint.textContent = (state === "failed" && error?.hint) || "";
    this.#showProgress(state === "loading" ? (progress?.fraction ?? 0) : null, model.name);
    const act = BUTTONS[state];
    this.#button.hidden = act === null;
    if (act) {
      this.#button.textContent = act.label();
      this.#button.ariaLabel = `${act.label()}: ${model.name}`;
    }
  }

  /**
   * @param {number|null} fraction
   * @param {string} name
   */
  #showProgress(fraction, name) {
    this.#bar.hidden = fraction === null;
    this.#percent.textContent = fraction === null ? "" : percent(fraction);
    if (fraction === null) return;
    this.#bar.value = fraction;
    this.#bar.setAttribute("aria-label", t("common.loading_named", { name }));
  }
}
