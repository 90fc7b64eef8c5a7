// @ts-check
/** The checkpoints as the server has them, and which came while the page was open. Changes only by a pure reducer. */

/** @typedef {import("../types.js").Model} Model */
/** @typedef {{ type: string, [name: string]: any }} Action */

/**
 * `run` is always null: it tells the feed that no answer of this page holds a connection.
 * @typedef {object} State
 * @property {null} run
 * @property {"loading"|"listed"|"failed"} phase
 * @property {boolean} isReachable
 * @property {Model[]} models
 * @property {string[]} groups
 * @property {{ path: string, reason: string }[]} skipped
 * @property {{ budget_bytes: number, used_bytes: number }} memory
 * @property {ReadonlySet<string>} fresh ids that were not there when the page opened
 */

/** @type {State} */
export const INITIAL = {
  run: null,
  phase: "loading",
  isReachable: true,
  models: [],
  groups: [],
  skipped: [],
  memory: { budget_bytes: 0, used_bytes: 0 },
  fresh: new Set(),
};

/** The state; every change is told by the event `catalog`. */
export class CatalogStore extends EventTarget {
  state = INITIAL;

  /** @param {Action} action */
  dispatch(action) {
    const before = this.state;
    this.state = reduce(before, action);
    if (before !== this.state) this.dispatchEvent(new Event("catalog"));
  }

  /** @param {string|null} id */
  model(id) {
    return this.state.models.find((model) => model.id === id) ?? null;
  }
}

/**
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduce(state, action) {
  switch (action.type) {
    case "models/listed":
      return listed(state, action.listing);
    case "models/unreachable":
      return { ...state, isReachable: false, phase: state.phase === "loading" ? "failed" : state.phase };
    case "model/status":
      return withStatus(state, action.status);
    case "model/changed":
      return withModel(state, action.model);
    case "model/gone":
      return withModels(state, state.models.filter((model) => model.id !== action.id));
    default:
      return state;
  }
}

/**
 * @param {State} state
 * @param {import("../types.js").Listing} listing
 * @returns {State}
 */
function listed(state, { models, groups, scan, memory }) {
  const known = new Set(state.models.map((model) => model.id));
  const isFirst = state.phase !== "listed";
  const fresh = isFirst ? [] : models.filter((model) => !known.has(model.id)).map((model) => model.id);
  return {
    ...state,
    phase: "listed",
    isReachable: true,
    models,
    groups,
    memory,
    skipped: scan.skipped,
    fresh: fresh.length > 0 ? new Set([...state.fresh, ...fresh]) : state.fresh,
  };
}

/**
 * A checkpoint that appeared stands beside the last of its folder, so that a run stays together.
 * @param {State} state
 * @param {Model} model
 * @returns {State}
 */
function withModel(state, model) {
  const index = state.models.findIndex((each) => each.id === model.id);
  if (index >= 0) return withModels(state, state.models.with(index, model));
  const folder = model.id.slice(0, model.id.lastIndexOf("/") + 1);
  const after = state.models.findLastIndex((each) => each.id.startsWith(folder));
  const place = folder && after >= 0 ? after + 1 : state.models.length;
  const grown = withModels(state, state.models.toSpliced(place, 0, model));
  return { ...grown, fresh: new Set([...state.fresh, model.id]) };
}

/**
 * @param {State} state
 * @param {import("../types.js").Status} status
 * @returns {State}
 */
function withStatus(state, status) {
  const index = state.models.findIndex((model) => model.id === status.id);
  if (index < 0) return state;
  return withModels(state, state.models.with(index, { ...state.models[index], status }));
}

/**
 * @param {State} state
 * @param {Model[]} models
 * @returns {State}
 */
function withModels(state, models) {
  const used_bytes = models.reduce((sum, model) => sum + (model.status.memory_bytes ?? 0), 0);
  return { ...state, models, memory: { ...state.memory, used_bytes } };
}
