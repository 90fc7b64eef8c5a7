// @ts-check
/** A list whose entries are made once and changed in place, so that what has the focus keeps it. */

/**
 * @template Item
 * @typedef {{ element: HTMLElement, update: (item: Item) => void }} ItemView
 */

/** @template Item */
export class KeyedList {
  /** @type {Map<string, ItemView<Item>>} */
  #views = new Map();
  #place;
  #keyOf;
  #make;

  /**
   * @param {HTMLElement} place
   * @param {(item: Item) => string} keyOf
   * @param {(item: Item) => ItemView<Item>} make
   */
  constructor(place, keyOf, make) {
    this.#place = place;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  /** @param {Item[]} items in the order in which they are shown */
  show(items) {
    const wanted = new Set(items.map(this.#keyOf));
    for (const [key, view] of this.#views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
    let next = this.#place.firstElementChild;
    for (const item of items) {
      const key = this.#keyOf(item);
      const view = this.#views.get(key) ?? this.#make(item);
      this.#views.set(key, view);
      view.update(item);
      if (view.element === next) next = next.nextElementSibling;
      else this.#place.insertBefore(view.element, next);
    }
  }
}
