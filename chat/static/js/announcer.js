// @ts-check
/** Tells those who listen that an answer is being written and that it has ended, in one polite sentence each. */

import { wordCount } from "./format.js";
import { t } from "./i18n.js";
import { endWords, failureWords } from "./words.js";

/**
 * @param {HTMLElement} status with the role status
 * @param {import("./store.js").Store} store
 */
export function announceAnswers(status, store) {
  let isRunning = false;
  store.addEventListener("run", () => {
    const { run, conversation } = store.state;
    if (isRunning === (run !== null)) return;
    isRunning = run !== null;
    const answer = conversation.messages.at(-1);
    if (isRunning) status.textContent = t("chat.generating");
    else if (answer?.role === "assistant") status.textContent = endSentence(answer);
  });
}

/** @param {import("./types.js").Message} answer */
function endSentence(answer) {
  if (answer.status === "failed") return t("chat.answer_failed", { reason: failureWords(answer)?.summary ?? "" });
  const words = t("common.words", { count: wordCount(answer.content) });
  const isWhole = answer.status === "complete" && answer.finish_reason === "stop";
  return isWhole ? t("chat.answer_finished", { words }) : t("chat.answer_ended", { end: endWords(answer), words });
}
