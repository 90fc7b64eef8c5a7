// @ts-check
/** Lets a message be written anew where it stands. */

import { element } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Message} Message */

/**
 * Open the editor of a message; Escape and the second button close it without a change.
 * @param {Message} message
 * @param {(content: string) => void} save called with another text only
 */
export function openEditor(message, save) {
  const article = document.querySelector(`[data-message="${CSS.escape(message.id)}"] article`);
  if (article === null || article.querySelector(".editor")) return;
  const isUser = message.role === "user";
  const field = element("textarea", { value: message.content, dir: "auto", ariaLabel: t("chat.edit_field") });
  const done = element("button", { type: "submit", className: "main-button" });
  done.textContent = isUser ? t("chat.ask_otherwise") : t("chat.save_version");
  const back = element("button", { type: "button", className: "plain-button" }, t("common.cancel"));
  const note = element("p", { className: "field-hint" }, t("chat.edit_hint"));
  const form = element("form", { className: "editor" }, field, note, element("div", { className: "editor-acts" }, back, done));
  const close = () => {
    form.remove();
    article.classList.remove("is-edited");
    /** @type {HTMLElement|null} */ (article.querySelector("[data-act=edit], [data-act=more]"))?.focus();
  };
  const submit = () => {
    const content = field.value;
    close();
    if (content.trim() !== "" && content !== message.content) save(content);
  };
  back.addEventListener("click", close);
  form.addEventListener("submit", (event) => (event.preventDefault(), submit()));
  form.addEventListener("keydown", (event) => onKey(event, isUser, submit, close));
  article.classList.add("is-edited");
  article.append(form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

/**
 * @param {KeyboardEvent} event
 * @param {boolean} isUser a question is sent with Enter, as in the composer
 * @param {() => void} submit
 * @param {() => void} close
 */
function onKey(event, isUser, submit, close) {
  if (event.isComposing) return;
  const isSent = event.key === "Enter" && (event.ctrlKey || event.metaKey || (isUser && !event.shiftKey));
  if (isSent && event.target instanceof HTMLTextAreaElement) {
    event.preventDefault();
    submit();
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close();
  }
}
