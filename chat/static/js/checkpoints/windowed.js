// @ts-check
/** A long list of which only the lines near the screen are in the page; the page itself scrolls. */

import { linesBetween, offsetsOf } from "./windowing.js";

/**
 * What shows one line. It is made once for a key and told of every change of its line.
 * @template Line
 * @typedef {{ element: HTMLElement, update: (line: Line, index: number) => void }} LineView
 */

const SPARE = 8; // lines beyond either edge, so that a quick scroll meets no gap

/**
 * Places its lines by their heights. The line with the keyboard on it stays in the page wherever it lies.
 * @template {{ key: string }} Line
 */
export class WindowedLines {
  /** @type {Line[]} */
  #lines = [];
  /** @type {number[]} */
  #offsets = [0];
  /** @type {Map<string, LineView<Line>>} */
  #views = new Map();
  #place;
  #make;
  #heightOf;
  #frame = 0;
  /** @type {string|null} */
  keptKey = null;

  /**
   * @param {HTMLElement} place positioned, empty
   * @param {(line: Line) => LineView<Line>} make
   * @param {(line: Line) => number} heightOf pixels
   */
  constructor(place, make, heightOf) {
    this.#place = place;
    this.#make = make;
    this.#heightOf = heightOf;
    const later = () => this.#drawSoon();
    addEventListener("scroll", later, { passive: true, capture: true });
    new ResizeObserver(() => this.show(this.#lines)).observe(place);
  }

  /** The lines that are shown, in their order. */
  get lines() {
    return this.#lines;
  }

  /** @param {Line[]} lines */
  show(lines) {
    this.#lines = lines;
    this.#offsets = offsetsOf(lines.map(this.#heightOf));
    this.#place.style.blockSize = `${this.#offsets[lines.length]}px`;
    this.#draw();
  }

  /** The view of a line, brought into the page if it is not there. @param {number} index */
  viewAt(index) {
    this.keptKey = this.#lines[index].key;
    this.#draw();
    return /** @type {LineView<Line>} */ (this.#views.get(this.keptKey));
  }

  #drawSoon() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const edge = this.#place.getBoundingClientRect().top;
    const { first, end } = linesBetween(this.#offsets, -edge, innerHeight - edge, SPARE);
    const wanted = Array.from({ length: end - first }, (_, place) => first + place);
    const kept = this.keptKey === null ? -1 : this.#lines.findIndex((line) => line.key === this.keptKey);
    if (kept >= 0 && kept < first) wanted.unshift(kept);
    if (kept >= end) wanted.push(kept);
    this.#drop(new Set(wanted.map((index) => this.#lines[index].key)));
    this.#put(wanted);
  }

  /** @param {ReadonlySet<string>} wanted */
  #drop(wanted) {
    for (const [key, view] of this.#views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
  }

  /** In the order of the list, since that is the order of reading; what stands right is not moved. @param {number[]} wanted */
  #put(wanted) {
    let next = this.#place.firstElementChild;
    for (const index of wanted) {
      const line = this.#lines[index];
      const view = this.#views.get(line.key) ?? this.#make(line);
      this.#views.set(line.key, view);
      view.update(line, index);
      view.element.style.insetBlockStart = `${this.#offsets[index]}px`;
      view.element.style.blockSize = `${this.#offsets[index + 1] - this.#offsets[index]}px`;
      if (view.element === next) next = next.nextElementSibling;
      else this.#place.insertBefore(view.element, next);
    }
  }
}
