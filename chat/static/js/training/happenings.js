// @ts-check
/** What happened in a run, the newest first: orders and their answers, texts that the trainer wrote, errors, begin and end. */

import { element, required } from "../dom.js";
import { t } from "../i18n.js";
import { markName, saidBy } from "./chart-marks.js";
import { KeyedList } from "./keyed-list.js";
import { ago, place } from "./words.js";

/** @typedef {import("./api.js").Mark} Mark */

const SHOWN_AT_FIRST = 6;

/** The newest few, and all when they are asked for. */
export class Happenings {
  #section = required("happenings-section", HTMLElement);
  #more = required("happenings-more", HTMLButtonElement);
  #list = new KeyedList(required("happenings", HTMLElement), keyOf, (mark) => new Happening(mark));
  /** @type {Mark[]} */
  #marks = [];
  #areAllShown = false;

  constructor() {
    this.#more.addEventListener("click", () => {
      this.#areAllShown = true;
      this.show(this.#marks);
    });
  }

  /** @param {Mark[]} marks in the order of their times */
  show(marks) {
    this.#marks = marks;
    const newest = marks.filter(({ kind }) => kind !== "checkpoint").reverse();
    const shown = this.#areAllShown ? newest : newest.slice(0, SHOWN_AT_FIRST);
    this.#section.hidden = newest.length === 0;
    this.#more.hidden = shown.length === newest.length;
    this.#more.textContent = t("training.all_happenings", { count: newest.length });
    this.#list.show(shown);
  }
}

/** @param {Mark} mark */
function keyOf({ kind, at, step, text }) {
  return JSON.stringify([kind, at, step, text]);
}

class Happening {
  #when = element("span", { className: "quiet small" });
  element = element("li", { className: "happening" });

  /** @param {Mark} mark */
  constructor(mark) {
    const head = element("span", { className: "happening-head" }, element("strong", {}, markName(mark)), this.#when);
    this.element.dataset.kind = mark.kind;
    this.element.append(head, element("span", { className: "happening-text", dir: "auto" }, saidBy(mark)));
  }

  /** @param {Mark} mark */
  update({ step, at }) {
    const words = [step === null ? null : place(step, "step"), at === null ? null : ago(at)];
    this.#when.textContent = words.filter(Boolean).join(" · ");
  }
}
