// @ts-check
/** What the buttons under a message do. */

import { changeConversation, deleteMessage, editMessage, restoreMessage } from "./conversations-api.js";
import { t } from "./i18n.js";
import { openEditor } from "./message-editor.js";
import { inspectAnswer } from "./prompt-view.js";
import { say } from "./toast.js";

/** @typedef {import("./types.js").Message} Message */

/**
 * @param {object} around
 * @param {import("./store.js").Store} around.store
 * @param {import("./library.js").Library} around.library
 * @param {import("./talk.js").Talk} around.talk
 * @param {import("./reading.js").Reading} around.reading
 * @param {import("./places.js").Places} around.places
 * @param {(action: () => Promise<unknown>) => Promise<void>} around.attempt
 * @param {(take: (modelId: string) => void) => void} around.pick lets a checkpoint be chosen for once
 * @returns {import("./message-foot.js").MessageActions}
 */
export function messageActions({ store, library, talk, reading, places, attempt, pick }) {
  const conversationId = () => store.state.conversation.id ?? "";
  const tell = () => reading.refresh();
  return {
    regenerate: (message) => talk.regenerate(message),
    regenerateWith: (message) => pick((modelId) => talk.regenerate(message, modelId)),
    goOn: (message) => talk.goOn(message),
    rerun: (message) => talk.rerun(message),
    edit: (message) =>
      openEditor(message, (content) =>
        message.role === "user"
          ? talk.askOtherwise(message, content)
          : attempt(async () => (await editMessage(message.id, content), await tell())),
      ),
    remove: (message) =>
      attempt(async () => {
        await deleteMessage(message.id);
        await tell();
        say(t("chat.message_deleted"), () => attempt(async () => (await restoreMessage(message.id), await tell())));
      }),
    fork: (message) => attempt(async () => places.open((await library.fork(conversationId(), message.id)).id)),
    inspect: (message) => attempt(() => inspectAnswer(store, message)),
    show: (id) => attempt(async () => (await changeConversation(conversationId(), { leaf_id: id }), await tell())),
    model: (id) => store.model(id),
  };
}
