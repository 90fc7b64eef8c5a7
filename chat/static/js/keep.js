// @ts-check
/** Keeps the conversation over a reload of this tab, and nowhere else. */

import { afterReload } from "./conversation.js";
import { tabStorage } from "./storage.js";

const KEY = "parley.conversation";
const SAVE_MILLISECONDS = 500;

/**
 * Put back what was kept, then keep every change.
 * @param {import("./store.js").Store} store
 * @param {(draft: string) => void} giveBack takes a question that was not answered
 */
export function keepConversation(store, giveBack) {
  restore(store, giveBack);
  let timer = 0;
  let isFull = false;
  const save = () => {
    clearTimeout(timer);
    timer = 0;
    if (!isFull) isFull = !saved(store);
  };
  const later = () => {
    if (timer === 0) timer = setTimeout(save, SAVE_MILLISECONDS);
  };
  store.addEventListener("conversation", later);
  store.addEventListener("catalog", later);
  addEventListener("pagehide", save);
}

/**
 * @param {import("./store.js").Store} store
 * @param {(draft: string) => void} giveBack
 */
function restore(store, giveBack) {
  const text = tabStorage.read(KEY);
  if (text === null) return;
  const kept = JSON.parse(text);
  const { conversation, draft } = afterReload(kept.conversation);
  store.dispatch({ type: "model/selected", id: kept.selectedId });
  store.dispatch({ type: "conversation/restored", conversation });
  if (draft !== "") giveBack(draft);
}

/**
 * @param {import("./store.js").Store} store
 * @returns {boolean} whether there was room
 */
function saved(store) {
  const { conversation, catalog } = store.state;
  if (tabStorage.write(KEY, JSON.stringify({ conversation, selectedId: catalog.selectedId }))) return true;
  const message = "The browser keeps no more of this conversation: a reload of the page would lose its end.";
  const notice = {
    message,
    code: "storage_full",
    hint: "Copy what you need, or start a new chat.",
    actions: ["new-chat"],
  };
  store.dispatch({ type: "notice/shown", notice });
  return false;
}
