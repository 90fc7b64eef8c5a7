// @ts-check
/** What stands where no message is yet: the chosen checkpoint's facts and a few first prompts, or what is missing. */

import { element } from "./dom.js";
import { count, counted, decimal, integer } from "./format.js";
import { lossName } from "./words.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").State} State */

const CHAT_PROMPTS = [
  "Explain overfitting to a ten-year-old.",
  "Write a haiku about gradient descent.",
  "Write a Python function that reverses a list.",
  "What should I cook with rice, eggs and spinach?",
];
const COMPLETION_PROMPTS = [
  "Once upon a time",
  "The capital of France is",
  "def fibonacci(n):",
  "The most important thing I have learned is",
];

/**
 * @typedef {object} WelcomeActions
 * @property {(text: string) => void} ask
 * @property {() => Promise<void>} rescan
 * @property {() => void} pick
 */

/** The page before the first message. */
export class Welcome {
  #place;
  #store;
  #actions;
  #shownFor = "";

  /**
   * @param {HTMLElement} place
   * @param {import("./store.js").Store} store
   * @param {WelcomeActions} actions
   */
  constructor(place, store, actions) {
    this.#place = place;
    this.#store = store;
    this.#actions = actions;
    for (const part of ["catalog", "conversation"]) store.addEventListener(part, () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { state, selected } = this.#store;
    this.#place.hidden = state.conversation.messages.length > 0;
    // Progress of a load changes the catalog many times a second, and nothing here.
    const key = JSON.stringify([
      state.catalog.phase,
      state.catalog.models.length,
      state.conversation.mode,
      selected?.id,
    ]);
    if (key === this.#shownFor) return;
    this.#shownFor = key;
    this.#place.replaceChildren(...this.#content(state, selected));
  }

  /**
   * @param {State} state
   * @param {Model|null} model
   * @returns {Node[]}
   */
  #content({ catalog, conversation }, model) {
    if (catalog.phase === "loading") return [element("p", { className: "quiet" }, "Looking for checkpoints…")];
    if (catalog.phase === "failed") return [element("p", { className: "quiet" }, "The server does not answer.")];
    if (model) return this.#modelCard(model, conversation.mode);
    return catalog.models.length === 0 ? this.#howToAdd() : this.#noneWorks(catalog.models.length);
  }

  /**
   * @param {Model} model
   * @param {import("./types.js").Mode} mode
   */
  #modelCard(model, mode) {
    const prompts = mode === "completion" && !model.chat_template ? COMPLETION_PROMPTS : CHAT_PROMPTS;
    const buttons = prompts.map((prompt) => {
      const button = { type: "button", className: "starter", onclick: () => this.#actions.ask(prompt) };
      return element("li", {}, element("button", button, prompt));
    });
    const facts = factsOf(model).flatMap(([name, value]) => [
      element("div", { className: "fact" }, element("dt", {}, name), element("dd", { dir: "auto" }, value)),
    ]);
    const name = element("h2", { className: "welcome-title", dir: "auto" }, model.name);
    const path = model.id === model.name ? null : element("p", { className: "welcome-path", dir: "ltr" }, model.id);
    const title = element("div", {}, name, path);
    const list = element("ul", { className: "starters", "aria-label": "Prompts to begin with" }, ...buttons);
    return [title, element("dl", { className: "model-facts" }, ...facts), ...evidenceOf(model), list];
  }

  #howToAdd() {
    const kinds = [
      "a Hugging Face folder with config.json, *.safetensors and tokenizer.json",
      "a GGUF file",
      "a training script's own .pt file, with its configuration inside or beside it",
    ].map((kind) => element("li", {}, kind));
    const where = element(
      "p",
      {},
      "Put one into the checkpoints folder this server was started with, at any depth. ",
      "It is checkpoints/ unless the server was told otherwise. These are understood:",
    );
    const title = element("h2", { className: "welcome-title" }, "No checkpoint yet");
    return [title, where, element("ul", { className: "kinds" }, ...kinds), this.#rescanButton()];
  }

  /** @param {number} number */
  #noneWorks(number) {
    const title = element("h2", { className: "welcome-title" }, "No checkpoint can be loaded");
    const words = `${counted(number, "checkpoint")} found, each with a problem. The list says which, and its cure.`;
    const open = { type: "button", className: "main-button", onclick: this.#actions.pick };
    return [title, element("p", {}, words), element("button", open, "Show the list"), this.#rescanButton()];
  }

  #rescanButton() {
    return element(
      "button",
      { type: "button", className: "plain-button", onclick: this.#actions.rescan },
      "Look again",
    );
  }
}

/**
 * @param {Model} model
 * @returns {[string, string][]}
 */
function factsOf(model) {
  /** @type {[string, string|null|undefined][]} */
  const facts = [
    ["Stage", model.stage ?? (model.group === "Other" ? null : model.group)],
    ["Step", model.step == null ? null : integer(model.step)],
    ["Epoch", model.epoch == null ? null : decimal(model.epoch)],
    [model.loss ? lossName(model.loss) : "Loss", model.loss && decimal(model.loss.value)],
    ["Context", model.context_length ? counted(model.context_length, "token") : null],
    ["Parameters", model.parameters == null ? null : count(model.parameters)],
    ["Family", model.family],
    ["Stored as", model.dtype],
    ["Trained from", model.parent],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}

/** @param {Model} model */
function evidenceOf(model) {
  const known = Object.entries(model.evidence ?? {});
  if (known.length === 0) return [];
  const lines = known.map(([field, text]) => element("li", {}, `${field}: ${text}`));
  const summary = element("summary", {}, "How this is known");
  return [element("details", { className: "evidence" }, summary, element("ul", {}, ...lines))];
}
