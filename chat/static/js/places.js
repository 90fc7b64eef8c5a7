// @ts-check
/** Keeps the address and the title of the page with the conversation that is open, and goes where the address says. */

import { t } from "./i18n.js";

const PATH = /^\/c\/([^/]+)$/;

/** The addresses of the chat: `/` with nothing said, `/c/ID` at a conversation, `?model=ID` with a checkpoint chosen. */
export class Places {
  #store;
  #actions;

  /**
   * @param {import("./store.js").Store} store
   * @param {{ open: (id: string) => void, startNew: () => void }} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    addEventListener("popstate", () => this.#goToAddress());
    store.addEventListener("conversation", () => this.#drawTitle());
  }

  /** Go where the page's address says, once everything stands. */
  begin() {
    const model = new URLSearchParams(location.search).get("model");
    if (model) this.#store.dispatch({ type: "model/selected", id: model });
    if (model) history.replaceState(null, "", location.pathname);
    this.#goToAddress();
  }

  /** Open a conversation under its own address. @param {string} id */
  open(id) {
    if (this.#store.state.conversation.id !== id) history.pushState(null, "", `/c/${encodeURIComponent(id)}`);
    this.#actions.open(id);
  }

  /** Begin another conversation. */
  startNew() {
    this.#actions.startNew();
  }

  /** The conversation that has begun here has its id now. @param {string} id */
  named(id) {
    history.pushState(null, "", `/c/${encodeURIComponent(id)}`);
  }

  /** No conversation is open. */
  none() {
    if (location.pathname !== "/") history.pushState(null, "", "/");
  }

  #goToAddress() {
    const id = PATH.exec(location.pathname)?.[1];
    if (id) this.#actions.open(decodeURIComponent(id));
    else this.#actions.startNew();
  }

  #drawTitle() {
    const { title } = this.#store.state.conversation;
    document.title = title ? t("chat.page_title", { title }) : "Parley";
  }
}
