// @ts-check
/** Keeps the list of conversations as the server has it, and does what can be done with one of them. */

import { inWords } from "./words.js";
import { ApiError } from "./http.js";

/** @typedef {import("./types.js").Entry} Entry */

const POLL_MILLISECONDS = 5000;
const PAGE = 50;
const MOST = 200;

/**
 * @typedef {object} Surroundings
 * @property {import("./store.js").Store} store
 * @property {typeof import("./conversations-api.js")} api
 * @property {(conversationId: string) => void} changed tells other tabs
 */

/** The conversations. Its acts throw what the server refuses with. */
export class Library {
  #around;
  /** @type {string|null} */
  #etag = null;
  #limit = PAGE;

  /** @param {Surroundings} around */
  constructor(around) {
    this.#around = around;
    setInterval(() => document.hidden || this.refresh(), POLL_MILLISECONDS);
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** Read the list anew where it has changed. */
  async refresh() {
    const { store, api } = this.#around;
    const { words, archived } = store.state.library;
    try {
      const read = await api.listConversations({ words, archived, limit: this.#limit }, this.#etag);
      const { library } = store.state;
      if (read === null || library.words !== words || library.archived !== archived) return;
      this.#etag = read.etag;
      store.dispatch({ type: "library/listed", entries: read.value.conversations, next: read.value.next });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "server_unreachable") store.dispatch({ type: "library/failed", problem: inWords(error) });
    }
  }

  /**
   * List those that hold the words, of the archive or of the others.
   * @param {{ words?: string, archived?: boolean }} which
   */
  async look(which) {
    const { words, archived } = this.#around.store.state.library;
    this.#around.store.dispatch({ type: "library/asked", words, archived, ...which });
    this.#etag = null;
    this.#limit = PAGE;
    await this.refresh();
  }

  /** List more of them. */
  async more() {
    this.#limit = Math.min(MOST, this.#limit + PAGE);
    this.#etag = null;
    await this.refresh();
  }

  /** Whether `more` would list more. */
  get hasMore() {
    return this.#around.store.state.library.next !== null && this.#limit < MOST;
  }

  /**
   * Rename, pin, archive: whatever a conversation is besides its messages.
   * @param {string} id
   * @param {object} changes
   */
  async change(id, changes) {
    const { store, api } = this.#around;
    const entry = await api.changeConversation(id, changes);
    store.dispatch({ type: "library/changed", entry });
    if (store.state.conversation.id === id) store.dispatch({ type: "conversation/changed", changes: entry });
    await this.#tell(id);
  }

  /** Take one away. @param {string} id */
  async remove(id) {
    const { store, api } = this.#around;
    await api.deleteConversation(id);
    store.dispatch({ type: "library/removed", id });
    await this.#tell(id);
  }

  /** Bring it back. @param {string} id */
  async restore(id) {
    await this.#around.api.restoreConversation(id);
    await this.#tell(id);
  }

  /**
   * One of its own that goes up to a message.
   * @param {string} id
   * @param {string} messageId
   * @returns {Promise<Entry>}
   */
  async fork(id, messageId) {
    const made = await this.#around.api.forkConversation(id, messageId);
    await this.#tell(made.id);
    return made;
  }

  /** What a file that was exported holds. @param {File} file */
  async import(file) {
    const made = await this.#around.api.importConversations(await file.text());
    await this.#tell("");
    return made;
  }

  /** @param {string} id */
  async #tell(id) {
    this.#around.changed(id);
    this.#etag = null;
    await this.refresh();
  }
}
