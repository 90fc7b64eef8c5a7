// @ts-check
/** Keeps the conversation on the page as the server has it: opens it, reads it anew when it changed, pages back. */

import { ApiError } from "./http.js";
import { noticeOf } from "./notices.js";

/** @typedef {import("./types.js").Message} Message */

const POLL_MILLISECONDS = 4000;
const FIRST = 20; // messages that fill the tallest screens; the others come while one reads
const PAGE = 50;

/**
 * @typedef {object} Surroundings
 * @property {import("./store.js").Store} store
 * @property {typeof import("./conversations-api.js")} api
 * @property {(message: Message) => void} attach follows an answer that is being written
 * @property {() => void} leave stops following
 */

/** The conversation that is open. */
export class Reading {
  #around;
  /** @type {string|null} */
  #etag = null;

  /** @param {Surroundings} around */
  constructor(around) {
    this.#around = around;
    setInterval(() => this.#poll(), POLL_MILLISECONDS);
    document.addEventListener("visibilitychange", () => this.#poll());
  }

  /** Show this conversation. @param {string} id */
  async open(id) {
    const { store, leave } = this.#around;
    leave();
    store.dispatch({ type: "conversation/loading", id });
    await this.refresh();
  }

  /** Read the open conversation anew, and follow what is being written there. */
  async refresh() {
    const { store } = this.#around;
    const { id } = store.state.conversation;
    if (id === null) return;
    this.#etag = null;
    await this.#read(id);
  }

  /** The messages before those that are shown. */
  async earlier() {
    const { store, api } = this.#around;
    const { id, earlier: cursor } = store.state.conversation;
    if (id === null || cursor === null) return;
    const read = await api.readConversation(id, { limit: PAGE, before: cursor });
    const now = store.state.conversation;
    if (read && now.id === id && now.earlier === cursor) {
      store.dispatch({ type: "conversation/earlier", read: read.value });
    }
  }

  #poll() {
    const { store } = this.#around;
    const { id, phase } = store.state.conversation;
    if (id !== null && phase === "open" && !document.hidden && store.state.run === null) this.#read(id);
  }

  /** @param {string} id */
  async #read(id) {
    const { store, api } = this.#around;
    const limit = Math.max(FIRST, store.state.conversation.messages.length);
    try {
      const read = await api.readConversation(id, { limit: Math.min(limit, 1000), etag: this.#etag });
      const { conversation, run } = store.state;
      if (read === null || conversation.id !== id) return;
      if (run !== null && run.id === null) return; // what was asked just now is not in it yet
      this.#etag = read.etag;
      if (conversation.phase === "loading" && read.value.model) {
        store.dispatch({ type: "model/selected", id: read.value.model });
      }
      store.dispatch({ type: "conversation/read", read: read.value });
      this.#attach();
    } catch (error) {
      this.#failed(error);
    }
  }

  #attach() {
    const { store, attach } = this.#around;
    const growing = store.state.conversation.messages.find((message) => message.status === "streaming");
    if (growing && store.state.run === null) attach(growing);
  }

  /** @param {unknown} error */
  #failed(error) {
    const { store } = this.#around;
    if (error instanceof ApiError && error.code === "conversation_not_found") {
      store.dispatch({ type: "conversation/missing" });
    } else if (store.state.conversation.phase === "loading" || !(error instanceof ApiError)) {
      store.dispatch({ type: "notice/shown", notice: noticeOf(error) });
    } // a poll that fails is told by the line that says that the server does not answer
  }
}
