// @ts-check
/** Ctrl+K: every model, conversation, page and act by a few letters. */

import { listConversations } from "./conversations-api.js";
import { element, icon } from "./dom.js";
import { t } from "./i18n.js";
import { chooseTheme, THEMES } from "./layout.js";
import { matches, moved } from "./picker-row.js";

/** @typedef {{ kind: string, icon: string, label: string, detail?: string, id?: string, act: () => void }} Command */

const MOST = 60;
const MOST_RECENT = 5;
const SEARCH_MILLISECONDS = 150;

/**
 * @typedef {object} Surroundings
 * @property {import("./store.js").Store} store
 * @property {(id: string) => void} choose
 * @property {(id: string) => void} open
 * @property {() => void} startNew
 * @property {() => void} showParameters
 * @property {() => void} search
 */

/** The palette; it is made when it is asked for and gone when it is left. */
export class Palette {
  #around;
  /** @type {HTMLDialogElement|null} */
  #dialog = null;
  #field = element("input", { type: "text", role: "combobox", className: "palette-field", autocomplete: "off" });
  #list = element("ul", { id: "palette-list", className: "palette-list", role: "listbox" });
  /** @type {Command[]} */
  #shown = [];
  #active = 0;
  #timer = 0;
  /** @type {Command[]} */
  #found = [];

  /** @param {Surroundings} around */
  constructor(around) {
    this.#around = around;
    addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (this.#dialog) this.#dialog.close();
      else if (!document.querySelector("dialog:modal")) this.open();
    });
    this.#field.ariaLabel = t("chat.palette");
    this.#field.placeholder = t("chat.palette_hint");
    this.#field.setAttribute("aria-controls", this.#list.id);
    this.#field.setAttribute("aria-expanded", "true");
    this.#list.ariaLabel = t("chat.palette");
    this.#field.addEventListener("input", () => this.#onInput());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Show it. */
  open() {
    this.#field.value = "";
    this.#found = [];
    const dialog = element("dialog", { className: "box palette", "aria-label": t("chat.palette") });
    dialog.append(this.#field, this.#list);
    dialog.addEventListener("close", () => {
      dialog.remove();
      this.#dialog = null;
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    this.#dialog = dialog;
    dialog.showModal();
    this.#draw();
  }

  #onInput() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), SEARCH_MILLISECONDS);
    this.#active = 0;
    this.#draw();
  }

  /** Conversations by what was said in them, from the server. */
  async #search() {
    const words = this.#field.value.trim();
    if (words === "") return;
    const read = await listConversations({ words, limit: 10 }).catch(() => null); // the list at hand is searched anyway
    if (this.#field.value.trim() !== words) return;
    this.#found = (read?.value.conversations ?? []).map(this.#conversation);
    this.#draw();
  }

  #draw() {
    const words = this.#field.value.trim().toLowerCase();
    const near = words === "" ? this.#first() : this.#all().filter((command) => holds(command, words));
    const known = new Set(near.map((command) => command.id));
    this.#shown = [...near, ...this.#found.filter((command) => !known.has(command.id))].slice(0, MOST);
    this.#active = Math.min(this.#active, Math.max(0, this.#shown.length - 1));
    const none = element("li", { className: "palette-none", role: "presentation" }, t("chat.palette_none"));
    this.#list.replaceChildren(...(this.#shown.length > 0 ? this.#shown.map(this.#option) : [none]));
    const active = this.#list.querySelector(".is-active");
    if (active) this.#field.setAttribute("aria-activedescendant", active.id);
    else this.#field.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  #option = (/** @type {Command} */ { kind, icon: image, label, detail = "" }, /** @type {number} */ index) => {
    const isActive = index === this.#active;
    const properties = { id: `command-${index}`, role: "option", "aria-selected": isActive };
    const made = element("li", { className: `command ${isActive ? "is-active" : ""}`, ...properties });
    const words = element("span", { className: "command-label", dir: "auto" }, label);
    made.append(icon(image), words, element("span", { className: "command-detail", dir: "auto" }, detail), element("span", { className: "command-kind" }, kind));
    made.addEventListener("click", () => this.#do(index));
    return made;
  };

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return;
    const next = moved(event.key, this.#active, this.#shown.length);
    if (event.key === "Enter") this.#do(this.#active);
    else if (next === null || ["Home", "End"].includes(event.key)) return;
    else {
      this.#active = next;
      this.#draw();
    }
    event.preventDefault();
  }

  /** @param {number} index */
  #do(index) {
    const command = this.#shown[index];
    if (!command) return;
    this.#dialog?.close();
    command.act();
  }

  /** What is offered before a letter is written: to do, where to go, what was said last. @returns {Command[]} */
  #first() {
    const recent = this.#conversations().slice(0, MOST_RECENT);
    return [...this.#acts(), ...pages(), ...recent, ...this.#models(), ...this.#looks()];
  }

  /** @returns {Command[]} */
  #all() {
    return [...this.#acts(), ...this.#models(), ...this.#conversations(), ...pages(), ...this.#looks()];
  }

  #acts() {
    const { startNew, showParameters, search } = this.#around;
    return [
      act("new-chat", t("chat.new_chat"), startNew),
      act("search", t("chat.palette_search"), search),
      act("sliders", t("chat.parameters"), showParameters),
    ];
  }

  #models() {
    const { store, choose } = this.#around;
    return store.state.catalog.models
      .filter((model) => !model.problem)
      .map((model) => ({
        kind: t("chat.palette_model"),
        icon: "model",
        label: model.name,
        detail: model.id === model.name ? "" : model.id,
        holds: (/** @type {string} */ words) => matches(model, words),
        act: () => choose(model.id),
      }));
  }

  #conversations() {
    return this.#around.store.state.library.entries.map(this.#conversation);
  }

  #looks() {
    const themes = THEMES.map((name) =>
      act(name, t("chat.palette_theme", { name: t(`common.theme_${name}`) }), () => chooseTheme(name)),
    );
    const languages = links(".menu-languages a", (name) =>
      act("appearance", t("chat.palette_language", { name }), () => undefined),
    );
    return [...themes, ...languages];
  }

  #conversation = (/** @type {import("./types.js").Entry} */ entry) => ({
    kind: t("chat.palette_conversation"),
    icon: "speak",
    label: entry.title || t("chat.untitled"),
    detail: entry.snippet?.startsWith(entry.title) ? "" : (entry.snippet ?? ""),
    id: entry.id,
    act: () => this.#around.open(entry.id),
  });
}

/** @param {string} image @param {string} label @param {() => void} run @returns {Command} */
function act(image, label, run) {
  return { kind: t("chat.palette_do"), icon: image, label, act: run };
}

function pages() {
  return links(".menu-pages a", (name) => ({ kind: t("chat.palette_page"), icon: "next", label: name }));
}

/**
 * The links of the page as commands.
 * @param {string} selector
 * @param {(name: string) => Omit<Command, "act">} make
 * @returns {Command[]}
 */
function links(selector, make) {
  const found = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll(selector)]);
  return found.map((link) => ({ ...make(link.textContent?.trim() ?? ""), act: () => location.assign(link.href) }));
}

/**
 * @param {Command & { holds?: (words: string) => boolean }} command
 * @param {string} words
 */
function holds(command, words) {
  if (command.holds?.(words)) return true;
  const text = `${command.label} ${command.kind}`.toLowerCase();
  return words.split(/\s+/).every((word) => text.includes(word));
}
