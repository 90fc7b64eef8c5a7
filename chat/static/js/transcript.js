// @ts-check
/** Shows the conversation: one view for each message, at most one drawing for each frame. */

import { MessageView } from "./message.js";

/** @typedef {import("./types.js").Message} Message */

/** The list of messages. */
export class Transcript {
  /** @type {Map<string, { view: MessageView, message: Message|null, isLast: boolean }>} */
  #shown = new Map();
  #frame = 0;
  #isWhole = true; // whether more has changed than the answer that grows
  #list;
  #store;
  #actions;

  /**
   * @param {HTMLElement} list
   * @param {import("./store.js").Store} store
   * @param {import("./message-foot.js").MessageActions} actions
   */
  constructor(list, store, actions) {
    this.#list = list;
    this.#store = store;
    this.#actions = actions;
    for (const part of ["conversation", "run"]) store.addEventListener(part, () => this.#schedule(true));
    store.addEventListener("growth", () => this.#schedule(false));
    this.#schedule(true);
  }

  /** Bring the latest answer into view for those who read with the keyboard. */
  focusLatest() {
    const last = [...this.#shown.values()].at(-1);
    last?.view.article.focus();
  }

  /** @param {boolean} isWhole */
  #schedule(isWhole) {
    this.#isWhole ||= isWhole;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { conversation, run } = this.#store.state;
    const { messages } = conversation;
    const isWhole = this.#isWhole;
    [this.#frame, this.#isWhole] = [0, false];
    if (isWhole) this.#dropOthers(messages);
    const changed = isWhole ? messages : messages.filter(({ id }) => id === run?.messageId);
    for (const message of changed) this.#drawMessage(message, message === messages.at(-1));
    if (!isWhole) return;
    this.#list.toggleAttribute("data-busy", run !== null);
    this.#list.toggleAttribute("data-unkept", conversation.isUnkept);
    this.#order(messages);
  }

  /**
   * Earlier messages come before those that stand, which stay where the reader sees them: browsers see to that
   * themselves, but not at the very top.
   * @param {Message[]} messages
   */
  #order(messages) {
    const anchor = scrollY < 1 ? this.#list.firstElementChild : null;
    const top = anchor?.getBoundingClientRect().top ?? 0;
    this.#place(messages);
    if (anchor?.previousElementSibling) scrollBy({ top: anchor.getBoundingClientRect().top - top, behavior: "instant" });
  }

  /** @param {Message[]} messages */
  #place(messages) {
    let next = null;
    for (const { id } of messages.toReversed()) {
      const item = /** @type {any} */ (this.#shown.get(id)).view.element;
      if (item.nextSibling !== next || item.parentNode !== this.#list) this.#list.insertBefore(item, next);
      next = item;
    }
  }

  /** @param {Message[]} messages those that stay */
  #dropOthers(messages) {
    const ids = new Set(messages.map((message) => message.id));
    for (const [id, { view }] of this.#shown) {
      if (ids.has(id)) continue;
      view.element.remove();
      this.#shown.delete(id);
    }
  }

  /**
   * @param {Message} message
   * @param {boolean} isLast
   */
  #drawMessage(message, isLast) {
    const entry = this.#shown.get(message.id) ?? this.#add(message);
    if (entry.message === message && entry.isLast === isLast) return;
    [entry.message, entry.isLast] = [message, isLast];
    entry.view.update(message, isLast);
  }

  /** @param {Message} message */
  #add(message) {
    const entry = { view: new MessageView(message, this.#actions), message: null, isLast: false };
    this.#shown.set(message.id, entry);
    return entry;
  }
}
