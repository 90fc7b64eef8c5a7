// @ts-check
/** The conversations beside the chat: by day, searched, in the archive or not; a drawer where there is no room. */

import { byDay } from "./days.js";
import { element, required } from "./dom.js";
import { t } from "./i18n.js";
import { SidebarRow } from "./sidebar-row.js";
import { browserStorage } from "./storage.js";

/** @typedef {import("./types.js").Entry} Entry */

const KEY = "parley.sidebar";
const WIDE = "(min-width: 60rem)"; // where it stands beside the chat, not over it
const SEARCH_MILLISECONDS = 200;

/**
 * @typedef {import("./sidebar-row.js").RowActions & {
 *   look: (which: { words?: string, archived?: boolean }) => void,
 *   more: () => void,
 *   hasMore: () => boolean,
 *   take: (file: File) => void,
 * }} Actions
 */

/** The sidebar. */
export class Sidebar {
  #bar = required("sidebar", HTMLElement);
  #button = required("sidebar-button", HTMLButtonElement);
  #search = required("library-search", HTMLInputElement);
  #list = required("library", HTMLElement);
  #archive = required("library-archive", HTMLButtonElement);
  #file = required("library-file", HTMLInputElement);
  /** @type {Map<string, SidebarRow>} */
  #rows = new Map();
  #more = element("button", { type: "button", className: "plain-button library-more" });
  #store;
  #actions;

  /**
   * @param {import("./store.js").Store} store
   * @param {Actions} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#more.textContent = t("chat.more_conversations");
    this.#more.addEventListener("click", () => actions.more());
    this.#wireBar();
    this.#wireList();
    for (const part of ["library", "conversation"]) store.addEventListener(part, () => this.#draw());
    this.#draw();
    this.#showOpen();
  }

  /** Hide it where it lies over the chat. */
  leave() {
    if (this.#isOver && this.#isOpen) this.#toggle();
  }

  /** Put the cursor where words are looked for. */
  search() {
    if (!this.#isOpen) this.#toggle();
    this.#search.focus();
    this.#search.select();
  }

  get #isOver() {
    return !matchMedia(WIDE).matches;
  }

  get #isOpen() {
    const chosen = document.documentElement.dataset.sidebar;
    return this.#isOver ? chosen === "over" : chosen !== "closed";
  }

  #wireBar() {
    this.#button.addEventListener("click", () => this.#toggle());
    required("sidebar-close", HTMLButtonElement).addEventListener("click", () => this.#toggle());
    required("sidebar-shade", HTMLElement).addEventListener("click", () => this.leave());
    this.#bar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#isOver || event.defaultPrevented) return;
      event.stopPropagation();
      this.leave();
    });
    matchMedia(WIDE).addEventListener("change", () => this.#keep(browserStorage.read(KEY) ?? "open"));
  }

  #wireList() {
    let timer = 0;
    this.#search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#actions.look({ words: this.#search.value.trim() }), SEARCH_MILLISECONDS);
    });
    this.#archive.addEventListener("click", () =>
      this.#actions.look({ archived: !this.#store.state.library.archived }),
    );
    required("library-import", HTMLButtonElement).addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      const [file] = this.#file.files ?? [];
      if (file) this.#actions.take(file);
      this.#file.value = "";
    });
    for (const part of [this.#search, this.#list]) part.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #toggle() {
    const willOpen = !this.#isOpen;
    if (this.#isOver) this.#keep(willOpen ? "over" : "open");
    else {
      browserStorage.write(KEY, willOpen ? "open" : "closed");
      this.#keep(willOpen ? "open" : "closed");
    }
    if (this.#isOver && willOpen) required("new-chat", HTMLElement).focus();
    else if (!willOpen) this.#button.focus();
  }

  /** @param {string} state "open", "closed", or "over" the chat */
  #keep(state) {
    document.documentElement.dataset.sidebar = state;
    this.#showOpen();
  }

  #showOpen() {
    this.#button.setAttribute("aria-expanded", String(this.#isOpen));
    const isCovering = this.#isOver && this.#isOpen;
    for (const part of [required("main", HTMLElement), document.querySelector("header.top")]) {
      if (part instanceof HTMLElement) part.inert = isCovering;
    }
  }

  /** The arrows walk through the list, Enter in the field opens the first. @param {KeyboardEvent} event */
  #onKey(event) {
    const links = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll(".entry-link")]);
    const index = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const isField = event.target === this.#search;
    if (event.isComposing || (!isField && index < 0)) return;
    const next = { ArrowDown: index + 1, ArrowUp: index - 1, Enter: isField ? 0 : NaN }[event.key];
    if (next === undefined || Number.isNaN(next)) return;
    event.preventDefault();
    if (event.key === "Enter") links[0]?.click();
    else (links[next] ?? this.#search).focus();
  }

  #draw() {
    const { library, conversation } = this.#store.state;
    this.#archive.setAttribute("aria-pressed", String(library.archived));
    const groups = library.words ? [{ title: t("chat.found"), entries: library.entries }] : byDay(library.entries);
    for (const entry of library.entries) {
      this.#row(entry).update(entry, entry.id === conversation.id, library.words);
    }
    this.#forgetOthers(library.entries);
    this.#arrange(groups.filter((group) => group.entries.length > 0));
    this.#sayWhatIsMissing();
    this.#more.hidden = !this.#actions.hasMore();
  }

  /** @param {Entry} entry */
  #row(entry) {
    const known = this.#rows.get(entry.id) ?? new SidebarRow(entry, this.#actions);
    this.#rows.set(entry.id, known);
    return known;
  }

  /** @param {Entry[]} entries */
  #forgetOthers(entries) {
    const ids = new Set(entries.map((entry) => entry.id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
  }

  /**
   * Put the rows under their headings; where they already stand so, nothing moves and nothing loses the focus.
   * @param {{ title: string, entries: Entry[] }[]} groups
   */
  #arrange(groups) {
    const wanted = JSON.stringify(groups.map(({ title, entries }) => [title, entries.map((entry) => entry.id)]));
    if (this.#list.dataset.shown === wanted) return;
    this.#list.dataset.shown = wanted;
    const focused = [...this.#rows.values()].find((row) => row.element.contains(document.activeElement));
    const sections = groups.map(({ title, entries }, index) => {
      const heading = element("h2", { className: "group-title", id: `day-${index}` }, title);
      const rows = entries.map((entry) => this.#row(entry).element);
      return element("section", {}, heading, element("ul", { "aria-labelledby": heading.id }, ...rows));
    });
    this.#list.replaceChildren(...sections, this.#more);
    focused?.focus();
  }

  #sayWhatIsMissing() {
    const { phase, entries, words, archived, problem } = this.#store.state.library;
    const note = required("library-note", HTMLElement);
    const isEmpty = entries.length === 0;
    if (phase === "failed") note.replaceChildren(...problemWords(problem));
    else if (phase === "listed" && isEmpty) note.textContent = emptyWords(words, archived);
    note.hidden = phase === "loading" || (phase === "listed" && !isEmpty);
  }
}

/** @param {import("./types.js").Problem|null} problem */
function problemWords(problem) {
  const lines = [problem?.message, problem?.hint].filter(Boolean).map((line) => element("p", { dir: "auto" }, `${line}`));
  const playground = document.querySelector('.pages a[href="/playground"]');
  const way = playground && element("a", { href: "/playground" }, t("chat.no_database_hint"));
  return [element("p", { className: "library-problem" }, t("chat.no_database")), ...lines, ...(way ? [way] : [])];
}

/**
 * @param {string} words
 * @param {boolean} archived
 */
function emptyWords(words, archived) {
  if (words) return t("chat.none_found", { words });
  return archived ? t("chat.archive_empty") : t("chat.library_empty");
}
