// @ts-check
/** Shows the conversation: one view for each message, at most one drawing for each frame. */

import { MessageView } from "./message.js";

/** @typedef {import("./types.js").Message} Message */

/** The list of messages. */
export class Transcript {
  /** @type {Map<string, { view: MessageView, message: Message|null, isLast: boolean, isIdle: boolean }>} */
  #shown = new Map();
  #frame = 0;
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
    store.addEventListener("conversation", () => this.#schedule());
    store.addEventListener("run", () => this.#schedule());
    this.#schedule();
  }

  /** Bring the latest answer into view for those who read with the keyboard. */
  focusLatest() {
    const last = [...this.#shown.values()].at(-1);
    last?.view.article.focus();
  }

  #schedule() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const { conversation, run } = this.#store.state;
    this.#dropOthers(conversation.messages);
    const last = conversation.messages.at(-1);
    for (const message of conversation.messages) this.#drawMessage(message, message === last, run === null);
    this.#order(conversation.messages);
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
   * @param {boolean} isIdle
   */
  #drawMessage(message, isLast, isIdle) {
    const entry = this.#shown.get(message.id) ?? this.#add(message);
    if (entry.message === message && entry.isLast === isLast && entry.isIdle === isIdle) return;
    [entry.message, entry.isLast, entry.isIdle] = [message, isLast, isIdle];
    entry.view.update(message, isLast, isIdle);
  }

  /** @param {Message} message */
  #add(message) {
    const view = new MessageView(message, this.#actions);
    const entry = { view, message: null, isLast: false, isIdle: false };
    this.#shown.set(message.id, entry);
    return entry;
  }
}
