// @ts-check
/** The rules of one conversation: the path that is shown, and what acts and events make of it. Pure functions. */

import { answerAfter } from "./answer.js";

/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {{ type: string, [name: string]: any }} Action */

/** @type {Conversation} */
export const NEW_CONVERSATION = {
  id: null,
  phase: "open",
  title: "",
  system: null,
  parameters: {},
  mode: null,
  messages: [],
  earlier: null,
  isUnkept: false,
};

/**
 * @param {Conversation} state
 * @param {Action} action
 * @param {import("./types.js").Run|null} run
 * @returns {Conversation}
 */
export function conversation(state, action, run) {
  switch (action.type) {
    case "conversation/new":
      return { ...NEW_CONVERSATION, system: action.system ?? null, parameters: action.parameters ?? {} };
    case "conversation/loading":
      return { ...NEW_CONVERSATION, id: action.id, phase: "loading" };
    case "conversation/missing":
      return { ...state, phase: "missing", messages: [] };
    case "conversation/read":
      return read(state, action.read);
    case "conversation/earlier":
      return { ...state, messages: [...action.read.messages, ...state.messages], earlier: action.read.next };
    case "conversation/changed":
      return { ...state, ...facts({ ...state, ...action.changes }) };
    case "conversation/unkept":
      return { ...state, id: null, earlier: null, isUnkept: true };
    case "conversation/mode":
      return { ...state, mode: action.mode };
    case "run/asked":
    case "run/undone":
      return { ...state, messages: action.messages };
    case "run/accepted":
      return accepted(state, run, action.asked);
    case "run/event":
      return run ? withMessage(state, run.messageId, (answer) => answerAfter(answer, action.event)) : state;
    default:
      return state;
  }
}

/** @param {any} entry */
function facts({ id, title, system, parameters }) {
  return { id, title, system, parameters };
}

/**
 * What the server has now. A message that is as it was stays the same object, so that nobody draws it again.
 * @param {Conversation} state
 * @param {any} fresh
 * @returns {Conversation}
 */
function read(state, fresh) {
  const known = new Map(state.messages.map((message) => [message.id, message]));
  const messages = fresh.messages.map((/** @type {Message} */ message) => merged(known.get(message.id), message));
  return { ...state, ...facts(fresh), phase: "open", messages, earlier: fresh.next ?? null };
}

/**
 * @param {Message|undefined} known
 * @param {Message} fresh
 */
function merged(known, fresh) {
  if (known === undefined) return fresh;
  if (known.status === "streaming" && fresh.status === "streaming") return known;
  const isSame = known.updated_at === fresh.updated_at && known.status === fresh.status;
  if (isSame && String(known.siblings) === String(fresh.siblings)) return known;
  const isShown = known.content === fresh.content && fresh.status !== "streaming";
  return { ...fresh, blocks: isShown ? known.blocks : undefined, limit: known.limit };
}

/**
 * The server has taken a question: its messages take the place of those that were waiting.
 * @param {Conversation} state
 * @param {import("./types.js").Run|null} run
 * @param {{ user_message: Message|null, assistant_message: Message }} asked
 * @returns {Conversation}
 */
function accepted(state, run, { user_message: question, assistant_message: answer }) {
  const messages = state.messages.map((message) => {
    if (question && message.isPending && message.role === "user") return { ...question, siblings: renamed(message, question) };
    return message.id === run?.messageId ? begun(message, answer) : message;
  });
  return { ...state, messages };
}

/**
 * @param {Message} pending
 * @param {Message} answer
 * @returns {Message}
 */
function begun(pending, answer) {
  return { ...answer, siblings: renamed(pending, answer), html: pending.html ?? null, progress: null, tokens: 0 };
}

/** @param {Message} pending @param {Message} known */
function renamed(pending, known) {
  return pending.siblings?.map((id) => (id === pending.id ? known.id : id));
}

/**
 * The conversation with one message changed; the same object where it holds no such message.
 * @param {Conversation} state
 * @param {string} id
 * @param {(message: Message) => Message} change
 * @returns {Conversation}
 */
export function withMessage(state, id, change) {
  const index = state.messages.findIndex((message) => message.id === id);
  if (index < 0) return state;
  return { ...state, messages: state.messages.with(index, change(state.messages[index])) };
}

/**
 * The path up to a message, without it.
 * @param {Message[]} messages
 * @param {Message} message
 */
export function before(messages, message) {
  return messages.slice(
    0,
    messages.findIndex((each) => each.id === message.id),
  );
}

/**
 * The version of a message that lies `step` places from it, or null where there is none.
 * @param {Message} message
 * @param {number} step
 */
export function otherVersion({ id, siblings = [] }, step) {
  return siblings[siblings.indexOf(id) + step] ?? null;
}
