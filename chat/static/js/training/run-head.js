// @ts-check
/** The chosen run in words and numbers: how far it is, what is wrong with it, and the orders that it takes. */

import { element, required } from "../dom.js";
import { count, decimal, percent, rate } from "../format.js";
import { has, t } from "../i18n.js";
import { isGoing } from "./store.js";
import { ago, amount, span, stateWords, stepWords } from "./words.js";

/** @typedef {import("./api.js").Run} Run */

const ACTS = ["pause", "resume", "stop", "save", "sample"];

/** Changes in place. */
export class RunHead {
  #name = required("run-name", HTMLElement);
  #dot = required("run-dot", HTMLElement);
  #state = required("run-state", HTMLElement);
  #bar = required("run-progress", HTMLProgressElement);
  #facts = required("run-facts", HTMLElement);
  #warnings = required("run-warnings", HTMLElement);
  #controls = required("run-controls", HTMLElement);
  #scale = required("scale", HTMLFormElement);
  #factor = required("scale-factor", HTMLInputElement);
  /** @type {Run|null} */
  #run = null;
  #act;
  #drawnWarnings = "";

  /** @param {(run: Run, act: string, value?: number) => Promise<void>} act */
  constructor(act) {
    this.#act = act;
    this.#controls.replaceChildren(...ACTS.map((name) => this.#button(name)));
    this.#scale.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#run && this.#factor.valueAsNumber > 0) act(this.#run, "scale_lr", this.#factor.valueAsNumber);
    });
  }

  /** @param {string} act */
  #button(act) {
    let isBusy = false; // a disabled button would lose the keyboard's place
    const press = async () => {
      if (!this.#run || isBusy) return;
      isBusy = true;
      await this.#act(this.#run, act);
      isBusy = false;
    };
    const words = t(`training.act_${act}`);
    const button = element("button", { type: "button", className: "plain-button", onclick: press, title: t(`training.act_${act}_hint`) }, words);
    button.dataset.act = act;
    return button;
  }

  /** @param {Run} run */
  show(run) {
    this.#run = run;
    this.#name.textContent = run.name;
    this.#dot.dataset.state = run.state;
    const said = stateWords("run", run.state);
    if (this.#state.textContent !== said) this.#state.textContent = said;
    this.#bar.hidden = run.progress === null;
    this.#bar.value = run.progress ?? 0;
    this.#bar.setAttribute("aria-label", t("training.progress_of", { name: run.name, share: percent(run.progress ?? 0) }));
    this.#facts.replaceChildren(...factsOf(run).flatMap(([name, value]) => [factOf(name, value)]));
    this.#showWarnings(run);
    this.#showControls(run.controls);
  }

  /** @param {string[]} controls */
  #showControls(controls) {
    const focused = document.activeElement;
    for (const button of this.#controls.children) {
      if (button instanceof HTMLElement) button.hidden = !controls.includes(button.dataset.act ?? "");
    }
    this.#scale.hidden = !controls.includes("scale_lr");
    // Pause turns into resume under the finger that pressed it: the keyboard's place goes along.
    if (focused instanceof HTMLElement && focused.hidden && focused.parentElement === this.#controls) {
      const next = this.#controls.querySelector("button:not([hidden])");
      if (next instanceof HTMLElement) next.focus();
    }
  }

  /** @param {Run} run */
  #showWarnings({ warnings }) {
    const drawn = JSON.stringify(warnings);
    if (drawn === this.#drawnWarnings) return;
    this.#drawnWarnings = drawn;
    this.#warnings.replaceChildren(...warnings.map(warning));
  }
}

/** @param {{ code: string, message: string }} warning */
function warning({ code, message }) {
  const known = has(`training.warning_${code}`) ? t(`training.warning_${code}`) : null;
  const said = element("span", { className: known ? "small quiet" : "", dir: "auto" }, message);
  return element("li", { className: "run-warning" }, known ? element("strong", {}, known) : null, said);
}

/** @param {string} name @param {string} value */
function factOf(name, value) {
  return element("div", { className: "run-fact" }, element("dt", {}, t(`training.fact_${name}`)), element("dd", { dir: "auto" }, value));
}

/** Name and value of what is known. @param {Run} run @returns {[string, string][]} */
function factsOf(run) {
  const { losses } = run;
  const best = losses.best_validation == null ? null : bestWords(losses);
  const epochs = run.total_epochs ? t("training.of", { value: decimal(run.epoch ?? 0), total: decimal(run.total_epochs) }) : decimal(run.epoch ?? 0);
  const lasted = run.started_at !== null && run.updated_at !== null ? Math.max(0, run.updated_at - run.started_at) : null;
  /** @type {[string, string|null][]} */
  const facts = [
    ["progress", [stepWords(run), run.progress === null ? null : percent(run.progress)].filter(Boolean).join(" · ")],
    ["epoch", run.epoch === null ? null : epochs],
    ["eta", run.state === "running" && run.eta_seconds !== null ? span(run.eta_seconds) : null],
    ["speed", run.tokens_per_second === null ? null : speedWords(run.tokens_per_second)],
    ["train", losses.train == null ? null : amount(losses.train)],
    ["validation", losses.validation == null ? null : amount(losses.validation)],
    ["best", best],
    ["learning_rate", run.learning_rate === null ? null : amount(run.learning_rate)],
    ["lasted", lasted === null ? null : span(lasted)],
    [isGoing(run) ? "updated" : "ended", run.updated_at === null ? null : ago(run.updated_at)],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value !== null && value !== ""));
}

/** @param {Record<string, number|null>} losses */
function bestWords({ best_validation: best, best_validation_step: step }) {
  return step == null ? amount(best) : t("training.best_at", { loss: amount(best), step: decimal(step) });
}

/** @param {number} tokensPerSecond */
function speedWords(tokensPerSecond) {
  return tokensPerSecond < 10_000 ? rate(tokensPerSecond) : t("common.tokens_per_second", { rate: count(tokensPerSecond) });
}
