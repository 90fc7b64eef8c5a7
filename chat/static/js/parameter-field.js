// @ts-check
/** One number of the parameters panel: a field and a slider in step, the way back, and the server's objection. */

import { element, icon } from "./dom.js";
import { t } from "./i18n.js";

/** The field of one parameter. */
export class ParameterField {
  #number;
  #slider;
  #reset;
  #error;
  #parameter;
  #changed;

  /**
   * @param {import("./settings.js").Parameter} parameter
   * @param {(value: number|null) => void} changed null means the checkpoint's default
   */
  constructor(parameter, changed) {
    const { name, slider } = parameter;
    const label = t(`chat.parameter_${name}`);
    this.#parameter = parameter;
    this.#changed = changed;
    const described = { "aria-describedby": `hint-${name} error-${name}` };
    const numeric = { type: "number", step: slider?.step ?? 1, inputMode: "decimal" };
    this.#number = element("input", { id: `parameter-${name}`, ...numeric, ...described });
    this.#slider = slider && element("input", { type: "range", ...slider, "aria-label": t("chat.parameter_slider", { label }) });
    const reset = { type: "button", className: "quiet-button reset", title: t("chat.parameter_reset") };
    this.#reset = element(
      "button",
      { ...reset, "aria-label": t("chat.parameter_reset_named", { label }) },
      icon("reset"),
    );
    this.#error = element("p", { className: "field-error", id: `error-${name}` });
    const title = element("label", { htmlFor: this.#number.id }, label);
    const head = element("div", { className: "field-head" }, title, this.#reset, this.#number);
    const words = element("p", { className: "field-hint", id: `hint-${name}` }, t(`chat.parameter_${name}_hint`));
    this.element = element("div", { className: "field" }, head, this.#slider, words, this.#error);
    this.#wire();
  }

  #wire() {
    this.#number.addEventListener("input", () => this.#take(this.#number.value));
    this.#slider?.addEventListener("input", () => this.#take(/** @type {HTMLInputElement} */ (this.#slider).value));
    this.#reset.addEventListener("click", () => {
      this.#take("");
      this.#number.focus();
    });
  }

  /** @param {string} text */
  #take(text) {
    this.object(null);
    this.#changed(text === "" ? null : Number(text));
  }

  /**
   * @param {number|undefined} value what was set
   * @param {unknown} byDefault the checkpoint's own, where it names one
   */
  show(value, byDefault) {
    const standing = typeof byDefault === "number" ? byDefault : this.#parameter.usual;
    const isSet = value !== undefined;
    this.element.classList.toggle("is-set", isSet);
    this.#reset.hidden = !isSet;
    this.#number.placeholder = standing === null ? t("chat.parameter_random") : String(standing);
    // While someone types "1." the number is 1, and writing that back would take the point away.
    const typed = this.#number.value === "" ? undefined : Number(this.#number.value);
    if (typed !== value) this.#number.value = isSet ? String(value) : "";
    if (this.#slider) this.#slider.value = String(value ?? standing ?? this.#slider.min);
  }

  /** Show why the server refuses the value, or that it no longer does. @param {string|null} message */
  object(message) {
    this.#error.textContent = message ?? "";
    if (message === null) this.#number.removeAttribute("aria-invalid");
    else this.#number.setAttribute("aria-invalid", "true");
  }

  /** Put the cursor here. */
  focus() {
    this.#number.focus();
  }
}
