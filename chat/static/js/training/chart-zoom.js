// @ts-check
/** The buttons that zoom a chart and move along it: what drawing a range does, without drawing. */

import { element } from "../dom.js";
import { t } from "../i18n.js";
import { zoomed } from "./plot.js";

/** @typedef {import("./plot.js").Range} Range */
/** @typedef {{ name: string, sign: string, change: Parameters<typeof zoomed>[2] }} Way */

/** @type {Way[]} */
const WAYS = [
  { name: "zoom_in", sign: "+", change: { factor: 0.5 } },
  { name: "zoom_out", sign: "−", change: { factor: 2 } },
  { name: "zoom_back", sign: "‹", change: { by: -0.5 } },
  { name: "zoom_on", sign: "›", change: { by: 0.5 } },
];

/** All but the first are there only while a part is seen. */
export class ChartZoom {
  #later;
  element;

  /**
   * @param {() => { seen: Range, whole: Range }} where
   * @param {(range: Range|null) => void} zoom
   */
  constructor(where, zoom) {
    const made = WAYS.map(({ name, sign, change }) => {
      const press = () => zoom(zoomed(where().seen, where().whole, change));
      const words = { "aria-label": t(`training.${name}`), title: t(`training.${name}`) };
      return element("button", { type: "button", className: "quiet-button", onclick: press, ...words }, sign);
    });
    const all = element("button", { type: "button", className: "quiet-button", onclick: () => zoom(null) }, t("training.zoom_reset"));
    this.#later = [...made.slice(1), all];
    this.element = element("div", { className: "chart-zoom" }, ...made, all);
  }

  /** @param {boolean} isZoomed @param {HTMLElement} place that takes the focus from a button which goes */
  show(isZoomed, place) {
    const isLeft = !isZoomed && this.#later.some((button) => button === document.activeElement);
    for (const button of this.#later) button.hidden = !isZoomed;
    if (isLeft) place.focus({ preventScroll: true });
  }
}
