// @ts-check
/** The model picker: a button that opens the checkpoints by group, a filter, and what is in memory. */

import { element, required } from "./dom.js";
import { t } from "./i18n.js";
import { grouped, moved, PickerRow } from "./picker-row.js";
import { Residents } from "./residents.js";
import { groupName, stateWords } from "./words.js";

/** @typedef {import("./types.js").Model} Model */

/** @typedef {import("./model-line.js").LoadActions} LoadActions */
/** @typedef {LoadActions & { choose: (id: string) => void, rescan: () => Promise<void> }} Actions */

/** A combobox over a listbox, in a popover. */
export class Picker {
  #button = required("picker-button", HTMLButtonElement);
  #popover = required("picker", HTMLElement);
  #filter = required("picker-filter", HTMLInputElement);
  #list = required("picker-list", HTMLElement);
  #count = required("picker-count", HTMLElement);
  /** @type {Map<string, PickerRow>} */
  #rows = new Map();
  /** @type {Model[]} as they stand in the list */
  #visible = [];
  /** @type {string|null} */
  #activeId = null;
  /** @type {((id: string) => void)|null} */
  #takeOnce = null;
  #store;
  #actions;
  #residents;

  /**
   * @param {import("./store.js").Store} store
   * @param {Actions} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#residents = new Residents(actions, (model) => this.#choose(model));
    store.addEventListener("catalog", () => this.#draw());
    this.#popover.addEventListener("beforetoggle", (event) => this.#beforeToggle(/** @type {ToggleEvent} */ (event)));
    this.#popover.addEventListener("toggle", () => this.#showActive());
    this.#popover.addEventListener("keydown", (event) => this.#onKey(event));
    this.#filter.addEventListener("input", () => this.#drawList());
    required("picker-rescan", HTMLButtonElement).addEventListener("click", () => actions.rescan());
    this.#draw();
  }

  /**
   * Show the list.
   * @param {(id: string) => void} [take] gets what is chosen this once, in place of the conversation
   */
  open(take) {
    this.#popover.showPopover();
    this.#takeOnce = take ?? null;
    if (take) this.#filter.placeholder = t("chat.pick_once");
  }

  get #isOpen() {
    return this.#popover.matches(":popover-open");
  }

  /** @param {ToggleEvent} event */
  #beforeToggle(event) {
    const opens = event.newState === "open";
    this.#button.setAttribute("aria-expanded", String(opens));
    const { bottom, left, right } = this.#button.getBoundingClientRect();
    const isRightToLeft = getComputedStyle(this.#button).direction === "rtl";
    this.#popover.style.setProperty("--picker-top", `${bottom}px`);
    this.#popover.style.setProperty("--picker-start", `${isRightToLeft ? innerWidth - right : left}px`);
    this.#takeOnce = null;
    if (!opens) return;
    this.#filter.value = "";
    this.#filter.placeholder = t("chat.filter_hint");
    this.#activeId = this.#store.state.catalog.selectedId;
    // Opening gives the focus to what asks for it; on a phone the filter would bring up a keyboard over the list.
    this.#filter.autofocus = matchMedia("(pointer: fine)").matches;
    this.#list.autofocus = !this.#filter.autofocus;
    this.#drawList();
  }

  #draw() {
    this.#drawButton();
    if (this.#isOpen) this.#drawList();
  }

  #drawButton() {
    const model = this.#store.selected;
    const name = required("picker-name", HTMLElement);
    const state = required("picker-state", HTMLElement);
    const dot = required("picker-dot", HTMLElement);
    name.textContent = model?.name ?? t("chat.no_model");
    state.textContent = model ? stateWords(model.status) : "";
    dot.dataset.state = model?.status.state ?? "unloaded";
  }

  #drawList() {
    const { models, groups, memory, skipped, selectedId } = this.#store.state.catalog;
    const found = grouped(models, groups, this.#filter.value.trim());
    this.#visible = found.flatMap((entry) => entry.models);
    if (!this.#visible.some((model) => model.id === this.#activeId)) this.#activeId = this.#visible[0]?.id ?? null;
    for (const model of this.#visible) {
      const row = this.#row(model.id);
      row.update(model, memory.budget_bytes);
      row.mark(model.id === selectedId, model.id === this.#activeId);
    }
    this.#arrange(found);
    this.#residents.update(models, memory);
    this.#count.textContent = countWords(this.#visible.length, models.length, skipped.length);
    this.#markActive();
  }

  /** @param {string} id */
  #row(id) {
    const known = this.#rows.get(id);
    if (known) return known;
    const row = new PickerRow(`option-${this.#rows.size}`, (model) => this.#choose(model));
    this.#rows.set(id, row);
    return row;
  }

  /**
   * Put the rows under their groups; where they already stand so, nothing moves.
   * @param {{ group: string, models: Model[] }[]} found
   */
  #arrange(found) {
    const wanted = found.flatMap(({ group, models }) => [group, ...models.map((model) => model.id)]).join("\n");
    if (this.#list.dataset.shown === wanted) return;
    this.#list.dataset.shown = wanted;
    const groups = found.map(({ group, models }, index) => {
      const heading = { className: "group-title", role: "presentation", id: `group-${index}` };
      const title = element("span", heading, groupName(group));
      const rows = models.map((model) => this.#row(model.id).element);
      return element("ul", { role: "group", "aria-labelledby": title.id }, title, ...rows);
    });
    this.#list.replaceChildren(...groups);
  }

  #markActive() {
    const active = this.#activeId === null ? null : this.#row(this.#activeId).element;
    for (const control of [this.#filter, this.#list]) {
      if (active) control.setAttribute("aria-activedescendant", active.id);
      else control.removeAttribute("aria-activedescendant");
    }
  }

  #showActive() {
    if (this.#activeId !== null) this.#row(this.#activeId).element.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.target !== this.#filter && event.target !== this.#list) return;
    const index = this.#visible.findIndex((model) => model.id === this.#activeId);
    const next = moved(event.key, index, this.#visible.length);
    if (next !== null) {
      this.#activeId = this.#visible[next].id;
      this.#drawList();
      this.#showActive();
    } else if (event.key === "Enter" && !event.isComposing && index >= 0) this.#choose(this.#visible[index]);
    else return;
    event.preventDefault();
  }

  /** @param {Model} model */
  #choose(model) {
    if (model.problem) return;
    const take = this.#takeOnce ?? this.#actions.choose;
    this.#popover.hidePopover();
    take(model.id);
  }
}

/**
 * @param {number} shown
 * @param {number} all
 * @param {number} skipped
 */
function countWords(shown, all, skipped) {
  const words =
    shown === all ? t("chat.checkpoint_count", { count: all }) : t("chat.checkpoint_share", { shown, count: all });
  return skipped === 0 ? words : [words, t("chat.files_skipped", { count: skipped })].join(" · ");
}
