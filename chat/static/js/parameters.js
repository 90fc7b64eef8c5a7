// @ts-check
/** The parameters panel: a side sheet that remembers what was set and shows the server's objections at the field. */

import { required } from "./dom.js";
import { ParameterField } from "./parameter-field.js";
import { NOTHING_SET, PARAMETERS, samplingOf, settingsFrom, withNumber } from "./settings.js";
import { browserStorage } from "./storage.js";

const KEY = "parley.parameters";
const WIDE = "(min-width: 70rem)"; // where the sheet stands beside the conversation, not over it

/** The side sheet. */
export class Parameters {
  #sheet = required("parameters", HTMLDialogElement);
  #button = required("parameters-button", HTMLButtonElement);
  #stop = required("parameter-stop", HTMLTextAreaElement);
  #stopError = required("error-stop", HTMLElement);
  #systemPrompt = required("system-prompt", HTMLTextAreaElement);
  /** @type {Map<string, ParameterField>} */
  #fields = new Map();
  #settings = settingsFrom(browserStorage.read(KEY));
  #store;

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
    this.#makeFields();
    this.#wireTexts();
    this.#wireSheet();
    store.addEventListener("catalog", () => this.#draw());
    store.addEventListener("notice", () => this.#object(store.state.notice));
    this.#draw();
  }

  /** What goes into the next request. */
  get request() {
    return { sampling: samplingOf(this.#settings), systemPrompt: this.#settings.systemPrompt.trim() };
  }

  #makeFields() {
    const place = required("parameter-fields", HTMLElement);
    for (const parameter of PARAMETERS) {
      const change = (/** @type {number|null} */ value) =>
        this.#keep(withNumber(this.#settings, parameter.name, value));
      const field = new ParameterField(parameter, change);
      this.#fields.set(parameter.name, field);
      place.append(field.element);
    }
  }

  #wireTexts() {
    this.#stop.addEventListener("input", () => {
      this.#objectToStop(null);
      this.#keep({ ...this.#settings, stop: this.#stop.value });
    });
    this.#systemPrompt.addEventListener("input", () => {
      this.#keep({ ...this.#settings, systemPrompt: this.#systemPrompt.value });
    });
    required("parameters-reset", HTMLButtonElement).addEventListener("click", () => this.#keep(NOTHING_SET));
  }

  #wireSheet() {
    this.#button.addEventListener("click", () => (this.#sheet.open ? this.#sheet.close() : this.open()));
    required("parameters-close", HTMLButtonElement).addEventListener("click", () => this.#sheet.close());
    this.#sheet.addEventListener("close", () => this.#onClose());
    this.#sheet.addEventListener("keydown", (event) => this.#onKey(event));
    this.#sheet.addEventListener("click", (event) => event.target === this.#sheet && this.#sheet.close());
    matchMedia(WIDE).addEventListener("change", () => this.#sheet.open && (this.#sheet.close(), this.open()));
  }

  /** Show the sheet: beside the conversation where there is room, else over it. */
  open() {
    if (this.#sheet.open) return;
    if (matchMedia(WIDE).matches) this.#sheet.show();
    else this.#sheet.showModal();
    this.#button.setAttribute("aria-expanded", "true");
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

  /** @param {import("./settings.js").Settings} settings */
  #keep(settings) {
    this.#settings = settings;
    browserStorage.write(KEY, JSON.stringify(settings));
    this.#draw();
  }

  #draw() {
    const defaults = this.#store.selected?.sampling_defaults ?? {};
    for (const [name, field] of this.#fields) field.show(this.#settings.numbers[name], defaults[name]);
    const { stop, systemPrompt } = this.#settings;
    if (this.#stop.value !== stop) this.#stop.value = stop;
    if (this.#systemPrompt.value !== systemPrompt) this.#systemPrompt.value = systemPrompt;
    const isSet = JSON.stringify(this.#settings) !== JSON.stringify(NOTHING_SET);
    required("parameters-mark", HTMLElement).hidden = !isSet;
    required("parameters-reset", HTMLButtonElement).disabled = !isSet;
  }

  /** @param {import("./types.js").Notice|null} notice */
  #object(notice) {
    const name = notice?.param?.split(".")[0] ?? "";
    const field = this.#fields.get(name);
    if (!notice || (!field && name !== "stop")) return;
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
