// @ts-check
/** Which checkpoints belong to one run, and which run began where another one ended. Pure functions. */

/** @typedef {import("../types.js").Model} Model */

/**
 * `parent` is the run whose checkpoint this one began from; null where none is in the list.
 * @typedef {{ name: string, models: Model[], parent: string|null }} Run
 */

/**
 * The run of a checkpoint: the one that it names, else the folder it lies in; "" for one that lies alone.
 * @param {Model} model
 */
export function runOf(model) {
  return model.run || model.id.split("/").slice(0, -1).join("/");
}

/**
 * The runs in the order of their first checkpoint; the models keep theirs.
 * @param {Model[]} models
 * @returns {Run[]}
 */
export function runsOf(models) {
  /** @type {Map<string, Run>} */
  const runs = new Map();
  for (const model of models) {
    const name = runOf(model);
    const run = runs.get(name) ?? { name, models: [], parent: null };
    run.models.push(model);
    runs.set(name, run);
  }
  const owners = new Map(models.map((model) => [model.id, runOf(model)]));
  for (const run of runs.values()) run.parent = parentOf(run, owners);
  return [...runs.values()];
}

/**
 * @param {Run} run
 * @param {Map<string, string>} owners checkpoint to run
 */
function parentOf(run, owners) {
  for (const { parent } of run.models) {
    const owner = parent ? ownerOf(parent, owners) : null;
    if (owner && owner !== run.name) return owner;
  }
  return null;
}

/**
 * A parent is told by its id, or by a longer path of the machine it was trained on that ends in it.
 * @param {string} parent
 * @param {Map<string, string>} owners
 */
function ownerOf(parent, owners) {
  const parts = parent.split("/");
  for (let start = 0; start < parts.length; start += 1) {
    const owner = owners.get(parts.slice(start).join("/"));
    if (owner !== undefined) return owner;
  }
  return null;
}

/**
 * The runs as a walk through their tree: each with its depth, children right after their parent.
 * @param {Run[]} runs
 * @returns {{ run: Run, depth: number }[]}
 */
export function walked(runs) {
  const names = new Set(runs.map((run) => run.name));
  /** @type {{ run: Run, depth: number }[]} */
  const steps = [];
  const seen = new Set();
  const visit = (/** @type {Run} */ run, /** @type {number} */ depth) => {
    if (seen.has(run.name)) return; // two runs that name each other
    seen.add(run.name);
    steps.push({ run, depth });
    for (const child of runs) if (child.parent === run.name) visit(child, depth + 1);
  };
  for (const run of runs) if (run.parent === null || !names.has(run.parent)) visit(run, 0);
  for (const run of runs) visit(run, 0);
  return steps;
}

/**
 * The checkpoints of a run that have a step, in its order.
 * @param {Model[]} models
 */
export function bySteps(models) {
  return models
    .filter((model) => typeof model.step === "number")
    .sort((one, other) => Number(one.step) - Number(other.step));
}
