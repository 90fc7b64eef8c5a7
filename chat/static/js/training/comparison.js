// @ts-check
/** Several runs side by side: what they came to, and in which settings they differ. */

import { element, required } from "../dom.js";
import { integer, rate } from "../format.js";
import { t } from "../i18n.js";
import { differences } from "./differences.js";
import { amount, span, stateWords } from "./words.js";

/** @typedef {import("./api.js").Run} Run */

/** Configurations are fetched once for each run. */
export class Comparison {
  #section = required("comparison", HTMLElement);
  #outcomes = required("outcomes", HTMLTableElement);
  #settings = required("setting-differences", HTMLTableElement);
  #none = required("no-differences", HTMLElement);
  /** @type {Map<string, unknown>} */
  #configs = new Map();
  #fetch;
  #drawn = "";

  /** @param {(id: string) => Promise<unknown>} fetchConfig */
  constructor(fetchConfig) {
    this.#fetch = fetchConfig;
  }

  /** @param {Run[]} runs */
  show(runs) {
    this.#section.hidden = runs.length < 2;
    if (runs.length < 2) return;
    const drawn = JSON.stringify([runs, runs.map(({ id }) => this.#configs.has(id))]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    fill(this.#outcomes, runs, outcomes(runs));
    const isKnown = runs.every(({ id }) => this.#configs.has(id));
    const rows = isKnown ? differences(runs.map(({ id }) => this.#configs.get(id))) : [];
    fill(this.#settings, runs, rows.map(({ name, values }) => ({ name, values: values.map((value) => value ?? "–"), best: -1 })));
    this.#settings.hidden = rows.length === 0;
    this.#none.hidden = !isKnown || rows.length > 0;
    if (!isKnown) this.#learn(runs);
  }

  /** @param {Run[]} runs */
  async #learn(runs) {
    for (const { id } of runs.filter((run) => !this.#configs.has(run.id))) {
      try {
        this.#configs.set(id, await this.#fetch(id));
      } catch (error) {
        console.warn(`the configuration of ${id} is not known`, error);
        this.#configs.set(id, {});
      }
    }
    this.show(runs);
  }
}

/** @typedef {{ name: string, values: string[], best: number }} Row `best` is the place of the best value, -1 where none is */

/** @param {Run[]} runs @returns {Row[]} */
function outcomes(runs) {
  const number = (/** @type {string} */ name, /** @type {(number|null|undefined)[]} */ values, /** @type {(value: number) => string} */ write, isLess = true) => {
    const known = values.filter((value) => value != null && Number.isFinite(value)).map(Number);
    const top = isLess ? Math.min(...known) : Math.max(...known);
    const best = known.length > 1 && known.filter((value) => value === top).length === 1 ? values.indexOf(top) : -1;
    return { name: t(`training.fact_${name}`), values: values.map((value) => (value == null ? "–" : write(value))), best };
  };
  const lasted = runs.map(({ started_at: from, updated_at: to }) => (from === null || to === null ? null : Math.max(0, to - from)));
  return [
    { name: t("training.fact_state"), values: runs.map(({ state }) => stateWords("run", state)), best: -1 },
    number("best", runs.map(({ losses }) => losses.best_validation), amount),
    number("validation", runs.map(({ losses }) => losses.validation), amount),
    number("train", runs.map(({ losses }) => losses.train), amount),
    { ...number("steps", runs.map(({ step }) => step), integer), best: -1 },
    number("speed", runs.map((run) => run.tokens_per_second), rate, false),
    { ...number("lasted", lasted, span), best: -1 },
  ].filter(({ values }) => values.some((value) => value !== "–"));
}

/** @param {HTMLTableElement} table @param {Run[]} runs @param {Row[]} rows */
function fill(table, runs, rows) {
  const corner = element("td", {});
  const heads = runs.map((run, index) => {
    const head = element("th", { scope: "col", dir: "auto" }, run.name);
    head.dataset.hue = String(index);
    return head;
  });
  const body = rows.map(({ name, values, best }) => {
    const cells = values.map((value, index) => element("td", { dir: "auto" }, index === best ? element("strong", {}, `${value} ★`) : value));
    return element("tr", {}, element("th", { scope: "row", dir: "auto" }, name), ...cells);
  });
  const caption = table.caption;
  table.replaceChildren(element("thead", {}, element("tr", {}, corner, ...heads)), element("tbody", {}, ...body));
  if (caption) table.prepend(caption);
}
