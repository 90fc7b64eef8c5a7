// @ts-check
/** The form: model, prompt and sampling parameters, kept in this browser; the server's objections at their field. */

import { element, required } from "../dom.js";
import { t } from "../i18n.js";
import { browserStorage } from "../storage.js";
import { groupName, stateWords } from "../words.js";

/** @typedef {import("../types.js").Model} Model */

const KEY = "parley.playground";
/** What is sent, and what it is where nobody said: the limit is ours, the rest the engine's. @type {Record<string, number|null>} */
const USUAL = { max_new_tokens: 64, temperature: 0.7, top_k: 50, top_p: 0.9, min_p: 0, seed: null };
export const NAMES = Object.keys(USUAL);

/** The left side of the page. */
export class Fields {
  #model = required("model", HTMLSelectElement);
  #state = required("model-state", HTMLElement);
  #prompt = required("prompt", HTMLTextAreaElement);
  /** @type {Model[]} */
  #models = [];
  #wanted = new URLSearchParams(location.search).get("model");

  constructor() {
    const kept = keptFrom(browserStorage.read(KEY));
    this.#prompt.value = kept.prompt ?? t("playground.first_prompt");
    for (const name of NAMES) this.#number(name).value = kept[name] ?? "";
    for (const control of [this.#prompt, ...NAMES.map((name) => this.#number(name))]) {
      control.addEventListener("input", () => this.#keep(control));
    }
    this.#model.addEventListener("change", () => {
      this.#wanted = this.#model.value;
      this.#drawState();
    });
  }

  get prompt() {
    return this.#prompt.value;
  }

  set prompt(text) {
    this.#prompt.value = text;
    this.#keep(this.#prompt);
  }

  /** The id of the chosen checkpoint; null where there is none. */
  get model() {
    return this.#model.value || null;
  }

  /** What is known of the chosen checkpoint. */
  get chosen() {
    return this.#models.find((model) => model.id === this.#model.value) ?? null;
  }

  /** The parameters that are to be sent: those that were set, and the limit. */
  get sampling() {
    /** @type {Record<string, number>} */
    const sampling = { max_new_tokens: Number(USUAL.max_new_tokens) };
    for (const name of NAMES) {
      const { value } = this.#number(name);
      if (value !== "") sampling[name] = Number(value);
    }
    return sampling;
  }

  /** @param {string} name */
  #number(name) {
    return required(`sampling-${name}`, HTMLInputElement);
  }

  /** @param {HTMLElement} control */
  #keep(control) {
    this.#objectAt(control, null);
    const numbers = Object.fromEntries(NAMES.map((name) => [name, this.#number(name).value]));
    browserStorage.write(KEY, JSON.stringify({ ...numbers, prompt: this.#prompt.value }));
  }

  /**
   * @param {Model[]} models
   * @param {string[]} groups
   * @param {string|null} usual the checkpoint that the server would take
   */
  showModels(models, groups, usual) {
    this.#models = models;
    const sound = models.filter((model) => !model.problem);
    const ids = sound.map((model) => model.id).join("\n");
    const wanted = [this.#wanted, this.#model.value, usual].find((id) => sound.some((model) => model.id === id));
    if (this.#model.dataset.ids !== ids) {
      this.#model.dataset.ids = ids;
      this.#model.replaceChildren(...optionGroups(sound, groups));
    }
    this.#model.value = wanted ?? sound[0]?.id ?? "";
    this.#drawState();
  }

  #drawState() {
    const model = this.chosen;
    required("model-dot", HTMLElement).dataset.state = model?.status.state ?? "unloaded";
    this.#state.textContent = model ? stateWords(model.status) : t("playground.no_model");
    for (const name of NAMES) {
      const standing = name === "max_new_tokens" ? USUAL[name] : (model?.sampling_defaults?.[name] ?? USUAL[name]);
      this.#number(name).placeholder = standing === null ? t("playground.random") : String(standing);
    }
  }

  /**
   * Show what the server objects to at the field it names; false where it names none of these.
   * @param {string|null|undefined} param
   * @param {string} message
   */
  object(param, message) {
    const control = param === "prompt" ? this.#prompt : NAMES.includes(param ?? "") ? this.#number(String(param)) : null;
    if (control === null) return false;
    this.#objectAt(control, message);
    control.focus();
    return true;
  }

  /**
   * @param {HTMLElement} control
   * @param {string|null} message
   */
  #objectAt(control, message) {
    required(`error-${control.id}`, HTMLElement).textContent = message ?? "";
    if (message === null) control.removeAttribute("aria-invalid");
    else control.setAttribute("aria-invalid", "true");
  }

  /** Put the cursor into the prompt, at its end. */
  focusPrompt() {
    this.#prompt.focus();
    this.#prompt.setSelectionRange(this.prompt.length, this.prompt.length);
  }
}

/**
 * What was kept before; what is no object of texts is as if it were not there.
 * @param {string|null} text
 * @returns {Record<string, string>}
 */
function keptFrom(text) {
  try {
    const kept = Object.entries(JSON.parse(text ?? "{}"));
    return Object.fromEntries(kept.filter(([, value]) => typeof value === "string"));
  } catch (error) {
    console.warn("what this browser kept of the playground cannot be read", error);
    return {};
  }
}

/**
 * @param {Model[]} models
 * @param {string[]} groups
 */
function optionGroups(models, groups) {
  const names = [...new Set([...groups, ...models.map((model) => model.group)])];
  return names.flatMap((group) => {
    const own = models.filter((model) => model.group === group);
    const options = own.map((model) => element("option", { value: model.id }, model.id));
    return own.length > 0 ? [element("optgroup", { label: groupName(group) }, ...options)] : [];
  });
}
