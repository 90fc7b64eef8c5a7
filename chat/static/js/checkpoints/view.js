// @ts-check
/** How the list is looked at: search, filters, order and grouping, and their way into the page's address and back. */

/** @typedef {{ weights_bytes?: number, vocab_size?: number|null, modified_at?: number }} FileFacts */
/** @typedef {import("../types.js").Model & FileFacts} Model */

/**
 * An empty text means "any"; `sort` names a column, or nothing for the server's order.
 * @typedef {object} View
 * @property {string} search
 * @property {string} stage
 * @property {string} format
 * @property {string} state
 * @property {string} problem
 * @property {string} sort
 * @property {boolean} isDescending
 * @property {string} group
 */

/** @typedef {"search"|"stage"|"format"|"state"|"problem"|"group"} Choice */

/** @type {View} */
export const PLAIN = {
  search: "",
  stage: "",
  format: "",
  state: "",
  problem: "",
  sort: "",
  isDescending: false,
  group: "",
};

export const GROUPINGS = ["run", "group", "stage", "format", "family"];
export const STATE_FILTERS = ["ready", "busy", "unloaded", "failed"];
export const PROBLEM_FILTERS = ["without", "with"];

/** Name of each choice in the address. @type {Record<Choice, string>} */
const ADDRESS = { search: "q", stage: "stage", format: "format", state: "state", problem: "problem", group: "by" };
const NO_GROUP = "none"; // by run is how the page opens, so a plain table has to be said

/** What a column is ordered by; null goes last in both directions. @type {Record<string, (model: Model) => string|number|null>} */
const KEYS = {
  name: (model) => model.name.toLowerCase(),
  state: (model) => stateRank(model),
  stage: (model) => model.stage ?? null,
  step: (model) => model.step ?? null,
  loss: (model) => model.loss?.value ?? null,
  parameters: (model) => model.parameters ?? null,
  size: (model) => model.size_bytes ?? null,
  memory: (model) => (model.problem ? null : (model.memory?.total_bytes ?? null)),
  modified: (model) => model.modified_at ?? null,
};

export const COLUMNS = Object.keys(KEYS);
const STATE_ORDER = ["ready", "loading", "queued", "unloading", "unloaded", "failed"];

/** @param {Model} model */
function stateRank(model) {
  return model.problem ? STATE_ORDER.length : STATE_ORDER.indexOf(model.status.state);
}

/**
 * The view that an address asks for; what it names wrongly is as if it were not there.
 * @param {string} query as `location.search` has it
 * @returns {View}
 */
export function viewFrom(query) {
  const said = new URLSearchParams(query);
  const view = { ...PLAIN };
  for (const [name, short] of /** @type {[Choice, string][]} */ (Object.entries(ADDRESS))) {
    view[name] = said.get(short) ?? "";
  }
  view.group = view.group === NO_GROUP ? "" : GROUPINGS.includes(view.group) ? view.group : "run";
  if (!STATE_FILTERS.includes(view.state)) view.state = "";
  if (!PROBLEM_FILTERS.includes(view.problem)) view.problem = "";
  const sort = said.get("sort") ?? "";
  view.isDescending = sort.startsWith("-");
  view.sort = COLUMNS.includes(sort.replace(/^-/, "")) ? sort.replace(/^-/, "") : "";
  return view;
}

/**
 * The same view as an address's query, without what is as usual.
 * @param {View} view
 * @returns {URLSearchParams}
 */
export function queryOf(view) {
  const query = new URLSearchParams();
  for (const [name, short] of /** @type {[Choice, string][]} */ (Object.entries(ADDRESS))) {
    if (name !== "group" && view[name] !== "") query.set(short, view[name]);
  }
  if (view.group !== "run") query.set(ADDRESS.group, view.group || NO_GROUP);
  if (view.sort) query.set("sort", `${view.isDescending ? "-" : ""}${view.sort}`);
  return query;
}

/**
 * The view after a press on a column's head: upwards, downwards, then the server's order again.
 * @param {View} view
 * @param {string} column
 * @returns {View}
 */
export function sortedBy(view, column) {
  if (view.sort !== column) return { ...view, sort: column, isDescending: false };
  return view.isDescending ? { ...view, sort: "", isDescending: false } : { ...view, isDescending: true };
}

/**
 * The models that the view lets through, in its order.
 * @param {Model[]} models
 * @param {View} view
 * @returns {Model[]}
 */
export function chosen(models, view) {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = models.filter((model) => passes(model, view) && words.every((word) => textOf(model).includes(word)));
  const key = KEYS[view.sort];
  if (!key) return found;
  const direction = view.isDescending ? -1 : 1;
  return found
    .map((model) => ({ model, value: key(model) }))
    .sort((one, other) => compared(one.value, other.value, direction))
    .map(({ model }) => model);
}

/**
 * @param {Model} model
 * @param {View} view
 */
function passes(model, { stage, format, state, problem }) {
  if (stage && (model.stage ?? "") !== stage) return false;
  if (format && model.format !== format) return false;
  if (problem && (problem === "with") !== (model.problem != null)) return false;
  return !state || stateFilterOf(model) === state;
}

/** @param {Model} model */
function stateFilterOf({ status }) {
  return ["queued", "loading", "unloading"].includes(status.state) ? "busy" : status.state;
}

/** @type {WeakMap<Model, string>} */
const texts = new WeakMap();

/** @param {Model} model */
function textOf(model) {
  const known = texts.get(model);
  if (known !== undefined) return known;
  const { problem, step } = model;
  const parts = [model.id, model.name, model.group, model.run, model.family, model.architecture, model.stage];
  parts.push(model.format, model.dtype, step == null ? null : `step ${step}`, problem?.message, problem?.code);
  const text = parts.filter(Boolean).join(" ").toLowerCase();
  texts.set(model, text);
  return text;
}

const names = new Intl.Collator(undefined, { numeric: true });

/**
 * @param {string|number|null} one
 * @param {string|number|null} other
 * @param {number} direction
 */
function compared(one, other, direction) {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  if (typeof one === "number" && typeof other === "number") return direction * (one - other);
  return direction * names.compare(String(one), String(other));
}

/**
 * Every value that some model has, for a filter's choices.
 * @param {Model[]} models
 * @param {"stage"|"format"} field
 * @returns {string[]}
 */
export function valuesOf(models, field) {
  return [...new Set(models.map((model) => model[field]).filter((value) => typeof value === "string"))].sort();
}

/** Whether anything is left out. @param {View} view */
export function isFiltered({ search, stage, format, state, problem }) {
  return [search, stage, format, state, problem].some((part) => part !== "");
}
