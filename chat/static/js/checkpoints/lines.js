// @ts-check
/** The list as lines: headings that open and close, and the checkpoints under them. Pure functions. */

import { bySteps, runsOf, walked } from "./runs.js";
import { chosen } from "./view.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("./view.js").View} View */

/**
 * `key` is unique among the lines and outlives a new listing.
 * @typedef {object} Heading
 * @property {"heading"} kind
 * @property {string} key
 * @property {string} label "" where the value is unknown
 * @property {string} grouping
 * @property {Model[]} models
 * @property {boolean} isOpen
 * @property {number} level from 1
 * @property {boolean} hasTimeline
 */
/** @typedef {{ kind: "checkpoint", key: string, model: Model, level: number }} Entry */
/** @typedef {Heading|Entry} Line */

const TIMELINE_POINTS = 2;

/**
 * @param {Model[]} models as the server lists them
 * @param {View} view
 * @param {ReadonlySet<string>} closed keys of the headings that are closed
 * @param {string[]} groups in the server's order
 * @returns {{ lines: Line[], found: number }}
 */
export function linesOf(models, view, closed, groups) {
  const found = chosen(models, view);
  if (view.group === "run") return { lines: tree(found, closed), found: found.length };
  if (view.group) return { lines: grouped(found, view.group, closed, groups), found: found.length };
  return { lines: found.map((model) => entry(model, 1)), found: found.length };
}

/**
 * @param {Model} model
 * @param {number} level
 * @returns {Entry}
 */
function entry(model, level) {
  return { kind: "checkpoint", key: `model ${model.id}`, model, level };
}

/**
 * @param {string} grouping
 * @param {string} label
 * @param {Model[]} models
 * @param {ReadonlySet<string>} closed
 * @param {number} level
 * @returns {Heading}
 */
function heading(grouping, label, models, closed, level) {
  const key = `${grouping} ${label}`;
  const hasTimeline = grouping === "run" && label !== "" && bySteps(models).length >= TIMELINE_POINTS;
  return { kind: "heading", key, label, grouping, models, isOpen: !closed.has(key), level, hasTimeline };
}

/**
 * Runs with their checkpoints; a run that went on from another's checkpoint stands below that one.
 * @param {Model[]} models
 * @param {ReadonlySet<string>} closed
 * @returns {Line[]}
 */
function tree(models, closed) {
  /** @type {Line[]} */
  const lines = [];
  let closedAt = Infinity; // the depth of a closed run, whose children are not shown either
  for (const { run, depth } of walked(withoutLonely(runsOf(models)))) {
    if (depth > closedAt) continue;
    const head = heading("run", run.name, run.models, closed, depth + 1);
    closedAt = head.isOpen ? Infinity : depth;
    lines.push(head);
    if (head.isOpen) lines.push(...run.models.map((model) => entry(model, depth + 2)));
  }
  return lines;
}

/**
 * A folder that holds one checkpoint without a step, from which nothing went on, is no run: such stand together at the end.
 * @param {import("./runs.js").Run[]} runs
 * @returns {import("./runs.js").Run[]}
 */
function withoutLonely(runs) {
  const parents = new Set(runs.map((run) => run.parent));
  const isLonely = (/** @type {import("./runs.js").Run} */ { name, models, parent }) =>
    name === "" || (models.length === 1 && models[0].step == null && parent === null && !parents.has(name));
  const lonely = runs.filter(isLonely).flatMap((run) => run.models);
  const others = runs.filter((run) => !isLonely(run));
  return lonely.length > 0 ? [...others, { name: "", models: lonely, parent: null }] : others;
}

/**
 * @param {Model[]} models
 * @param {string} grouping
 * @param {ReadonlySet<string>} closed
 * @param {string[]} groups
 * @returns {Line[]}
 */
function grouped(models, grouping, closed, groups) {
  /** @type {Map<string, Model[]>} */
  const heaps = new Map(grouping === "group" ? groups.map((name) => [name, []]) : []);
  for (const model of models) {
    const label = String(Reflect.get(model, grouping) ?? "");
    const heap = heaps.get(label) ?? [];
    heap.push(model);
    heaps.set(label, heap);
  }
  return [...heaps].flatMap(([label, heap]) => {
    if (heap.length === 0) return [];
    const head = heading(grouping, label, heap, closed, 1);
    return head.isOpen ? [head, ...heap.map((model) => entry(model, 2))] : [head];
  });
}
