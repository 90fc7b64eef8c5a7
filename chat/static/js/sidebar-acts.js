// @ts-check
/** What the sidebar's buttons do to a conversation, and what is said about it. */

import { ApiError } from "./http.js";
import { t } from "./i18n.js";
import { say } from "./toast.js";

/** @typedef {import("./types.js").Entry} Entry */

/**
 * @param {object} around
 * @param {import("./store.js").Store} around.store
 * @param {import("./library.js").Library} around.library
 * @param {import("./places.js").Places} around.places
 * @param {(action: () => Promise<unknown>) => Promise<void>} around.attempt
 * @returns {import("./sidebar.js").Actions}
 */
export function libraryActions({ store, library, places, attempt }) {
  const isOpen = (/** @type {string} */ id) => store.state.conversation.id === id;
  return {
    open: (id) => places.open(id),
    change: (id, changes) =>
      attempt(async () => {
        await library.change(id, changes);
        const words = saidOf(changes);
        const before = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, !value]));
        if (words) say(words, () => attempt(() => library.change(id, before)));
      }),
    fork: (entry) => attempt(async () => places.open((await library.fork(entry.id, entry.leaf_id ?? "")).id)),
    remove: (entry) =>
      attempt(async () => {
        const wasOpen = isOpen(entry.id);
        await library.remove(entry.id);
        if (wasOpen) places.startNew();
        say(t("chat.deleted", { title: entry.title || t("chat.untitled") }), () => restore(entry.id, wasOpen));
      }),
    look: (which) => library.look(which),
    more: () => library.more(),
    hasMore: () => library.hasMore,
    take: (file) =>
      attempt(async () => {
        const { conversations } = await library.import(file).catch((error) => refuse(file, error));
        say(t("chat.imported", { count: conversations.length }));
        if (conversations.length === 1) places.open(conversations[0].id);
      }),
  };

  /** @param {string} id @param {boolean} wasOpen */
  function restore(id, wasOpen) {
    attempt(async () => {
      await library.restore(id);
      if (wasOpen) places.open(id);
    });
  }
}

/**
 * What the server calls a request's body is a file here.
 * @param {File} file
 * @param {unknown} error
 * @returns {never}
 */
function refuse(file, error) {
  if (!(error instanceof ApiError) || error.code !== "invalid_json") throw error;
  const message = t("chat.import_no_json", { name: file.name });
  throw new ApiError({ message, code: "file_no_json", hint: t("chat.import_no_json_hint"), requestId: error.requestId });
}

/** @param {object} changes */
function saidOf(changes) {
  if (!("archived" in changes)) return null;
  return changes.archived ? t("chat.archived") : t("chat.unarchived");
}
