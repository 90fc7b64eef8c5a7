// @ts-check
/** The machine's memory as one bar, with a share and a line for each model that is loaded. */

import { element, required } from "../dom.js";
import { percent, size } from "../format.js";
import { t } from "../i18n.js";
import { segments } from "./memory.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("./memory.js").Segment} Segment */

const PATTERNS = 4; // shades that neighbours are told apart by

/** Draws the bar and, below it, what each part is. */
export class MemoryBar {
  #bar = required("memory-bar", HTMLElement);
  #legend = required("memory-legend", HTMLElement);
  #words = required("memory-words", HTMLElement);
  /** @type {import("./memory.js").Machine|null} */
  #machine = null;
  #shown = "";
  #open;

  /** @param {(id: string) => void} open shows a model's details */
  constructor(open) {
    this.#open = open;
  }

  /** @param {import("./memory.js").Machine} machine */
  learn(machine) {
    this.#machine = machine;
  }

  /**
   * @param {Model[]} models
   * @param {import("./memory.js").Budget} budget
   */
  show(models, budget) {
    const parts = segments(models, budget, this.#machine);
    const drawn = JSON.stringify([parts.map((part) => [part.id, part.kind, Math.round(part.bytes / 1e5)]), budget]);
    if (drawn === this.#shown) return;
    this.#shown = drawn;
    this.#words.textContent = t("checkpoints.memory_words", {
      used: budget.used_bytes > 0 ? size(budget.used_bytes) : t("checkpoints.nothing"),
      budget: size(budget.budget_bytes),
      machine: this.#machine ? size(this.#machine.total_bytes) : "–",
    });
    this.#bar.replaceChildren(...parts.map((part, index) => share(part, index)));
    this.#legend.replaceChildren(...parts.map((part, index) => this.#entry(part, index)));
  }

  /**
   * @param {Segment} part
   * @param {number} index
   */
  #entry(part, index) {
    const sign = element("span", { className: "memory-sign", "aria-hidden": "true" });
    mark(sign, part, index);
    const name = part.kind === "model" ? this.#link(part) : element("span", {}, t(`checkpoints.memory_${part.kind}`));
    return element("li", {}, sign, name, element("span", { className: "quiet" }, ` ${size(part.bytes)}`));
  }

  /** @param {Segment} part */
  #link({ id, name }) {
    return element("button", { type: "button", className: "link-button", onclick: () => this.#open(id) }, name);
  }
}

/**
 * @param {Segment} part
 * @param {number} index
 */
function share(part, index) {
  const made = element("span", { className: "memory-share", title: percent(part.share) });
  mark(made, part, index);
  made.style.inlineSize = `${100 * part.share}%`;
  return made;
}

/**
 * @param {HTMLElement} target
 * @param {Segment} part
 * @param {number} index
 */
function mark(target, part, index) {
  target.dataset.kind = part.kind;
  target.dataset.shade = String(index % PATTERNS);
}
