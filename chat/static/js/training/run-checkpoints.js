// @ts-check
/** The checkpoints of a run, the newest first: to load, and to talk to. */

import { loadModel } from "../api.js";
import { chatAddress } from "../checkpoints/sparkline.js";
import { element, required } from "../dom.js";
import { integer, size } from "../format.js";
import { t } from "../i18n.js";
import { inSentences, stateWords } from "../words.js";
import * as api from "./api.js";
import { KeyedList } from "./keyed-list.js";
import { ago } from "./words.js";

/** @typedef {import("./api.js").Checkpoint} Checkpoint */

const SHOWN_AT_FIRST = 8;
const ASK_MILLISECONDS = 700;
const ON_THE_WAY = new Set(["queued", "loading"]);

/** The newest few, and all when they are asked for. */
export class RunCheckpoints {
  #section = required("checkpoints-section", HTMLElement);
  #more = required("checkpoints-more", HTMLButtonElement);
  #list = new KeyedList(required("checkpoints", HTMLElement), (/** @type {Checkpoint} */ { id }) => id, ({ id }) => new CheckpointRow(id));
  /** @type {Checkpoint[]} */
  #checkpoints = [];
  #areAllShown = false;

  constructor() {
    this.#more.addEventListener("click", () => {
      this.#areAllShown = true;
      this.show(this.#checkpoints);
    });
  }

  /** @param {Checkpoint[]} checkpoints */
  show(checkpoints) {
    this.#checkpoints = checkpoints;
    const newest = bySteps(checkpoints).reverse();
    const shown = this.#areAllShown ? newest : newest.slice(0, SHOWN_AT_FIRST);
    this.#section.hidden = newest.length === 0;
    this.#more.hidden = shown.length === newest.length;
    this.#more.textContent = t("training.all_checkpoints", { count: newest.length });
    this.#list.show(shown);
  }
}

/** In the order of their steps; those without one by their age. @param {Checkpoint[]} checkpoints */
export function bySteps(checkpoints) {
  const age = (/** @type {Checkpoint} */ one) => one.modified_at ?? 0;
  return [...checkpoints].sort((one, other) => {
    if (one.step != null && other.step != null && one.step !== other.step) return one.step - other.step;
    return age(one) - age(other);
  });
}

class CheckpointRow {
  #id;
  #name = element("span", { className: "checkpoint-name", dir: "auto" });
  #facts = element("span", { className: "quiet small" });
  #state = element("span", { className: "small", role: "status" });
  #load = element("button", { type: "button", className: "plain-button" }, t("common.load"));
  element = element("li", { className: "checkpoint-row" });

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    const name = id.split("/").pop() ?? id;
    const chat = element("a", { className: "plain-button", href: chatAddress(id), "aria-label": t("training.chat_with", { name: id }) }, t("training.chat"));
    this.#load.setAttribute("aria-label", `${t("common.load")}: ${name}`);
    this.#load.addEventListener("click", () => this.#start());
    const words = element("div", { className: "checkpoint-words" }, this.#name, this.#facts, this.#state);
    this.element.append(words, element("div", { className: "checkpoint-buttons" }, this.#load, chat));
  }

  /** @param {Checkpoint} checkpoint */
  update({ id, step, size_bytes: bytes, modified_at: at }) {
    this.#name.textContent = step == null ? id : t("training.at_step", { step: integer(step) });
    this.#name.title = id;
    this.#facts.textContent = [bytes == null ? null : size(bytes), at == null ? null : ago(at)].filter(Boolean).join(" · ");
  }

  async #start() {
    this.#load.disabled = true;
    try {
      let status = await loadModel(this.#id);
      while (ON_THE_WAY.has(status.state) && this.element.isConnected) {
        this.#state.textContent = stateWords(status);
        await new Promise((resolve) => setTimeout(resolve, ASK_MILLISECONDS));
        status = await api.status(this.#id);
      }
      this.#state.textContent = status.error ? inSentences(status.error) : stateWords(status);
    } catch (error) {
      this.#state.textContent = inSentences(/** @type {import("../http.js").ApiError} */ (error));
    } finally {
      this.#load.disabled = false;
    }
  }
}
