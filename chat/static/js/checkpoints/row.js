// @ts-check
/** One checkpoint as a line of the list: a row of cells where there is room, a card on a phone. */

import { element } from "../dom.js";
import { count, decimal, integer, size } from "../format.js";
import { t } from "../i18n.js";
import { inWords } from "../words.js";
import { dotState, fitWords, lossKind, named, stateWords } from "./words.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {{ budget: import("./memory.js").Budget, fresh: ReadonlySet<string>, openId: string|null, activeKey: string|null }} Context */
/** @typedef {{ load: (id: string) => void, unload: (id: string) => void, open: (id: string) => void }} RowActions */

const INFERRED = /^inferred\b/;
/** What the button does in each state. @type {Record<import("../types.js").ModelState, "load"|"unload"|"cancel"|"again"|null>} */
export const ACTS = {
  unloaded: "load",
  queued: "cancel",
  loading: "cancel",
  ready: "unload",
  unloading: null,
  failed: "again",
};

/** Keeps its button while the rest is drawn anew, so that the focus stays. */
export class CheckpointRow {
  element = element("div", { className: "row checkpoint", role: "row" });
  #button = element("button", { type: "button", className: "plain-button row-button" });
  #actionCell = element("div", { className: "cell cell-action", role: "gridcell" }, this.#button);
  /** @type {Model|null} */
  #model = null;
  #shown = "";
  #context;

  /**
   * @param {() => Context} context
   * @param {RowActions} actions
   */
  constructor(context, actions) {
    this.#context = context;
    this.element.append(this.#actionCell);
    this.element.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (this.#model && !target.closest("button, a")) actions.open(this.#model.id);
    });
    this.#button.addEventListener("click", () => {
      if (!this.#model) return;
      const act = ACTS[this.#model.status.state];
      if (act === "load" || act === "again") actions.load(this.#model.id);
      else if (act) actions.unload(this.#model.id);
    });
  }

  /**
   * @param {import("./lines.js").Entry} line
   * @param {number} index
   */
  update({ key, model, level }, index) {
    const { budget, fresh, openId, activeKey } = this.#context();
    this.element.setAttribute("aria-rowindex", String(index + 2));
    this.element.setAttribute("aria-level", String(level));
    this.element.setAttribute("aria-selected", String(model.id === openId));
    this.element.tabIndex = key === activeKey ? 0 : -1;
    this.#button.tabIndex = this.element.tabIndex;
    this.element.dataset.key = key;
    this.element.style.setProperty("--level", String(level - 1));
    const drawn = `${budget.used_bytes} ${budget.budget_bytes} ${fresh.has(model.id)}`;
    if (model === this.#model && drawn === this.#shown) return;
    this.#model = model;
    this.#shown = drawn;
    const facts = model.problem ? [problemCell(model.problem)] : [...factCells(model), fitCell(model, budget)];
    const cells = [nameCell(model, fresh.has(model.id)), stateCell(model), ...facts];
    while (this.element.firstChild !== this.#actionCell) this.element.firstChild?.remove();
    this.#actionCell.before(...cells);
    this.#drawButton(model);
  }

  /** @param {Model} model */
  #drawButton({ name, status, problem }) {
    const act = problem ? null : ACTS[status.state];
    this.#button.hidden = act === null;
    if (act === null) return;
    this.#button.textContent = t(`checkpoints.act_${act}`);
    this.#button.setAttribute("aria-label", t("checkpoints.act_on", { act: t(`checkpoints.act_${act}`), name }));
  }
}

/**
 * @param {string} kind
 * @param {...(Node|string|null)} children
 */
function cell(kind, ...children) {
  return element("div", { className: `cell cell-${kind}`, role: "gridcell" }, ...children);
}

/**
 * @param {Model} model
 * @param {boolean} isFresh
 */
function nameCell(model, isFresh) {
  const dot = element("span", { className: "dot", "aria-hidden": "true" });
  dot.dataset.state = dotState(model);
  const marks = [
    isFresh ? element("span", { className: "mark mark-new" }, t("checkpoints.new")) : null,
    Reflect.get(model.status, "pinned") ? element("span", { className: "mark" }, t("checkpoints.pinned")) : null,
  ];
  const name = element("span", { className: "row-name", dir: "auto" }, model.name);
  const below = element("span", { className: "row-path", dir: "ltr", title: model.id }, model.id);
  const first = element("span", { className: "row-first" }, name, ...marks);
  return cell("name", dot, element("span", { className: "row-names" }, first, below));
}

/** Why it cannot be loaded, in place of its facts. @param {import("../types.js").Problem} problem */
function problemCell(problem) {
  const { message, hint } = inWords(problem);
  const remedy = hint ? element("span", { className: "quiet" }, ` ${hint}`) : null;
  const words = element("span", { className: "row-problem", dir: "auto" }, message, remedy);
  const made = cell("problem", words);
  made.setAttribute("aria-colspan", "6");
  return made;
}

/** @param {Model} model */
function stateCell(model) {
  const { state, progress } = model.status;
  const words = element("span", { className: "row-state" }, stateWords(model));
  if (state !== "loading") return cell("state", words);
  const label = t("common.loading_named", { name: model.name });
  return cell("state", words, element("progress", { className: "bar", max: 1, value: progress?.fraction ?? 0, "aria-label": label }));
}

/** @param {Model} model */
function factCells(model) {
  const { stage, step, loss, parameters, dtype, evidence } = model;
  const parameterWords = parameters == null ? null : count(parameters);
  return [
    cell("stage", stage ? marked(named("stage", stage), evidence?.stage) : null),
    cell("step", labelled("step", step == null ? null : marked(integer(step), evidence?.step))),
    cell("loss", loss ? element("span", {}, decimal(loss.value), " ", quiet(lossKind(loss.kind, "short"))) : null),
    cell("parameters", parameterWords ? element("span", {}, parameterWords, " ", quiet(dtype ?? "")) : null),
    cell("size", model.size_bytes ? size(model.size_bytes) : null),
  ];
}

/** A card says what its number is; in the table the column does. @param {string} column @param {HTMLElement|null} value */
function labelled(column, value) {
  if (value === null) return null;
  const label = element("span", { className: "card-label", "aria-hidden": "true" }, `${t(`checkpoints.column_${column}`)} `);
  return element("span", {}, label, value);
}

/** @param {string} text */
function quiet(text) {
  return element("span", { className: "quiet small" }, text);
}

/**
 * A value that may only be a guess: then it is underlined with dots, and said to be one.
 * @param {string} text
 * @param {string|undefined} evidence
 */
function marked(text, evidence) {
  if (!evidence || !INFERRED.test(evidence)) return element("span", {}, text);
  const words = element("span", { className: "visually-hidden" }, ` ${t("checkpoints.inferred")}`);
  return element("span", { className: "inferred", title: evidence }, text, words);
}

/**
 * @param {Model} model
 * @param {import("./memory.js").Budget} budget
 */
function fitCell(model, budget) {
  const words = fitWords(model, budget);
  if (words === null) return cell("memory");
  const sign = element("span", { className: "fit-sign", "aria-hidden": "true" });
  const said = element("span", { className: "visually-hidden" }, ` ${words.title}`);
  const fit = element("span", { className: "fit", title: words.title }, sign, words.text, said);
  fit.dataset.fit = words.fit;
  return cell("memory", fit);
}
