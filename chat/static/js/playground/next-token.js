// @ts-check
/** What could come next: the model's own choice beside what the samplers leave of it. One can be taken. */

import { element, required } from "../dom.js";
import { t } from "../i18n.js";
import { candidateButton } from "./alternatives.js";

/** @typedef {import("./run.js").Candidate} Candidate */
/** @typedef {import("./api.js").Distribution} Distribution */

const TOP = 20;

/** Two lists side by side; a token that the samplers cut is struck out in the first. */
export class NextToken {
  #place = required("next-lists", HTMLElement);
  #words = required("next-words", HTMLElement);
  #take;

  /** @param {(text: string) => void} take told which token the prompt shall go on with */
  constructor(take) {
    this.#take = take;
  }

  /** What is asked for. @param {string|null} model @param {string} prompt @param {object} sampling */
  body(model, prompt, sampling) {
    return { model, prompt, ...sampling, stream: false, top: TOP };
  }

  /** @param {Distribution} distribution */
  show({ before, after }) {
    const kept = new Set(after.map((candidate) => candidate.id));
    const cut = before.filter((candidate) => !kept.has(candidate.id)).length;
    this.#words.textContent = t("playground.next_found", { kept: after.length, cut });
    this.#place.replaceChildren(
      this.#list("next_before", before, (candidate) => kept.has(candidate.id)),
      this.#list("next_after", after, () => true),
    );
  }

  /**
   * @param {"next_before"|"next_after"} key
   * @param {Candidate[]} candidates
   * @param {(candidate: Candidate) => boolean} isKept
   */
  #list(key, candidates, isKept) {
    const title = element("h3", {}, key === "next_before" ? t("playground.next_before") : t("playground.next_after"));
    const items = candidates.map((candidate) => {
      const button = candidateButton(candidate, false, () => this.#take(candidate.text));
      if (!isKept(candidate)) {
        button.classList.add("is-cut");
        button.append(element("span", { className: "visually-hidden" }, ` (${t("playground.cut")})`));
      }
      return element("li", {}, button);
    });
    return element("section", { className: "next-list" }, title, element("ol", { className: "alternatives-list" }, ...items));
  }
}
