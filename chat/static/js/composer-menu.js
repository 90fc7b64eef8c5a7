// @ts-check
/** The other ways to write: a message as the model, the beginning of its answer, and a look at what it will read. */

import { required } from "./dom.js";
import { t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { modeFor } from "./modes.js";
import { inspect } from "./prompt-view.js";

/**
 * @param {object} around
 * @param {import("./store.js").Store} around.store
 * @param {import("./composer.js").Composer} around.composer
 * @param {import("./talk.js").Talk} around.talk
 * @param {(action: () => Promise<unknown>) => Promise<void>} around.attempt
 */
export function composerMenu({ store, composer, talk, attempt }) {
  const button = required("composer-more", HTMLButtonElement);
  button.addEventListener("click", () => openMenu(button, t("chat.composer_more"), items()));

  function items() {
    const model = store.selected;
    const raw = model !== null && modeFor(model, store.state.conversation.mode) === "completion";
    const hasDraft = composer.draft.trim() !== "";
    return [
      ...(raw ? [] : [{ label: t("chat.prefill_open"), icon: "on", act: () => composer.prefill(true) }]),
      ...(hasDraft ? [{ label: t("chat.insert"), icon: "speak", act: insert }] : []),
      { label: t("chat.inspect_next"), icon: "inspect", act: () => attempt(() => look(raw)) },
    ];
  }

  function insert() {
    const text = composer.take();
    attempt(() => talk.insert(text).catch((error) => (composer.giveBack(text), Promise.reject(error))));
    composer.focus();
  }

  /** @param {boolean} raw */
  async function look(raw) {
    const { messages } = store.state.conversation;
    const draft = composer.draft === "" ? [] : [{ role: "user", content: composer.draft }];
    await inspect(store, [...messages, ...draft], store.selected?.id ?? null, raw);
  }
}
