// @ts-check
/** The composer: a draft that is never lost, Enter sends, and one button that sends or stops. */

import { modeFor } from "./asking.js";
import { required } from "./dom.js";
import { t } from "./i18n.js";
import { tabStorage } from "./storage.js";

const KEY = "parley.draft";
const SAFARI_COMPOSING = 229; // Safari ends a composition before its keydown, and only this code tells

/** @typedef {import("./types.js").Mode} Mode */
/** @typedef {{ ask: (text: string) => void, stop: () => void, setMode: (mode: Mode) => void }} Actions */

/** The form at the foot of the page. */
export class Composer {
  #form = required("composer", HTMLFormElement);
  #draft = required("draft", HTMLTextAreaElement);
  #send = required("send", HTMLButtonElement);
  #sendWords = required("send-words", HTMLElement);
  #mode = required("mode", HTMLFieldSetElement);
  #note = required("mode-note", HTMLElement);
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
    this.#draft.addEventListener("keydown", (event) => this.#onKey(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#store.state.run) this.#actions.stop();
      else this.#submit();
    });
    // The second click of a double click must not stop what the first one sent.
    this.#send.addEventListener("click", (event) => event.detail === 2 && event.preventDefault());
    this.#mode.addEventListener("change", (event) => {
      const chosen = /** @type {HTMLInputElement} */ (event.target).value;
      this.#actions.setMode(chosen === "completion" ? "completion" : "chat");
    });
    document.addEventListener("keydown", (event) => this.#onEscape(event));
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

  /** Send what stands there. */
  submit() {
    this.#submit();
  }

  #submit() {
    const text = this.#draft.value;
    if (text.trim() === "" || this.#store.state.run || !this.#store.selected) return;
    this.#draft.value = "";
    this.#changed();
    this.#actions.ask(text);
    this.focus();
  }

  #changed() {
    tabStorage.write(KEY, this.#draft.value);
    this.#grow();
    this.#draw();
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
    this.#submit();
  }

  /** @param {KeyboardEvent} event */
  #onEscape(event) {
    const isElsewhere = document.querySelector(":popover-open, dialog:modal") !== null;
    if (event.key !== "Escape" || event.isComposing || isElsewhere || !this.#store.state.run) return;
    event.preventDefault();
    this.#actions.stop();
  }

  #draw() {
    const { selected: model, state } = this.#store;
    const isRunning = state.run !== null;
    const words = state.run?.isStopping ? t("chat.stopping") : isRunning ? t("chat.stop") : t("chat.send");
    this.#sendWords.textContent = words;
    this.#send.dataset.does = isRunning ? "stop" : "send";
    const isIdle = !isRunning && (this.#draft.value.trim() === "" || !model);
    this.#send.setAttribute("aria-disabled", String(isIdle || state.run?.isStopping === true));
    this.#drawMode(model, state.conversation.mode);
  }

  /**
   * @param {import("./types.js").Model|null} model
   * @param {Mode} chosen
   */
  #drawMode(model, chosen) {
    const mode = model ? modeFor(model, chosen) : "chat";
    const isFree = model !== null && !model.chat_template;
    this.#mode.hidden = !isFree;
    required(`mode-${mode}`, HTMLInputElement).checked = true;
    this.#note.textContent = mode === "chat" ? t("chat.mode_chat_note") : t("chat.mode_completion_note");
    this.#note.hidden = !isFree;
    this.#draft.placeholder = placeholder(mode, model?.name);
  }
}

/**
 * @param {Mode} mode
 * @param {string|undefined} name of the model
 */
function placeholder(mode, name) {
  if (name === undefined) return t("chat.choose_first");
  return mode === "completion" ? t("chat.text_to_continue", { name }) : t("chat.message_to", { name });
}
