// @ts-check
/** Tells those who listen that an answer is being written and that it has ended, in one polite sentence each. */

import { counted, wordCount } from "./format.js";
import { endWords } from "./words.js";

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
    if (isRunning) status.textContent = "Generating an answer.";
    else status.textContent = answer?.role === "assistant" ? endSentence(answer) : "No answer came.";
  });
}

/** @param {import("./types.js").Message} answer */
function endSentence(answer) {
  const words = counted(wordCount(answer.content), "word");
  const isWhole = answer.status === "complete" && answer.finishReason === "stop";
  return isWhole ? `Answer finished, ${words}.` : `Answer ${endWords(answer)}, ${words}.`;
}
