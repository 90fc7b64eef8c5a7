// @ts-check
/** The heading of a run or a group: opens and closes what is below it, and draws a run's steps where they are known. */

import { element, icon } from "../dom.js";
import { t } from "../i18n.js";
import { bySteps } from "./runs.js";
import { sparkline } from "./sparkline.js";
import { named } from "./words.js";

/** @typedef {import("../types.js").Model} Model */

/** A row of the tree grid that has others below it. */
export class HeadingRow {
  element = element("div", { className: "row heading", role: "row" });
  #cell = element("div", { className: "cell heading-cell", role: "gridcell", "aria-colspan": "9" });
  /** @type {Model[]|null} */
  #models = null;
  #context;
  #key = "";

  /**
   * @param {() => import("./row.js").Context} context
   * @param {(key: string) => void} toggle
   */
  constructor(context, toggle) {
    this.#context = context;
    this.element.append(this.#cell);
    this.element.addEventListener("click", (event) => {
      if (!(/** @type {Element} */ (event.target).closest("a"))) toggle(this.#key);
    });
  }

  /**
   * @param {import("./lines.js").Heading} line
   * @param {number} index
   */
  update(line, index) {
    this.#key = line.key;
    this.element.setAttribute("aria-rowindex", String(index + 2));
    this.element.setAttribute("aria-level", String(line.level));
    this.element.setAttribute("aria-expanded", String(line.isOpen));
    this.element.tabIndex = line.key === this.#context().activeKey ? 0 : -1;
    this.element.dataset.key = line.key;
    this.element.style.setProperty("--level", String(line.level - 1));
    if (this.#models && isSame(this.#models, line.models)) return;
    this.#models = line.models;
    this.#cell.replaceChildren(...this.#parts(line));
  }

  /** @param {import("./lines.js").Heading} line */
  #parts({ models, hasTimeline, ...line }) {
    const loaded = models.filter((model) => model.status.state === "ready").length;
    const broken = models.filter((model) => model.problem).length;
    const counts = [
      t("checkpoints.count", { count: models.length }),
      loaded ? t("checkpoints.count_loaded", { count: loaded }) : null,
      broken ? t("checkpoints.count_broken", { count: broken }) : null,
    ];
    const facts = counts.filter((words) => words !== null).map((words) => element("span", {}, words));
    const label = element("span", { className: "heading-label", dir: "auto" }, labelOf(line));
    const words = element("span", { className: "heading-words" }, label, element("span", { className: "separated quiet small" }, ...facts));
    return [icon("chevron"), words, ...(hasTimeline ? [sparkline(bySteps(models))] : [])];
  }
}

/** @param {{ label: string, grouping: string }} line */
function labelOf({ label, grouping }) {
  return label === "" ? t(`checkpoints.unknown_${grouping}`) : named(grouping, label);
}

/**
 * @param {Model[]} before
 * @param {Model[]} now
 */
function isSame(before, now) {
  return before.length === now.length && before.every((model, index) => model === now[index]);
}
