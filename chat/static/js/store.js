// @ts-check
/** Holds the page's state, changes it only by pure reducers, and tells which part of it changed. */

import { catalog, modelById, NO_CATALOG } from "./catalog.js";
import { conversation, NEW_CONVERSATION } from "./conversation.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Model} Model */
/** @typedef {{ type: string, [name: string]: any }} Action */

/** @type {State} */
export const INITIAL = {
  catalog: NO_CATALOG,
  library: { phase: "loading", entries: [], next: null, words: "", archived: false, problem: null },
  conversation: NEW_CONVERSATION,
  run: null,
  notice: null,
};

// What only lets an answer grow; it comes many times a second, and concerns nobody but those who draw the answer.
const GROWTH = ["token", "block", "progress"];

/** The state; each part of it that changed is told by an event of its name, an answer's growth by `growth` alone. */
export class Store extends EventTarget {
  #state;

  /** @param {State} [state] */
  constructor(state = INITIAL) {
    super();
    this.#state = state;
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** @param {Action} action */
  dispatch(action) {
    const before = this.#state;
    this.#state = reduce(before, action);
    for (const part of /** @type {(keyof State)[]} */ (Object.keys(before))) {
      if (before[part] !== this.#state[part]) this.dispatchEvent(new Event(nameOf(part, action)));
    }
  }

  /** @returns {Model|null} the checkpoint that the next question goes to */
  get selected() {
    return modelById(this.#state.catalog, this.#state.catalog.selectedId);
  }

  /** The checkpoint with this id, as far as it is known. @param {string|null|undefined} id */
  model(id) {
    return modelById(this.#state.catalog, id ?? null);
  }
}

/**
 * @param {keyof State} part that changed
 * @param {Action} action
 */
function nameOf(part, action) {
  return part === "conversation" && action.type === "run/event" && GROWTH.includes(action.event.type) ? "growth" : part;
}

/**
 * The state after an action.
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduce(state, action) {
  return {
    catalog: catalog(state.catalog, action),
    library: library(state.library, action),
    conversation: conversation(state.conversation, action, state.run),
    run: run(state.run, action),
    notice: notice(state.notice, action),
  };
}

/**
 * @param {State["library"]} state
 * @param {Action} action
 * @returns {State["library"]}
 */
function library(state, action) {
  switch (action.type) {
    case "library/asked":
      return { ...state, words: action.words, archived: action.archived };
    case "library/listed":
      return { ...state, phase: "listed", problem: null, entries: action.entries, next: action.next };
    case "library/failed":
      return { ...state, phase: "failed", problem: action.problem };
    case "library/changed":
      return { ...state, entries: state.entries.map((entry) => withChanges(entry, action.entry)) };
    case "library/removed":
      return { ...state, entries: state.entries.filter((entry) => entry.id !== action.id) };
    default:
      return state;
  }
}

/** @param {import("./types.js").Entry} entry @param {import("./types.js").Entry} changed */
function withChanges(entry, changed) {
  return entry.id === changed.id ? { ...entry, ...changed } : entry;
}

/**
 * @param {State["run"]} state
 * @param {Action} action
 * @returns {State["run"]}
 */
function run(state, action) {
  switch (action.type) {
    case "run/asked":
      return { id: null, messageId: action.messageId, isStopping: false, isLost: false };
    case "run/accepted":
      return state && { ...state, id: action.asked.run_id, messageId: action.asked.assistant_message.id };
    case "run/followed":
      return { id: action.runId, messageId: action.messageId, isStopping: false, isLost: false };
    case "run/event":
      return state?.isLost ? { ...state, isLost: false } : state;
    case "run/lost":
      return state && { ...state, isLost: true };
    case "run/stopping":
      return state && { ...state, isStopping: true };
    case "run/undone":
    case "run/ended":
    case "conversation/new":
    case "conversation/loading":
      return null;
    default:
      return state;
  }
}

/**
 * @param {State["notice"]} state
 * @param {Action} action
 * @returns {State["notice"]}
 */
function notice(state, action) {
  if (action.type === "notice/shown") return action.notice;
  return ["notice/dismissed", "run/asked", "conversation/new", "conversation/loading"].includes(action.type)
    ? null
    : state;
}
