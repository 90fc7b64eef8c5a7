// @ts-check
/** The context gauge: how much of what the model can read is used, and what that leaves for the answer. */

import { tokenize } from "./api.js";
import { element, required } from "./dom.js";
import { count, integer } from "./format.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Model} Model */

const QUIET_MILLISECONDS = 500;
const CHARACTERS_PER_TOKEN = 4; // where no tokenizer is loaded yet
const USUAL_ANSWER = 256;

/**
 * What is known of the tokens on a path, and the text of which nothing is known.
 * @param {Message[]} messages
 * @param {string} draft
 * @param {string|null} system
 * @returns {{ known: number, text: string }}
 */
export function measured(messages, draft, system) {
  const index = messages.findLastIndex((message) => message.usage?.total_tokens);
  const rest = messages.slice(index + 1).map((message) => message.content);
  const known = index < 0 ? 0 : (messages[index].usage?.total_tokens ?? 0);
  return { known, text: [...(index < 0 && system ? [system] : []), ...rest, draft].filter(Boolean).join("\n") };
}

/**
 * How tight it is: "full" is refused by the server, "tight" cuts the answer.
 * @param {number} used
 * @param {number} total
 * @param {number} answer the longest it may get
 * @returns {"free"|"tight"|"full"}
 */
export function levelOf(used, total, answer) {
  if (used >= total) return "full";
  return used + answer > total ? "tight" : "free";
}

/** The gauge in the composer. */
export class Gauge {
  #button = required("gauge", HTMLButtonElement);
  #words = required("gauge-words", HTMLElement);
  #arc = required("gauge-arc", SVGElement);
  #details = element("div", { className: "menu gauge-details", popover: "auto", id: "gauge-details" });
  #timer = 0;
  #asked = new AbortController();
  #measured = "";
  #store;
  #draft;

  /**
   * @param {import("./store.js").Store} store
   * @param {() => string} draft
   */
  constructor(store, draft) {
    this.#store = store;
    this.#draft = draft;
    this.#button.after(this.#details);
    this.#button.setAttribute("popovertarget", this.#details.id);
    this.#details.addEventListener("beforetoggle", () => this.#place());
    for (const part of ["conversation", "catalog", "run"]) store.addEventListener(part, () => this.#later());
    document.addEventListener("draft", () => this.#later());
    this.#later();
  }

  /** The words stand over the button that opens them. */
  #place() {
    const { top, right } = this.#button.getBoundingClientRect();
    this.#details.style.setProperty("--gauge-bottom", `${innerHeight - top}px`);
    this.#details.style.setProperty("--gauge-right", `${document.documentElement.clientWidth - right}px`);
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#measure(), QUIET_MILLISECONDS);
  }

  async #measure() {
    const { selected: model, state } = this.#store;
    if (state.run !== null) return;
    const total = model?.status.context_length ?? model?.context_length ?? null;
    const { known, text } = measured(state.conversation.messages, this.#draft(), state.conversation.system);
    const isEmpty = total === null || (known === 0 && text === "");
    if (isEmpty) this.#button.hidden = true;
    if (model === null || total === null || isEmpty) return;
    const key = JSON.stringify([model.id, model.status.state, known, text, state.conversation.parameters]);
    if (key === this.#measured && !this.#button.hidden) return;
    this.#measured = key;
    this.#asked.abort();
    this.#asked = new AbortController();
    const { tokens, isExact } = await tokensOf(model, text, this.#asked.signal);
    if (this.#measured === key) this.#draw(known + tokens, total, isExact, model);
  }

  /**
   * @param {number} used
   * @param {number} total
   * @param {boolean} isExact
   * @param {Model} model
   */
  #draw(used, total, isExact, model) {
    const { parameters } = this.#store.state.conversation;
    const answer = Number(parameters.max_new_tokens ?? model.sampling_defaults?.max_new_tokens ?? USUAL_ANSWER);
    const level = levelOf(used, total, answer);
    const shown = { used: brief(used), total: brief(total) };
    this.#button.hidden = false;
    this.#button.dataset.level = level;
    this.#words.textContent = isExact ? t("chat.gauge", shown) : t("chat.gauge_about", shown);
    this.#button.ariaLabel = t("chat.gauge_named", shown);
    this.#arc.style.setProperty("--used", String(Math.min(100, (100 * used) / total)));
    const left = Math.max(0, total - used);
    this.#details.replaceChildren(
      element("p", {}, t("chat.gauge_used", { used, total })),
      element("p", { className: "quiet" }, t(`chat.gauge_${level}`, { left, answer })),
    );
  }
}

/** 2,048 but 131K. @param {number} tokens */
function brief(tokens) {
  return tokens < 10_000 ? integer(tokens) : count(tokens);
}

/**
 * @param {Model} model
 * @param {string} text
 * @param {AbortSignal} signal
 */
async function tokensOf(model, text, signal) {
  const guess = Math.ceil(text.length / CHARACTERS_PER_TOKEN);
  if (text === "") return { tokens: 0, isExact: true };
  if (model.status.state !== "ready") return { tokens: guess, isExact: false };
  try {
    return { tokens: (await tokenize({ model: model.id, text, add_special: false }, signal)).count, isExact: true };
  } catch (error) {
    console.debug("the draft's tokens are guessed, since they cannot be counted", error);
    return { tokens: guess, isExact: false };
  }
}
