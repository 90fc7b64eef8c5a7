// @ts-check
/** The parameters panel: what the open conversation is asked with, a sheet at the side, objections at the field. */

import { required } from "./dom.js";
import { ParameterField } from "./parameter-field.js";
import { NOTHING_SET, PARAMETERS, settingsFrom, stopStrings, stopText, withParameter } from "./settings.js";
import { browserStorage } from "./storage.js";

/** @typedef {import("./settings.js").Settings} Settings */

const KEY = "parley.settings"; // what a new conversation begins with
const WIDE = "(min-width: 78rem)"; // where the sheet stands beside the conversation, not over it
const SEND_MILLISECONDS = 400;

/** The side sheet. */
export class Parameters {
  #sheet = required("parameters", HTMLDialogElement);
  #button = required("parameters-button", HTMLButtonElement);
  #stop = required("parameter-stop", HTMLTextAreaElement);
  #stopError = required("error-stop", HTMLElement);
  #system = required("system-prompt", HTMLTextAreaElement);
  /** @type {Map<string, ParameterField>} */
  #fields = new Map();
  #timer = 0;
  /** @type {Settings|null} what was set and not yet told */
  #unsent = null;
  #store;
  #actions;

  /**
   * @param {import("./store.js").Store} store
   * @param {{ change: (settings: Settings) => Promise<unknown> }} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#makeFields();
    this.#wireTexts();
    this.#wireSheet();
    for (const part of ["catalog", "conversation"]) store.addEventListener(part, () => this.#draw());
    store.addEventListener("notice", () => this.#object(store.state.notice));
    this.#draw();
  }

  /** What a new conversation begins with. @returns {Settings} */
  forNew() {
    return settingsFrom(browserStorage.read(KEY));
  }

  /** What is set now. @returns {Settings} */
  get settings() {
    const { parameters, system } = this.#unsent ?? this.#store.state.conversation;
    return { parameters, system };
  }

  /** Set all of it. @param {Settings} settings */
  set(settings) {
    this.#unsent = settings;
    browserStorage.write(KEY, JSON.stringify(settings));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), SEND_MILLISECONDS);
    this.#draw();
  }

  /** Tell at once what was set last. */
  async flush() {
    clearTimeout(this.#timer);
    const settings = this.#unsent;
    this.#unsent = null;
    if (settings) await this.#actions.change(settings);
  }

  /** Show the sheet: beside the conversation where there is room, else over it. */
  open() {
    if (this.#sheet.open) return;
    if (matchMedia(WIDE).matches) this.#sheet.show();
    else this.#sheet.showModal();
    this.#button.setAttribute("aria-expanded", "true");
  }

  #makeFields() {
    const place = required("parameter-fields", HTMLElement);
    for (const parameter of PARAMETERS) {
      const change = (/** @type {number|null} */ value) =>
        this.set(withParameter(this.settings, parameter.name, value));
      const field = new ParameterField(parameter, change);
      this.#fields.set(parameter.name, field);
      place.append(field.element);
    }
  }

  #wireTexts() {
    this.#stop.addEventListener("input", () => {
      this.#objectToStop(null);
      const strings = stopStrings(this.#stop.value);
      this.set(withParameter(this.settings, "stop", strings.length > 0 ? strings : null));
    });
    this.#system.addEventListener("input", () => {
      this.set({ ...this.settings, system: this.#system.value.trim() === "" ? null : this.#system.value });
    });
    required("parameters-reset", HTMLButtonElement).addEventListener("click", () => this.set(NOTHING_SET));
  }

  #wireSheet() {
    this.#button.addEventListener("click", () => (this.#sheet.open ? this.#sheet.close() : this.open()));
    required("parameters-close", HTMLButtonElement).addEventListener("click", () => this.#sheet.close());
    this.#sheet.addEventListener("close", () => this.#onClose());
    this.#sheet.addEventListener("keydown", (event) => this.#onKey(event));
    this.#sheet.addEventListener("click", (event) => event.target === this.#sheet && this.#sheet.close());
    matchMedia(WIDE).addEventListener("change", () => this.#sheet.open && (this.#sheet.close(), this.open()));
  }

  /**
   * Escape closes the sheet beside the conversation as it does the modal one, and does not stop an answer as well.
   * @param {KeyboardEvent} event
   */
  #onKey(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    this.#sheet.close();
  }

  #onClose() {
    this.#button.setAttribute("aria-expanded", "false");
    if (document.activeElement === document.body || this.#sheet.contains(document.activeElement)) this.#button.focus();
  }

  #draw() {
    const { parameters, system } = this.settings;
    const defaults = this.#store.selected?.sampling_defaults ?? {};
    for (const [name, field] of this.#fields) field.show(parameters[name], defaults[name]);
    // What is typed stays as it is while it means the same.
    if (String(stopStrings(this.#stop.value)) !== String(parameters.stop ?? [])) this.#stop.value = stopText(parameters.stop);
    if (this.#system.value.trim() !== (system ?? "").trim()) this.#system.value = system ?? "";
    const isSet = Object.keys(parameters).length > 0 || system !== null;
    required("parameters-mark", HTMLElement).hidden = !isSet;
    required("parameters-reset", HTMLButtonElement).disabled = !isSet;
  }

  /** @param {import("./types.js").Notice|null} notice */
  #object(notice) {
    const parts = notice?.param?.split(".") ?? [];
    const field = parts.map((part) => this.#fields.get(part)).find(Boolean);
    if (!notice || (!field && !parts.includes("stop"))) return;
    this.open();
    if (!field) return this.#objectToStop(notice.message);
    field.object(notice.message);
    field.focus();
  }

  /** @param {string|null} message */
  #objectToStop(message) {
    this.#stopError.textContent = message ?? "";
    if (message === null) return this.#stop.removeAttribute("aria-invalid");
    this.#stop.setAttribute("aria-invalid", "true");
    this.#stop.focus();
  }
}
