// @ts-check
/** The runs beside the charts: those under way, then those that have ended, each to open or to lay over the others. */

import { element, required } from "../dom.js";
import { percent } from "../format.js";
import { t } from "../i18n.js";
import { KeyedList } from "./keyed-list.js";
import { isGoing } from "./store.js";
import { MOST_SHOWN } from "./view.js";
import { ago, amount, span, stateWords, stepWords } from "./words.js";

/** @typedef {import("./api.js").Run} Run */
/** @typedef {{ run: Run, isOpen: boolean, hue: number|null, isFull: boolean }} Entry `hue` is null where it is not in the charts, which may be full */
/** @typedef {{ open: (id: string) => void, compare: (id: string, isIn: boolean) => void }} Actions */

/** Two lists, since what is over is looked for in another way than what goes on. */
export class RunList {
  #lists;

  /** @param {Actions} actions */
  constructor(actions) {
    const make = (/** @type {Entry} */ entry) => new RunRow(entry.run.id, actions);
    this.#lists = ["going", "ended"].map((name) => ({
      name,
      section: required(`runs-${name}-section`, HTMLElement),
      list: new KeyedList(required(`runs-${name}`, HTMLElement), (/** @type {Entry} */ entry) => entry.run.id, make),
    }));
  }

  /**
   * @param {Run[]} runs
   * @param {string[]} shownIds those in the charts, the chosen one first
   * @param {string} wanted words that have to stand in the name
   */
  show(runs, shownIds, wanted) {
    const found = runs.filter((run) => run.id.toLowerCase().includes(wanted.toLowerCase()));
    for (const { name, section, list } of this.#lists) {
      const own = found.filter((run) => isGoing(run) === (name === "going"));
      section.hidden = own.length === 0;
      list.show(own.map((run) => entryOf(run, shownIds)));
    }
    required("runs-none", HTMLElement).hidden = found.length > 0;
    const full = shownIds.length >= MOST_SHOWN ? t("training.most_compared", { count: MOST_SHOWN }) : "";
    const words = required("runs-full", HTMLElement);
    if (words.textContent !== full) words.textContent = full;
  }
}

/** @param {Run} run @param {string[]} shownIds @returns {Entry} */
function entryOf(run, shownIds) {
  const place = shownIds.indexOf(run.id);
  return { run, isOpen: place === 0, hue: place < 0 ? null : place, isFull: shownIds.length >= MOST_SHOWN };
}

class RunRow {
  #name = element("span", { className: "run-name", dir: "auto" });
  #dot = element("span", { className: "dot", "aria-hidden": "true" });
  #state = element("span", {});
  #facts = element("span", { className: "run-facts quiet" });
  #bar = element("progress", { className: "bar", max: 1 });
  #open = element("button", { type: "button", className: "run-open" });
  #compare = element("input", { type: "checkbox" });
  element = element("li", { className: "run-row" });

  /** @param {string} id @param {Actions} actions */
  constructor(id, actions) {
    const state = element("span", { className: "run-state quiet" }, this.#dot, this.#state);
    this.#open.append(element("span", { className: "run-line" }, this.#name, state), this.#facts);
    this.#open.addEventListener("click", () => actions.open(id));
    this.#compare.addEventListener("change", () => actions.compare(id, this.#compare.checked));
    this.element.append(element("label", { className: "run-compare" }, this.#compare), this.#open, this.#bar);
  }

  /** @param {Entry} entry */
  update({ run, isOpen, hue, isFull }) {
    this.#name.textContent = run.name;
    this.#dot.dataset.state = run.state;
    this.#state.textContent = stateWords("run", run.state);
    this.#facts.textContent = factsOf(run).join(" · ");
    if (isOpen) this.#open.setAttribute("aria-current", "true");
    else this.#open.removeAttribute("aria-current");
    this.element.classList.toggle("is-open", isOpen);
    this.#compare.checked = hue !== null;
    this.#compare.disabled = isOpen || (isFull && hue === null);
    this.#compare.setAttribute("aria-label", t("training.compare_run", { name: run.name }));
    this.#compare.title = t("training.compare_run", { name: run.name });
    if (hue === null) delete this.element.dataset.hue;
    else this.element.dataset.hue = String(hue);
    this.#bar.hidden = !isGoing(run) || run.progress === null;
    this.#bar.value = run.progress ?? 0;
    this.#bar.setAttribute("aria-label", t("training.progress_of", { name: run.name, share: percent(run.progress ?? 0) }));
  }
}

/** What is said under a run's name. @param {Run} run */
function factsOf(run) {
  const loss = run.losses.validation ?? run.losses.train;
  const eta = run.state === "running" && run.eta_seconds !== null ? t("training.eta", { time: span(run.eta_seconds) }) : null;
  const age = isGoing(run) || run.updated_at === null ? null : ago(run.updated_at);
  const warnings = run.warnings.length > 0 ? t("training.warnings", { count: run.warnings.length }) : null;
  const parts = [stepWords(run), loss == null ? null : t("training.loss_is", { loss: amount(loss) }), eta, age, warnings];
  return parts.filter((part) => part !== null);
}
