// @ts-check
/** The details of one checkpoint: beside the list where there is room, over it where there is not. */

import { element, required } from "../dom.js";
import { has, t } from "../i18n.js";
import { inSentences, inWords } from "../words.js";
import { factsOf } from "./facts.js";
import { LoadBox } from "./load-box.js";
import { bySteps, runOf } from "./runs.js";
import { laterSections } from "./sections.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {typeof import("./api.js")} Api */

const WIDE = "(min-width: 72rem)";
const LEAST_POINTS = 2;

/** A dialog; modal only where it lies over the list. */
export class Panel {
  #dialog = required("details", HTMLDialogElement);
  #title = required("details-title", HTMLElement);
  #body = required("details-body", HTMLElement);
  #timeline = new Timeline();
  #load;
  #api;
  #tell;
  /** @type {string|null} */
  openId = null;
  /** @type {Model|null} */
  #model = null;
  #drawnTimeline = "";
  /** @type {import("./api.js").Series[]} */
  #series = [];

  /**
   * @param {Api} api
   * @param {import("./load-box.js").LoadActions} actions
   * @param {{ closed: (id: string) => void, learned: () => void }} tell which checkpoint's details were left; that more is known
   */
  constructor(api, actions, tell) {
    this.#api = api;
    this.#load = new LoadBox(actions);
    this.#tell = tell;
    required("details-close", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#onClose());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && this.#dialog.close());
    matchMedia(WIDE).addEventListener("change", () => this.#dialog.open && this.#reopen());
  }

  /**
   * @param {Model} model
   * @param {Model[]} all
   * @param {import("./memory.js").Budget} budget
   */
  open(model, all, budget) {
    const isOther = this.openId !== model.id;
    this.openId = model.id;
    if (!this.#dialog.open) this.#show();
    if (isOther) this.#begin(model);
    this.update(model, all, budget);
    this.#title.focus();
  }

  #show() {
    if (matchMedia(WIDE).matches) this.#dialog.show();
    else this.#dialog.showModal();
    document.body.classList.add("has-details");
  }

  #reopen() {
    const id = this.openId;
    this.#dialog.close();
    this.openId = id;
    this.#show();
  }

  #onClose() {
    if (this.openId === null) return;
    const id = this.openId;
    this.openId = null;
    this.#model = null;
    document.body.classList.remove("has-details");
    this.#tell.closed(id);
  }

  /** What is known from the list at once, then what only this checkpoint's own route tells. @param {Model} model */
  #begin(model) {
    this.#title.textContent = model.name;
    this.#series = [];
    this.#drawnTimeline = "";
    this.#model = null;
    this.#timeline = new Timeline();
    const later = element("div", { className: "later", "aria-busy": "true" });
    const facts = element("section", { className: "panel-facts", "aria-label": t("checkpoints.facts") });
    this.#body.replaceChildren(problemOf(model), this.#load.element, this.#timeline.element, facts, later);
    this.#fill(model, later);
  }

  /**
   * @param {Model} model
   * @param {HTMLElement} later
   */
  async #fill(model, later) {
    try {
      const details = await this.#api.details(model.id);
      later.replaceChildren(...(await laterSections(details, this.#api)));
      if (details.metrics) this.#series = await this.#api.metrics(model.id);
    } catch (error) {
      const words = inSentences(/** @type {import("../http.js").ApiError} */ (error));
      later.replaceChildren(element("p", { className: "load-error", role: "alert" }, words));
    }
    later.setAttribute("aria-busy", "false");
    if (this.openId === model.id) this.#drawnTimeline = "";
    this.#tell.learned();
  }

  /**
   * Keep up with what changed in the list.
   * @param {Model} model
   * @param {Model[]} all
   * @param {import("./memory.js").Budget} budget
   */
  update(model, all, budget) {
    if (this.openId !== model.id) return;
    this.#load.show(model, budget);
    if (this.#model !== model) this.#body.querySelector(".panel-facts")?.replaceChildren(factList(model));
    this.#model = model;
    const points = bySteps(all.filter((other) => runOf(other) === runOf(model)));
    const isRun = runOf(model) !== "" && points.length >= LEAST_POINTS;
    this.#timeline.element.hidden = !isRun && this.#series.length === 0;
    const drawn = points.map((point) => `${point.id} ${point.status.state} ${point.step}`).join("\n");
    if (this.#timeline.element.hidden || drawn === this.#drawnTimeline) return;
    this.#drawnTimeline = drawn;
    this.#timeline.show(points, this.#series, model.id);
  }
}

/** @param {Model} model */
function problemOf({ problem }) {
  const box = element("div", { className: "problem", hidden: !problem });
  if (!problem) return box;
  const { message, hint, said } = inWords(problem);
  box.append(element("p", { className: "problem-message", dir: "auto" }, message));
  if (said) box.append(element("p", { className: "small", dir: "auto" }, said));
  if (hint) box.append(element("p", { className: "small", dir: "auto" }, hint));
  box.append(element("p", { className: "small quiet" }, element("code", {}, problem.code)));
  return box;
}

/** @param {Model} model */
function factList(model) {
  const rows = factsOf(model).map(({ name, value, evidence, isInferred, isCode }) => {
    const label = factName(name);
    const words = element(isCode ? "code" : "span", { dir: "auto" }, value);
    const mark = isInferred ? element("span", { className: "mark mark-inferred" }, t("checkpoints.inferred")) : null;
    const why = evidence ? element("span", { className: "evidence", dir: "auto" }, evidence) : null;
    const told = element("dd", {}, value === "" ? null : words, mark, why);
    return element("div", { className: "fact" }, element("dt", {}, label), told);
  });
  return element("dl", { className: "facts" }, ...rows);
}

/** @param {string} name */
function factName(name) {
  return has(`checkpoints.fact_${name}`) ? t(`checkpoints.fact_${name}`) : name.replaceAll("_", " ");
}