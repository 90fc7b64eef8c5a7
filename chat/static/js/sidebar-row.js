// @ts-check
/** One conversation in the sidebar: the way to it, its menu, and the field that renames it. */

import { exportAddress } from "./conversations-api.js";
import { found } from "./days.js";
import { element, icon } from "./dom.js";
import { t } from "./i18n.js";
import { openMenu } from "./menu.js";

/** @typedef {import("./types.js").Entry} Entry */

/**
 * @typedef {object} RowActions
 * @property {(id: string) => void} open
 * @property {(id: string, changes: object) => void} change
 * @property {(entry: Entry) => void} fork
 * @property {(entry: Entry) => void} remove
 */

/** A row; it is brought up to date in place, so that the focus stays where it is. */
export class SidebarRow {
  #link = element("a", { className: "entry-link" });
  #button = element("button", { type: "button", className: "quiet-button entry-button", "aria-haspopup": "menu" });
  element = element("li", { className: "entry" }, this.#link, this.#button);
  #actions;
  #entry;

  /**
   * @param {Entry} entry
   * @param {RowActions} actions
   */
  constructor(entry, actions) {
    this.#entry = entry;
    this.#actions = actions;
    this.#button.append(icon("more"));
    this.#link.href = `/c/${encodeURIComponent(entry.id)}`;
    this.#link.addEventListener("click", (event) => this.#onClick(event));
    this.#button.addEventListener("click", () => this.#openMenu());
    this.#link.addEventListener("keydown", (event) => event.key === "F2" && this.rename());
  }

  /**
   * @param {Entry} entry
   * @param {boolean} isOpen whether it is the one on the page
   * @param {string} words that were looked for
   */
  update(entry, isOpen, words) {
    this.#entry = entry;
    if (isOpen) this.#link.setAttribute("aria-current", "page");
    else this.#link.removeAttribute("aria-current");
    this.#button.ariaLabel = t("chat.acts_on", { title: this.#title });
    const pin = entry.pinned ? icon("pin") : null;
    const name = element("span", { className: "entry-title", dir: "auto" }, ...marked(this.#title, words));
    const snippet = words && entry.snippet ? marked(entry.snippet, words) : [];
    const below = snippet.length > 0 ? element("span", { className: "entry-snippet", dir: "auto" }, ...snippet) : null;
    const mark = entry.answering ? element("span", { className: "entry-answering", title: t("chat.answering") }) : null;
    mark?.append(element("span", { className: "visually-hidden" }, t("chat.answering")));
    this.#link.replaceChildren(...[pin, name, mark, below].filter((part) => part !== null));
  }

  /** Put the cursor on it. */
  focus() {
    this.#link.focus();
  }

  /** Let its title be written anew. */
  rename() {
    const field = element("input", { type: "text", className: "entry-field", value: this.#entry.title, dir: "auto" });
    field.ariaLabel = t("chat.new_title");
    field.maxLength = 300;
    let isOver = false;
    const end = (/** @type {boolean} */ isKept) => {
      if (isOver) return;
      isOver = true;
      const title = field.value.trim();
      field.replaceWith(this.#link);
      this.#link.focus();
      if (isKept && title !== "" && title !== this.#entry.title) this.#actions.change(this.#entry.id, { title });
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      end(event.key === "Enter");
    });
    field.addEventListener("blur", () => end(true));
    this.#link.replaceWith(field);
    field.select();
    field.focus();
  }

  get #title() {
    return this.#entry.title || t("chat.untitled");
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#actions.open(this.#entry.id);
  }

  #openMenu() {
    const { id, pinned, archived, leaf_id } = this.#entry;
    const { change, fork, remove } = this.#actions;
    const entry = this.#entry;
    openMenu(this.#button, t("chat.acts_on", { title: this.#title }), [
      { label: t("chat.rename"), icon: "edit", act: () => this.rename() },
      { label: pinned ? t("chat.unpin") : t("chat.pin"), icon: "pin", act: () => change(id, { pinned: !pinned }) },
      {
        label: archived ? t("chat.unarchive") : t("chat.archive"),
        icon: "archive",
        act: () => change(id, { archived: !archived }),
      },
      ...(leaf_id ? [{ label: t("chat.fork"), icon: "fork", act: () => fork(entry) }] : []),
      { label: t("chat.export_markdown"), icon: "download", href: exportAddress(id, "md") },
      { label: t("chat.export_json"), icon: "download", href: exportAddress(id, "json") },
      { label: t("chat.export_jsonl"), icon: "download", href: exportAddress(id, "jsonl") },
      { label: t("chat.delete"), icon: "delete", act: () => remove(entry), isDangerous: true },
    ]);
  }
}

/**
 * @param {string} text
 * @param {string} words
 */
function marked(text, words) {
  return found(text, words).map((part) => (part.isFound ? element("mark", {}, part.text) : part.text));
}
