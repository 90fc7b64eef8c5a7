// @ts-check
/** The error bar: what happened, what to do about it, and how to find it in the server's log. */

import { ApiError } from "./api.js";
import { element, icon } from "./dom.js";
import { t } from "./i18n.js";
import { inWords } from "./words.js";

/** @typedef {import("./types.js").Notice} Notice */
/** @typedef {import("./types.js").NoticeAction} NoticeAction */

/** What helps against which error; everything else may simply be tried again. @type {Record<string, NoticeAction[]>} */
const REMEDIES = {
  context_length_exceeded: ["new-chat"],
  no_chat_template: ["completion", "pick"],
  model_not_found: ["pick"],
  not_enough_memory: ["pick", "retry"],
};

/** What helps where the server's database does not: its codes begin alike. @type {NoticeAction[]} */
const WITHOUT_DATABASE = ["unkept", "retry"];

/**
 * An error as the bar shows it. What is not an ApiError is our own mistake and says so.
 * @param {unknown} error
 * @returns {Notice}
 */
export function noticeOf(error) {
  if (!(error instanceof ApiError)) {
    const message = t("errors.yours", { message: error instanceof Error ? error.message : String(error) });
    console.error(error);
    return { message, code: "page_error", hint: t("errors.yours.hint"), actions: [] };
  }
  const { code, param, requestId } = error;
  const usual = code.startsWith("database_") ? WITHOUT_DATABASE : /** @type {NoticeAction[]} */ (["retry"]);
  return { ...inWords(error), code, param, requestId, actions: REMEDIES[code] ?? usual };
}

/** Shows the store's notice in an element with the role alert. */
export class NoticeBar {
  #bar;
  #store;
  #actions;

  /**
   * @param {HTMLElement} bar
   * @param {import("./store.js").Store} store
   * @param {Record<NoticeAction, () => void>} actions
   */
  constructor(bar, store, actions) {
    this.#bar = bar;
    this.#store = store;
    this.#actions = actions;
    store.addEventListener("notice", () => this.#draw());
  }

  #draw() {
    const { notice } = this.#store.state;
    this.#bar.replaceChildren(...(notice ? [this.#words(notice), this.#buttons(notice)] : []));
    this.#bar.hidden = notice === null;
  }

  /** @param {Notice} notice */
  #words({ message, hint, said, code, requestId }) {
    const trace = [code, requestId && t("common.request_id", { id: requestId })].filter(Boolean).join(" · ");
    return element(
      "div",
      { className: "notice-words" },
      element("p", { className: "notice-message", dir: "auto" }, icon("alert"), element("span", {}, message)),
      hint ? element("p", { className: "notice-hint", dir: "auto" }, hint) : null,
      said ? element("p", { className: "notice-hint", dir: "auto" }, t("chat.server_said", { message: said })) : null,
      trace ? element("p", { className: "notice-trace" }, trace) : null,
    );
  }

  /** @param {Notice} notice */
  #buttons({ actions }) {
    const made = actions.map((name) => {
      const act = () => {
        this.#dismiss();
        this.#actions[name]();
      };
      return element("button", { type: "button", className: "plain-button", onclick: act }, t(`chat.act_${name}`));
    });
    const dismiss = { type: "button", className: "quiet-button", onclick: () => this.#dismiss() };
    return element("div", { className: "notice-buttons" }, ...made, element("button", dismiss, t("common.dismiss")));
  }

  #dismiss() {
    this.#store.dispatch({ type: "notice/dismissed" });
  }
}
