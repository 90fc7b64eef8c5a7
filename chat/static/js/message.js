// @ts-check
/** One message of the transcript as an article: made once, then brought up to date as its answer grows. */

import { AnswerText } from "./answer-text.js";
import { copyButton, element, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { answerFacts, waitingWords } from "./words.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {{ regenerate: () => void }} MessageActions */

/** A question or an answer. */
export class MessageView {
  #body = new AnswerText();
  #waiting = element("div", { className: "waiting" });
  #bar = element("progress", { className: "bar", max: 1 });
  #waitingText = element("span");
  #foot = element("footer", { className: "message-foot" });
  #actions;
  #message;
  #isFinished = false;

  /**
   * @param {Message} message
   * @param {MessageActions} actions
   */
  constructor(message, actions) {
    this.#message = message;
    this.#actions = actions;
    const isUser = message.role === "user";
    const heading = element("h2", {
      className: "visually-hidden",
      textContent: speaker(message),
      id: `h-${message.id}`,
    });
    const body = isUser
      ? element("div", { className: "question-text", dir: "auto" }, message.content)
      : this.#body.element;
    this.#waiting.append(this.#waitingText, this.#bar);
    const parts = isUser ? [heading, body] : [heading, body, this.#waiting, this.#foot];
    this.article = element("article", { "aria-labelledby": heading.id, tabIndex: -1 }, ...parts);
    this.element = element("li", { className: `message ${isUser ? "question" : "answer"}` }, this.article);
  }

  /**
   * @param {Message} message
   * @param {boolean} isLast whether another answer may be asked for
   */
  update(message, isLast) {
    this.#message = message;
    this.element.dataset.status = message.status;
    if (message.role === "user") return;
    const isStreaming = message.status === "streaming";
    this.article.setAttribute("aria-busy", String(isStreaming));
    this.#body.show(message.content);
    this.#showWaiting(isStreaming && (message.content === "" || message.progress?.stage === "queued"));
    if (!isStreaming) this.#finish(isLast);
  }

  /** @param {boolean} isWaiting */
  #showWaiting(isWaiting) {
    this.#waiting.hidden = !isWaiting;
    if (!isWaiting) return;
    const { progress, modelName } = this.#message;
    this.#waitingText.textContent = waitingWords(progress, modelName ?? t("chat.the_model"));
    const isMeasured = progress != null && progress.fraction > 0;
    this.#bar.hidden = !isMeasured;
    if (isMeasured) this.#bar.value = progress.fraction;
    this.#bar.setAttribute("aria-label", this.#waitingText.textContent);
  }

  /** @param {boolean} isLast */
  #finish(isLast) {
    if (!this.#isFinished) this.#body.finish();
    this.#isFinished = true;
    const facts = answerFacts(this.#message).map((fact) => element("li", { textContent: fact }));
    const copy = copyButton(t("common.copy"), () => this.#message.content);
    const again = isLast ? iconButton("again", t("chat.regenerate"), this.#actions.regenerate) : null;
    const buttons = element("div", { className: "message-actions" }, this.#message.content ? copy : null, again);
    const empty = element("p", { className: "empty-answer", textContent: t("chat.empty_answer") });
    const list = element("ul", { className: "facts separated", "aria-label": t("chat.about_answer") }, ...facts);
    this.#foot.replaceChildren(...(this.#message.content ? [] : [empty]), buttons, list);
  }
}

/** @param {Message} message */
function speaker(message) {
  if (message.role === "user") return message.mode === "completion" ? t("chat.speaker_text") : t("chat.speaker_you");
  const name = message.modelName ?? t("chat.the_model");
  return message.mode === "completion" ? t("chat.speaker_continued", { name }) : t("chat.speaker_answered", { name });
}
