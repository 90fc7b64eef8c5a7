// @ts-check
/** Holds the page's state, changes it only by pure reducers, and tells which part of it changed. */

import { answerAfter, failedAnswer, withMessage } from "./conversation.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Catalog} Catalog */
/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {{ type: string, [name: string]: any }} Action */

/** @type {State} */
export const INITIAL = {
  catalog: {
    phase: "loading",
    reachable: true,
    models: [],
    groups: [],
    skipped: [],
    memory: { budget_bytes: 0, used_bytes: 0 },
    selectedId: null,
  },
  conversation: { id: null, mode: "chat", messages: [] },
  run: null,
  notice: null,
};

/** The state; each part that changed (`catalog`, `conversation`, `run`, `notice`) is told by an event of its name. */
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
      if (before[part] !== this.#state[part]) this.dispatchEvent(new Event(part));
    }
  }

  /** @returns {Model|null} the checkpoint that the next question goes to */
  get selected() {
    return modelById(this.#state.catalog, this.#state.catalog.selectedId);
  }
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
    conversation: conversation(state.conversation, action, state.run),
    run: run(state.run, action),
    notice: notice(state.notice, action),
  };
}

/**
 * @param {Catalog} state
 * @param {string|null} id
 */
export function modelById(state, id) {
  return state.models.find((model) => model.id === id) ?? null;
}

/**
 * @param {Catalog} state
 * @param {Action} action
 * @returns {Catalog}
 */
function catalog(state, action) {
  switch (action.type) {
    case "models/listed":
      return listed(state, action.listing);
    case "models/unreachable":
      return { ...state, reachable: false, phase: state.phase === "loading" ? "failed" : state.phase };
    case "model/selected":
      return { ...state, selectedId: action.id };
    case "model/status":
      return withStatus(state, action.status);
    case "run/event":
      return afterRunEvent(state, action.event, action.model);
    default:
      return state;
  }
}

/**
 * @param {Catalog} state
 * @param {import("./types.js").Listing} listing
 * @returns {Catalog}
 */
function listed(state, { models, groups, scan, memory, ...listing }) {
  const isThere = models.some((model) => model.id === state.selectedId);
  return {
    phase: "listed",
    reachable: true,
    models,
    groups,
    memory,
    skipped: scan.skipped,
    selectedId: isThere ? state.selectedId : (listing.current ?? listing.default),
  };
}

/**
 * @param {Catalog} state
 * @param {import("./types.js").Status} status
 * @returns {Catalog}
 */
function withStatus(state, status) {
  const index = state.models.findIndex((model) => model.id === status.id);
  if (index < 0) return state;
  const models = state.models.with(index, { ...state.models[index], status });
  const used_bytes = models.reduce((sum, model) => sum + (model.status.memory_bytes ?? 0), 0);
  return { ...state, models, memory: { ...state.memory, used_bytes } };
}

/**
 * A run tells of its model's state too: it loads it first, and once it has a token the model is ready.
 * @param {Catalog} state
 * @param {import("./types.js").RunEvent} event
 * @param {string} id
 * @returns {Catalog}
 */
function afterRunEvent(state, event, id) {
  const model = modelById(state, id);
  if (model === null) return state;
  if (event.type === "progress" && event.stage === "loading") {
    const progress = { stage: "loading", fraction: event.fraction ?? 0 };
    return withStatus(state, { ...model.status, state: "loading", progress, error: null });
  }
  const isReady = event.type === "start" || event.type === "token";
  if (!isReady || model.status.state === "ready") return state;
  return withStatus(state, { ...model.status, state: "ready", progress: null, error: null });
}

/**
 * @param {State["conversation"]} state
 * @param {Action} action
 * @param {State["run"]} current
 * @returns {State["conversation"]}
 */
function conversation(state, action, current) {
  switch (action.type) {
    case "conversation/restored":
      return action.conversation;
    case "conversation/cleared":
      return { ...state, messages: [] };
    case "conversation/named":
      return { ...state, id: action.id };
    case "conversation/mode":
      return { ...state, mode: action.mode };
    case "run/asked":
      return { ...state, messages: [...state.messages, action.question, action.answer] };
    case "run/asked-again":
      return { ...state, messages: state.messages.with(-1, action.answer) };
    case "run/event":
      return current ? withMessage(state, current.answerId, (answer) => answerAfter(answer, action.event)) : state;
    case "run/failed":
      return current ? withMessage(state, current.answerId, (answer) => failedAnswer(answer, action.error)) : state;
    case "run/undone":
      return { ...state, messages: undone(state.messages, current?.replaced ?? null) };
    default:
      return state;
  }
}

/**
 * @param {Message[]} messages
 * @param {Message|null} replaced the answer that comes back; without one the question goes too
 */
function undone(messages, replaced) {
  return replaced ? messages.with(-1, replaced) : messages.slice(0, -2);
}

/**
 * @param {State["run"]} state
 * @param {Action} action
 * @returns {State["run"]}
 */
function run(state, action) {
  switch (action.type) {
    case "run/asked":
      return { id: null, answerId: action.answer.id, isStopping: false, replaced: null };
    case "run/asked-again":
      return { id: null, answerId: action.answer.id, isStopping: false, replaced: action.replaced };
    case "run/event":
      return state && action.event.run_id && !state.id ? { ...state, id: action.event.run_id } : state;
    case "run/stopping":
      return state && { ...state, isStopping: true };
    case "run/ended":
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
  return ["notice/dismissed", "run/asked", "run/asked-again", "conversation/cleared"].includes(action.type)
    ? null
    : state;
}
