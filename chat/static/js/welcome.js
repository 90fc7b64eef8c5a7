// @ts-check
/** What stands where no message is yet: the chosen checkpoint's facts and a few first prompts, or what is missing. */

import { element } from "./dom.js";
import { count, decimal, integer } from "./format.js";
import { t } from "./i18n.js";
import { modeFor } from "./modes.js";
import { groupName, lossName } from "./words.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").State} State */

const STARTERS = [1, 2, 3, 4];

/**
 * @typedef {object} WelcomeActions
 * @property {(text: string) => void} ask
 * @property {() => Promise<void>} rescan
 * @property {() => void} pick
 * @property {() => void} startNew
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
      state.conversation.phase,
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
    if (conversation.phase === "loading") return [element("p", { className: "quiet" }, t("chat.opening"))];
    if (conversation.phase === "missing") return this.#missing();
    if (catalog.phase === "loading") return [element("p", { className: "quiet" }, t("chat.looking"))];
    if (catalog.phase === "failed") return [element("p", { className: "quiet" }, t("chat.server_silent"))];
    if (model) return this.#modelCard(model, modeFor(model, conversation.mode));
    return catalog.models.length === 0 ? this.#howToAdd() : this.#noneWorks(catalog.models.length);
  }

  #missing() {
    const title = element("h2", { className: "welcome-title" }, t("chat.missing"));
    const button = { type: "button", className: "main-button", onclick: this.#actions.startNew };
    return [title, element("p", {}, t("chat.missing_hint")), element("button", button, t("chat.new_chat"))];
  }

  /**
   * @param {Model} model
   * @param {import("./types.js").Mode} mode
   */
  #modelCard(model, mode) {
    const prompts = STARTERS.map((number) => t(`chat.starter_${mode}_${number}`));
    const buttons = prompts.map((prompt) => {
      const button = { type: "button", className: "starter", dir: "auto", onclick: () => this.#actions.ask(prompt) };
      return element("li", {}, element("button", button, prompt));
    });
    const facts = factsOf(model).flatMap(([name, value]) => [
      element("div", { className: "fact" }, element("dt", {}, name), element("dd", { dir: "auto" }, value)),
    ]);
    const name = element("h2", { className: "welcome-title", dir: "auto" }, model.name);
    const path = model.id === model.name ? null : element("p", { className: "welcome-path", dir: "ltr" }, model.id);
    const title = element("div", {}, name, path);
    const list = element("ul", { className: "starters", "aria-label": t("chat.starters") }, ...buttons);
    return [title, element("dl", { className: "model-facts" }, ...facts), ...evidenceOf(model), list];
  }

  #howToAdd() {
    const kinds = [
      t("common.add_checkpoint_kind_huggingface"),
      t("common.add_checkpoint_kind_gguf"),
      t("common.add_checkpoint_kind_torch"),
    ].map((kind) => element("li", {}, kind));
    const where = element("p", {}, t("chat.no_checkpoint_where"));
    const title = element("h2", { className: "welcome-title" }, t("chat.no_checkpoint"));
    return [title, where, element("ul", { className: "kinds" }, ...kinds), this.#rescanButton()];
  }

  /** @param {number} number */
  #noneWorks(number) {
    const title = element("h2", { className: "welcome-title" }, t("chat.none_works"));
    const words = t("chat.none_works_found", { count: number });
    const open = { type: "button", className: "main-button", onclick: this.#actions.pick };
    return [title, element("p", {}, words), element("button", open, t("chat.show_list")), this.#rescanButton()];
  }

  #rescanButton() {
    return element(
      "button",
      { type: "button", className: "plain-button", onclick: this.#actions.rescan },
      t("common.look_again"),
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
    [t("common.fact_stage"), model.group === "Other" ? model.stage : groupName(model.group)],
    [t("common.fact_step"), model.step == null ? null : integer(model.step)],
    [t("common.fact_epoch"), model.epoch == null ? null : decimal(model.epoch)],
    [model.loss ? lossName(model.loss) : t("common.loss"), model.loss && decimal(model.loss.value)],
    [t("common.fact_context"), model.context_length ? t("common.tokens", { count: model.context_length }) : null],
    [t("common.fact_parameters"), model.parameters == null ? null : count(model.parameters)],
    [t("common.fact_family"), model.family],
    [t("common.fact_stored_as"), model.dtype],
    [t("common.fact_parent"), model.parent],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}

/** @param {Model} model */
function evidenceOf(model) {
  const known = Object.entries(model.evidence ?? {});
  if (known.length === 0) return [];
  const lines = known.map(([field, text]) => element("li", {}, `${field}: ${text}`));
  const summary = element("summary", {}, t("chat.how_known"));
  return [element("details", { className: "evidence" }, summary, element("ul", {}, ...lines))];
}
