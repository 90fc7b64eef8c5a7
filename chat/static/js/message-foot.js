// @ts-check
/** What stands under a message: its versions, what can be done with it, and the facts about an answer. */

import { otherVersion } from "./conversation.js";
import { copyButton, element, iconButton } from "./dom.js";
import { integer, rate } from "./format.js";
import { t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { answerFacts, failureWords } from "./words.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Model} Model */

/**
 * What can be done with a message.
 * @typedef {object} MessageActions
 * @property {(message: Message) => void} regenerate
 * @property {(message: Message) => void} regenerateWith     by a checkpoint that is chosen then
 * @property {(message: Message) => void} goOn
 * @property {(message: Message) => void} rerun
 * @property {(message: Message) => void} edit
 * @property {(message: Message) => void} remove
 * @property {(message: Message) => void} fork
 * @property {(message: Message) => void} inspect             shows what the model really saw
 * @property {(messageId: string) => void} show              another version
 * @property {(id: string|null|undefined) => Model|null} model
 */

/** Whether an answer could grow further: it was cut, and nothing hangs on it. @param {Message} message @param {boolean} isLast */
export function canGoOn({ role, status, finish_reason, content }, isLast) {
  const isCut = ["cancelled", "interrupted", "failed"].includes(status) || finish_reason === "length";
  return role === "assistant" && isLast && isCut && content !== "";
}

/** The foot of one message. What cannot be done while an answer is written is hidden by the style sheet meanwhile. */
export class MessageFoot {
  element = element("footer", { className: "message-foot" });
  #actions;
  /** @type {Message|null} what is shown */
  #message = null;
  #isLast = false;

  /** @param {MessageActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /**
   * @param {Message} message
   * @param {boolean} isLast whether nothing hangs on it
   */
  update(message, isLast) {
    const shown = message.isPending || message.status === "streaming" ? null : message;
    if (shown === this.#message && isLast === this.#isLast) return;
    [this.#message, this.#isLast] = [shown, isLast];
    const focused = this.#focusedAct();
    this.element.replaceChildren(...(shown ? this.#parts(shown, isLast) : []));
    if (focused) /** @type {HTMLElement|null} */ (this.element.querySelector(`[data-act="${focused}"]`))?.focus();
  }

  /**
   * Say how fast an answer grows, where its facts will stand.
   * @param {number} tokens
   * @param {number} tokensPerSecond
   */
  showPace(tokens, tokensPerSecond) {
    const facts = [t("common.tokens", { count: tokens }), rate(tokensPerSecond)].map((fact) => element("li", {}, fact));
    this.element.replaceChildren(element("ul", { className: "facts separated" }, ...facts));
  }

  #focusedAct() {
    const focused = document.activeElement;
    return focused instanceof HTMLElement && this.element.contains(focused) ? focused.dataset.act : undefined;
  }

  /**
   * @param {Message} message
   * @param {boolean} isLast
   */
  #parts(message, isLast) {
    const isEmpty = message.role === "assistant" && message.content === "" && message.status === "complete";
    const empty = isEmpty ? element("p", { className: "empty-answer" }, t("chat.empty_answer")) : null;
    const parts = [empty, this.#failure(message), this.#acts(message, isLast)];
    if (message.role === "assistant") parts.push(this.#facts(message));
    return parts.filter((part) => part !== null);
  }

  /** @param {Message} message */
  #failure(message) {
    const words = failureWords(message);
    if (words === null) return null;
    const { summary, hint, said } = words;
    const lines = [hint, said && t("chat.server_said", { message: said })].filter(Boolean);
    return element(
      "div",
      { className: "message-failure", "data-kind": message.status },
      element("p", { dir: "auto" }, summary),
      ...lines.map((line) => element("p", { className: "quiet", dir: "auto" }, line)),
    );
  }

  /**
   * @param {Message} message
   * @param {boolean} isLast
   */
  #acts(message, isLast) {
    const { regenerate, goOn, edit } = this.#actions;
    const isAnswer = message.role === "assistant";
    const copy = message.content === "" ? null : named(copyButton(t("common.copy"), () => message.content), "copy");
    const wanted = isAnswer
      ? canGoOn(message, isLast) && iconButton("on", t("chat.go_on"), () => goOn(message))
      : isLast && iconButton("again", t("chat.answer_this"), () => regenerate(message));
    const others = [
      isAnswer ? null : named(iconButton("edit", t("chat.edit"), () => edit(message)), "edit"),
      wanted ? strong(named(wanted, isAnswer ? "on" : "again")) : null,
      isAnswer ? this.#again(message) : null,
      this.#more(message),
    ].filter((button) => button !== null);
    others.forEach((button) => button.classList.add("when-idle"));
    return element("div", { className: "message-actions" }, this.#versions(message), copy, ...others);
  }

  /** @param {Message} message */
  #again(message) {
    const isInVain = message.content === "" && message.status !== "complete";
    const label = isInVain ? t("common.try_again") : t("chat.regenerate");
    const button = named(iconButton("again", label, () => this.#actions.regenerate(message)), "again");
    return isInVain ? strong(button) : button;
  }

  /** @param {Message} message */
  #versions(message) {
    const { id, siblings = [] } = message;
    if (siblings.length < 2) return null;
    const turn = (/** @type {number} */ step, /** @type {string} */ image, /** @type {string} */ label) => {
      const other = otherVersion(message, step);
      const button = named(iconButton(image, label, () => other && this.#actions.show(other)), image);
      button.disabled = other === null;
      return button;
    };
    const place = { index: siblings.indexOf(id) + 1, count: siblings.length };
    const count = element("span", { className: "version-count", "aria-hidden": "true" });
    count.textContent = `${integer(place.index)}/${integer(place.count)}`;
    return element(
      "span",
      { className: "versions", role: "group", "aria-label": t("chat.version_of", { index: place.index, all: place.count }) },
      turn(-1, "previous", t("chat.version_before")),
      count,
      turn(1, "next", t("chat.version_after")),
    );
  }

  /** @param {Message} message */
  #more(message) {
    const { regenerateWith, rerun, edit, remove, fork, inspect } = this.#actions;
    const isAnswer = message.role === "assistant";
    const items = [
      ...(isAnswer
        ? [
            { label: t("chat.regenerate_with"), icon: "model", act: () => regenerateWith(message) },
            ...(message.receipt ? [{ label: t("chat.rerun"), icon: "reset", act: () => rerun(message) }] : []),
            { label: t("chat.inspect"), icon: "inspect", act: () => inspect(message) },
            { label: t("chat.edit"), icon: "edit", act: () => edit(message) },
          ]
        : []),
      { label: t("chat.fork_here"), icon: "fork", act: () => fork(message) },
      { label: t("chat.delete"), icon: "delete", act: () => remove(message), isDangerous: true },
    ];
    const button = iconButton("more", t("chat.more_acts"), () => openMenu(button, t("chat.more_acts"), items));
    button.setAttribute("aria-haspopup", "menu");
    return named(button, "more");
  }

  /** @param {Message} message */
  #facts(message) {
    const facts = answerFacts(message, this.#actions.model(message.model)).map((fact) => element("li", {}, fact));
    return element("ul", { className: "facts separated", "aria-label": t("chat.about_answer") }, ...facts);
  }
}

/** @param {HTMLButtonElement} button @param {string} act */
function named(button, act) {
  button.dataset.act = act;
  button.title = button.textContent ?? "";
  return button;
}

/** The act that is wanted most here. @param {HTMLButtonElement} button */
function strong(button) {
  button.classList.add("is-wanted");
  return button;
}
