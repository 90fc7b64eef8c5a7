// @ts-check
/** A text as the checkpoint's tokenizer cuts it: each token with its id, what cannot be seen made visible. */

import { element } from "../dom.js";
import { t } from "../i18n.js";
import { visible } from "../playground/visible.js";
import { inWords } from "../words.js";

/** @typedef {import("./api.js").ProbeToken} ProbeToken */

const PAUSE_MILLISECONDS = 250;
const LONGEST = 20_000;
const MOST_SHOWN = 1000;

/** A field and, below it, its tokens. */
export class Probe {
  #field = element("textarea", { id: "probe", rows: 2, dir: "auto", spellcheck: false, maxLength: LONGEST });
  #count = element("p", { className: "quiet small", role: "status" });
  #tokens = element("ol", { className: "probe-tokens", dir: "ltr" });
  #timer = 0;
  #asked = 0;
  #id;
  #tokenize;

  /**
   * @param {string} id of the checkpoint
   * @param {typeof import("./api.js").tokenize} tokenize
   */
  constructor(id, tokenize) {
    this.#id = id;
    this.#tokenize = tokenize;
    this.#field.value = t("checkpoints.probe_text");
    this.#field.addEventListener("input", () => this.#later());
    const label = element("label", { htmlFor: "probe", className: "small quiet" }, t("checkpoints.probe_label"));
    this.element = element("div", { className: "probe" }, label, this.#field, this.#count, this.#tokens);
  }

  /** Cut the text that stands there. */
  start() {
    this.#ask();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MILLISECONDS);
  }

  async #ask() {
    const number = (this.#asked += 1);
    try {
      const tokens = this.#field.value === "" ? [] : await this.#tokenize(this.#id, this.#field.value);
      if (number === this.#asked) this.#show(tokens);
    } catch (error) {
      if (number !== this.#asked) return;
      this.#tokens.replaceChildren();
      this.#count.textContent = inWords(/** @type {import("../http.js").ApiError} */ (error)).message;
    }
  }

  /** @param {ProbeToken[]} tokens */
  #show(tokens) {
    this.#count.textContent = t("common.tokens", { count: tokens.length });
    this.#tokens.replaceChildren(...tokens.slice(0, MOST_SHOWN).map(chip));
  }
}

/** @param {ProbeToken} token */
function chip({ id, text, special }) {
  const words = element("span", { className: "probe-text" }, visible(text));
  return element("li", { className: special ? "probe-token is-special" : "probe-token" }, words, element("span", { className: "probe-id" }, String(id)));
}
