// @ts-check
/** One message of the transcript as an article: made once, then brought up to date as its answer grows. */

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { MessageFoot } from "./message-foot.js";
import { Pace } from "./pace.js";
import { AnswerBody } from "./transcript/answer-body.js";
import { GrowingText } from "./transcript/growing-text.js";
import { modelName, waitingWords } from "./words.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./message-foot.js").MessageActions} MessageActions */

const UNBROKEN = 1000;

/**
 * Whether a text holds a word so long that browsers, which kern all of it, would measure it for seconds.
 * @param {string} text
 */
export function isUnbroken(text) {
  return text.length >= UNBROKEN && text.split(/\s+/).some((word) => word.length >= UNBROKEN);
}

/** A question or an answer. */
export class MessageView {
  #body = new AnswerBody();
  #waiting = element("div", { className: "waiting" });
  #bar = element("progress", { className: "bar", max: 1 });
  #waitingText = element("span");
  #pace = new Pace();
  #foot;
  #message;

  /**
   * @param {Message} message
   * @param {MessageActions} actions
   */
  constructor(message, actions) {
    this.#message = message;
    const isUser = message.role === "user";
    const heading = element("h2", { className: "visually-hidden", id: `h-${message.id}` }, speaker(message));
    const question = isUser ? questionText(message.content) : null;
    this.#waiting.append(this.#waitingText, this.#bar);
    this.#foot = new MessageFoot(actions);
    const parts = question ? [heading, question] : [heading, this.#body.element, this.#waiting];
    this.article = element("article", { "aria-labelledby": heading.id, tabIndex: -1 }, ...parts, this.#foot.element);
    this.element = element("li", { className: `message ${isUser ? "question" : "answer"}` }, this.article);
    this.element.dataset.message = message.id;
    if (isUnbroken(message.content)) this.element.classList.add("is-unbroken");
  }

  /**
   * @param {Message} message
   * @param {boolean} isLast whether nothing hangs on it
   */
  update(message, isLast) {
    this.#message = message;
    this.element.dataset.status = message.status;
    this.#foot.update(message, isLast);
    if (message.role === "user") return;
    const isStreaming = message.status === "streaming";
    this.article.setAttribute("aria-busy", String(isStreaming));
    if (isUnbroken(message.content.slice(-UNBROKEN))) this.element.classList.add("is-unbroken"); // as it grows
    this.#body.show(message);
    const waitsForModel = ["queued", "loading"].includes(message.progress?.stage ?? "");
    if (isStreaming && message.tokens) this.#showPace(message.tokens);
    this.#showWaiting(isStreaming && (this.#body.isEmpty || waitsForModel));
  }

  /** @param {number} tokens */
  #showPace(tokens) {
    const tokensPerSecond = this.#pace.note(tokens, performance.now());
    if (tokensPerSecond !== null) this.#foot.showPace(tokens, tokensPerSecond);
  }

  /** @param {boolean} isWaiting */
  #showWaiting(isWaiting) {
    this.#waiting.hidden = !isWaiting;
    if (!isWaiting) return;
    const { progress, model } = this.#message;
    this.#waitingText.textContent = waitingWords(progress, modelName(model));
    const isMeasured = progress != null && progress.fraction > 0;
    this.#bar.hidden = !isMeasured;
    if (isMeasured) this.#bar.value = progress.fraction;
    this.#bar.setAttribute("aria-label", this.#waitingText.textContent);
  }
}

/** What was asked, as it was written; what cannot be seen in it is marked. @param {string} content */
function questionText(content) {
  const text = element("div", { className: "question-text", dir: "auto" });
  new GrowingText(text).push(content);
  return text;
}

/** @param {Message} message */
function speaker({ role, asked, model }) {
  if (role === "user") return t("chat.speaker_you");
  const name = modelName(model);
  return asked?.raw ? t("chat.speaker_continued", { name }) : t("chat.speaker_answered", { name });
}
