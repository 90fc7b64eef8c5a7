// @ts-check
/** Where the machine's memory goes, as shares of one bar; and whether a checkpoint still finds room. Pure functions. */

/** @typedef {import("../types.js").Model} Model */
/** @typedef {{ budget_bytes: number, used_bytes: number }} Budget */
/** @typedef {{ total_bytes: number, available_bytes: number }} Machine */
/** @typedef {{ kind: "model"|"other"|"free", id: string, name: string, bytes: number, share: number }} Segment */

/**
 * The models in memory, what else the machine uses, and what is free; shares add up to 1.
 * Without the machine's numbers the budget stands for it.
 * @param {Model[]} models
 * @param {Budget} budget
 * @param {Machine|null} machine
 * @returns {Segment[]}
 */
export function segments(models, budget, machine) {
  const loaded = models.filter((model) => (model.status.memory_bytes ?? 0) > 0);
  const used = loaded.reduce((sum, model) => sum + (model.status.memory_bytes ?? 0), 0);
  const total = Math.max(machine?.total_bytes ?? budget.budget_bytes, used, 1);
  const taken = machine ? machine.total_bytes - machine.available_bytes : used;
  const other = Math.min(total - used, Math.max(0, taken - used));
  const parts = loaded.map(({ id, name, status }) => part("model", id, name, status.memory_bytes ?? 0));
  const all = [...parts, part("other", "", "", other), part("free", "", "", total - used - other)];
  return all.map((each) => ({ ...each, share: each.bytes / total }));
}

/**
 * @param {Segment["kind"]} kind
 * @param {string} id
 * @param {string} name
 * @param {number} bytes
 * @returns {Segment}
 */
function part(kind, id, name, bytes) {
  return { kind, id, name, bytes, share: 0 };
}

/**
 * "now" fits beside what is loaded, "after" once others have given way, "never" is larger than the budget.
 * @param {Model} model
 * @param {Budget} budget
 * @returns {"now"|"after"|"never"|null} null where nothing is known or it is loaded already
 */
export function fitOf(model, budget) {
  if (!model.memory || model.problem || model.status.state === "ready") return null;
  if (!model.memory.fits) return "never";
  return budget.used_bytes + model.memory.total_bytes <= budget.budget_bytes ? "now" : "after";
}
