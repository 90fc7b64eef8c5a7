// @ts-check
/** The rules of one conversation: what an event does to an answer, what the model is sent. Pure functions, no page. */

/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").RunEvent} RunEvent */
/** @typedef {import("./types.js").Problem} Problem */

/** An id of our own: crypto.randomUUID is missing where the page comes over plain HTTP from another machine. */
function freshId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("-");
}

/**
 * @param {string} content
 * @param {import("./types.js").Mode} mode
 * @returns {Message}
 */
export function question(content, mode) {
  return { id: freshId(), role: "user", content, mode, status: "complete" };
}

/**
 * An answer that has no text yet.
 * @param {{ id: string, name: string }} model
 * @param {import("./types.js").Mode} mode
 * @returns {Message}
 */
export function pendingAnswer(model, mode) {
  const answer = { id: freshId(), content: "", mode, model: model.id, modelName: model.name };
  return { ...answer, role: "assistant", status: "streaming", progress: null };
}

/**
 * What an event of its run makes of an answer.
 * @param {Message} answer
 * @param {RunEvent} event
 * @returns {Message}
 */
export function answerAfter(answer, event) {
  switch (event.type) {
    case "accepted":
      return answer;
    case "start":
      return {
        ...answer,
        limit: event.max_new_tokens ?? null,
        truncated: event.truncated ?? false,
        progress: { stage: "prefill", fraction: 0 },
      };
    case "progress":
      return { ...answer, progress: progressOf(event) };
    case "token":
      return { ...answer, content: answer.content + (event.text ?? ""), progress: null };
    case "done":
      return finished(answer, event);
    default:
      throw new Error(`an answer does not know the event ${event.type}`);
  }
}

/** @param {RunEvent} event */
function progressOf({ stage = "", fraction = 0, queue_position = 0 }) {
  return { stage, fraction, queue_position };
}

/**
 * @param {Message} answer
 * @param {RunEvent} event
 * @returns {Message}
 */
function finished(answer, event) {
  return {
    ...answer,
    content: event.text ?? answer.content,
    status: event.finish_reason === "cancelled" ? "cancelled" : "complete",
    progress: null,
    finishReason: event.finish_reason ?? null,
    usage: event.usage ?? null,
    timings: event.timings ?? null,
  };
}

/**
 * @param {Message} answer
 * @param {Problem} error
 * @returns {Message}
 */
export function failedAnswer(answer, { code, message, hint = null }) {
  return { ...answer, status: "failed", progress: null, error: { code, message, hint } };
}

/**
 * The conversation with one message changed; the same object where it holds no such message.
 * @param {Conversation} conversation
 * @param {string} id
 * @param {(message: Message) => Message} change
 * @returns {Conversation}
 */
export function withMessage(conversation, id, change) {
  const index = conversation.messages.findIndex((message) => message.id === id);
  if (index < 0) return conversation;
  return { ...conversation, messages: conversation.messages.with(index, change(conversation.messages[index])) };
}

/**
 * What the model is sent: the system prompt, every question that has an answer with text, and the last question.
 * A question without an answer is left out, because templates want the roles to take turns.
 * @param {Message[]} messages the last of them is the question to answer
 * @param {string} systemPrompt
 * @returns {{ role: string, content: string }[]}
 */
export function historyOf(messages, systemPrompt) {
  const turns = messages.filter((message, index) => {
    if (message.mode !== "chat") return false;
    if (message.role === "assistant") return message.content !== "";
    const answer = messages[index + 1];
    return answer === undefined || (answer.role === "assistant" && answer.content !== "");
  });
  const system = systemPrompt === "" ? [] : [{ role: "system", content: systemPrompt }];
  return [...system, ...turns.map(({ role, content }) => ({ role, content }))];
}

/**
 * A kept conversation as it is after a reload: an answer that was being written has been interrupted, and a question
 * whose answer has no text goes back to the composer.
 * @param {Conversation} conversation
 * @returns {{ conversation: Conversation, draft: string }}
 */
export function afterReload(conversation) {
  const messages = conversation.messages.map((message) =>
    message.status === "streaming"
      ? { ...message, status: /** @type {const} */ ("interrupted"), progress: null }
      : message,
  );
  const last = messages.at(-1);
  if (last?.status !== "interrupted" || last.content !== "")
    return { conversation: { ...conversation, messages }, draft: "" };
  return {
    conversation: { ...conversation, messages: messages.slice(0, -2) },
    draft: messages.at(-2)?.content ?? "",
  };
}
