// @ts-check
/** The line above the composer: how the chosen model stands while it is not ready, and whether the server answers. */

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { ModelLine } from "./model-line.js";

/** Shown only while there is something to say; an answer that waits for its model says it itself. */
export class ModelBar {
  #line;
  #lost = element("p", { className: "lost" });
  #place;
  #store;

  /**
   * @param {HTMLElement} place
   * @param {import("./store.js").Store} store
   * @param {import("./model-line.js").LoadActions} actions
   */
  constructor(place, store, actions) {
    this.#place = place;
    this.#store = store;
    this.#line = new ModelLine(actions);
    place.append(this.#lost, this.#line.element);
    for (const part of ["catalog", "run"]) store.addEventListener(part, () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { selected: model, state } = this.#store;
    const isLost = !state.catalog.reachable || state.run?.isLost === true;
    const isTold = model !== null && model.status.state !== "ready" && state.run === null && !isLost;
    if (isTold) this.#line.update(model);
    this.#lost.hidden = !isLost;
    this.#lost.textContent = state.run?.isLost ? t("chat.lost_run") : t("common.server_lost");
    this.#line.element.hidden = !isTold;
    this.#place.hidden = !isLost && !isTold;
  }
}
