// @ts-check
/** The rules of the list of checkpoints: what the server's answers and a run's events make of it. Pure functions. */

/** @typedef {import("./types.js").Catalog} Catalog */
/** @typedef {{ type: string, [name: string]: any }} Action */

/** @type {Catalog} */
export const NO_CATALOG = {
  phase: "loading",
  reachable: true,
  models: [],
  groups: [],
  skipped: [],
  memory: { budget_bytes: 0, used_bytes: 0 },
  selectedId: null,
};

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
export function catalog(state, action) {
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
