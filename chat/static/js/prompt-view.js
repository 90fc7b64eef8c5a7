// @ts-check
/** Shows what a model really read before an answer: the rendered prompt, whole or cut into its tokens. */

import { readConversation } from "./conversations-api.js";
import { before } from "./conversation.js";
import { copyButton, element } from "./dom.js";
import { post } from "./http.js";
import { t } from "./i18n.js";
import { modelName } from "./words.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {{ id: number, text: string, special: boolean }} Piece */

const MOST_MESSAGES = 1000;
const MOST_PIECES = 20_000; // more would only make the page slow

/**
 * Show what was read before an answer.
 * @param {import("./store.js").Store} store
 * @param {Message} answer
 */
export async function inspectAnswer(store, answer) {
  const path = before(await wholePath(store, answer), answer);
  await inspect(store, path, answer.model ?? null, answer.asked?.raw === true);
}

/**
 * Show what would be read next.
 * @param {import("./store.js").Store} store
 * @param {{ role: string, content: string }[]} turns
 * @param {string|null} model
 * @param {boolean} raw
 */
export async function inspect(store, turns, model, raw) {
  const { system } = store.state.conversation;
  const said = turns.filter(({ role, content }) => content !== "" || role !== "assistant");
  const { prompt, tokens } = raw ? await asText(said, model) : await asTurns(said, system, model);
  show(prompt, tokens, modelName(model));
}

/**
 * @param {{ content: string }[]} turns
 * @param {string|null} model
 */
async function asText(turns, model) {
  const prompt = turns.map((turn) => turn.content).join("");
  const { tokens } = await (await post("/api/tokenize", { model, text: prompt })).json();
  return { prompt, tokens };
}

/**
 * @param {{ role: string, content: string }[]} turns
 * @param {string|null} system
 * @param {string|null} model
 */
async function asTurns(turns, system, model) {
  const messages = turns.map(({ role, content }) => ({ role, content }));
  if (system) messages.unshift({ role: "system", content: system });
  return (await post("/api/template", { model, messages })).json();
}

/**
 * The messages up to this one, also those that the page has not read.
 * @param {import("./store.js").Store} store
 * @param {Message} answer
 */
async function wholePath(store, answer) {
  const { id, earlier, messages } = store.state.conversation;
  if (earlier === null || id === null) return messages;
  const read = await readConversation(id, { limit: MOST_MESSAGES });
  const found = /** @type {Message[]} */ (read?.value.messages ?? []);
  return found.some((message) => message.id === answer.id) ? found : messages;
}

/**
 * @param {string} prompt
 * @param {Piece[]} tokens
 * @param {string} name of the model
 */
function show(prompt, tokens, name) {
  const dialog = element("dialog", { className: "box prompt-view", "aria-labelledby": "prompt-title" });
  const title = element("h2", { id: "prompt-title" }, t("chat.inspect"));
  const close = element("button", { type: "button", className: "quiet-button", onclick: () => dialog.close() });
  close.textContent = t("common.close");
  const count = t("common.tokens", { count: tokens.length });
  const about = element("p", { className: "quiet" }, t("chat.inspect_about", { name, tokens: count }));
  const text = element("pre", { className: "prompt-text", tabIndex: 0, dir: "auto" }, ...tokens.slice(0, MOST_PIECES).map(piece));
  if (tokens.length > MOST_PIECES) text.append("…");
  const head = element("div", { className: "box-head" }, title, copyButton(t("common.copy"), () => prompt), close);
  dialog.append(head, about, text);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {Piece} token */
function piece({ id, text, special }) {
  const made = element("span", { className: `piece ${special ? "is-special" : ""}`, title: String(id) });
  made.textContent = text;
  return made;
}
