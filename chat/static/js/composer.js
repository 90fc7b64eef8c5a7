// @ts-check
/** The composer: a draft that is never lost, Enter sends, and one button that sends or stops. */

import { required } from "./dom.js";
import { t } from "./i18n.js";
import { modeFor, whyBase } from "./modes.js";
import { tabStorage } from "./storage.js";

const KEY = "parley.draft";
const SAFARI_COMPOSING = 229; // Safari ends a composition before its keydown, and only this code tells

/** @typedef {import("./types.js").Mode} Mode */
/** @typedef {import("./types.js").Model} Model */
/**
 * @typedef {object} Actions
 * @property {(text: string, how: { raw: boolean, prefill: string }) => void} ask
 * @property {() => void} stop
 * @property {(mode: Mode) => void} setMode
 */

/** The form at the foot of the page. */
export class Composer {
  #form = required("composer", HTMLFormElement);
  #draft = required("draft", HTMLTextAreaElement);
  #send = required("send", HTMLButtonElement);
  #sendWords = required("send-words", HTMLElement);
  #mode = required("mode", HTMLFieldSetElement);
  #note = required("mode-note", HTMLElement);
  #prefill = required("prefill", HTMLElement);
  #prefillField = required("prefill-field", HTMLTextAreaElement);
  #store;
  #actions;

  /**
   * @param {import("./store.js").Store} store
   * @param {Actions} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#draft.value = tabStorage.read(KEY) ?? "";
    this.#wire();
    for (const part of ["catalog", "conversation", "run"]) store.addEventListener(part, () => this.#draw());
    this.#draw();
  }

  #wire() {
    this.#draft.addEventListener("input", () => this.#changed());
    for (const field of [this.#draft, this.#prefillField]) {
      field.addEventListener("keydown", (event) => this.#onKey(event));
    }
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#store.state.run) this.#actions.stop();
      else this.submit();
    });
    // The second click of a double click must not stop what the first one sent.
    this.#send.addEventListener("click", (event) => event.detail === 2 && event.preventDefault());
    this.#mode.addEventListener("change", (event) => {
      const chosen = /** @type {HTMLInputElement} */ (event.target).value;
      this.#actions.setMode(chosen === "completion" ? "completion" : "chat");
    });
    required("prefill-close", HTMLButtonElement).addEventListener("click", () => this.prefill(false));
    document.addEventListener("keydown", (event) => this.#onEscape(event));
  }

  /** What stands there. */
  get draft() {
    return this.#draft.value;
  }

  /**
   * Put a text back, unless something else has been written meanwhile.
   * @param {string} text
   * @returns {boolean} whether it stands there now
   */
  giveBack(text) {
    if (this.#draft.value.trim() !== "" && this.#draft.value !== text) return false;
    this.#draft.value = text;
    this.#changed();
    return true;
  }

  /** Put the cursor into the draft, where that does not open a keyboard over half of the page. */
  focus() {
    if (matchMedia("(pointer: fine)").matches) this.#draft.focus({ preventScroll: true });
  }

  /** Show or hide the field in which the answer's beginning is written. @param {boolean} isShown */
  prefill(isShown) {
    this.#prefill.hidden = !isShown;
    if (!isShown) this.#prefillField.value = "";
    (isShown ? this.#prefillField : this.#draft).focus();
  }

  /** Take the text out. */
  take() {
    const text = this.#draft.value;
    this.#draft.value = "";
    this.#changed();
    return text;
  }

  /** Send what stands there. */
  submit() {
    const model = this.#store.selected;
    if (this.#isIdle || !model) return;
    const raw = this.#modeOf(model) === "completion";
    const prefill = raw ? "" : this.#prefillField.value;
    this.#prefill.hidden = true;
    this.#prefillField.value = "";
    this.#actions.ask(this.take(), { raw, prefill });
    this.focus();
  }

  /** Whether nothing can be sent now; what is said before a conversation is read would not hang on its end. */
  get #isIdle() {
    const { run, conversation } = this.#store.state;
    return this.#draft.value.trim() === "" || run !== null || !this.#store.selected || conversation.phase === "loading";
  }

  #changed() {
    tabStorage.write(KEY, this.#draft.value);
    this.#grow();
    this.#draw();
    this.#draft.dispatchEvent(new Event("draft", { bubbles: true }));
  }

  /** For browsers whose fields cannot size themselves; the style sheet sets the limit. */
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#draft.style.setProperty("height", "auto");
    this.#draft.style.setProperty("height", `${this.#draft.scrollHeight}px`);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const isComposing = event.isComposing || event.keyCode === SAFARI_COMPOSING;
    if (event.key !== "Enter" || event.shiftKey || isComposing) return;
    event.preventDefault();
    this.submit();
  }

  /** @param {KeyboardEvent} event */
  #onEscape(event) {
    const isElsewhere = document.querySelector(":popover-open, dialog:modal") !== null;
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    if (isElsewhere || !this.#store.state.run) return;
    event.preventDefault();
    this.#actions.stop();
  }

  /** @param {Model} model */
  #modeOf(model) {
    return modeFor(model, this.#store.state.conversation.mode);
  }

  #draw() {
    const { selected: model, state } = this.#store;
    const isRunning = state.run !== null;
    const words = state.run?.isStopping ? t("chat.stopping") : isRunning ? t("chat.stop") : t("chat.send");
    this.#sendWords.textContent = words;
    this.#send.title = words;
    this.#send.dataset.does = isRunning ? "stop" : "send";
    const isInVain = isRunning ? state.run?.isStopping === true : this.#isIdle;
    this.#send.setAttribute("aria-disabled", String(isInVain));
    required("unkept-note", HTMLElement).hidden = !state.conversation.isUnkept;
    required("composer-more", HTMLElement).hidden = state.conversation.isUnkept;
    this.#drawMode(model);
  }

  /** @param {Model|null} model */
  #drawMode(model) {
    const mode = model ? this.#modeOf(model) : "chat";
    const why = model && whyBase(model);
    this.#form.dataset.mode = mode;
    this.#mode.hidden = this.#note.hidden = !why;
    required(`mode-${mode}`, HTMLInputElement).checked = true;
    this.#note.textContent = why ? noteWords(mode, why) : "";
    this.#draft.placeholder = placeholder(mode, model?.name);
    if (mode === "completion") this.#prefill.hidden = true;
  }
}

/**
 * Why there is a choice, and what the choice means.
 * @param {Mode} mode
 * @param {"no_template"|"pretrained"} why
 */
function noteWords(mode, why) {
  const reason = why === "no_template" ? t("chat.base_no_template") : t("chat.base_pretrained");
  const means = mode === "completion" ? t("chat.mode_completion_note") : t("chat.mode_chat_note");
  return `${reason} ${means}`;
}

/**
 * @param {Mode} mode
 * @param {string|undefined} name of the model
 */
function placeholder(mode, name) {
  if (name === undefined) return t("chat.choose_first");
  return mode === "completion" ? t("chat.text_to_continue", { name }) : t("chat.message_to", { name });
}
