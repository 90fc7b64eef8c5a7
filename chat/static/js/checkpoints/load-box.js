// @ts-check
/** A checkpoint's state with what can be done about it: load in a precision, pin, unpin, unload, go and talk to it. */

import { element } from "../dom.js";
import { percent } from "../format.js";
import { t } from "../i18n.js";
import { inSentences } from "../words.js";
import { ACTS } from "./row.js";
import { chatAddress } from "./sparkline.js";
import { dotState, fitWords, stateWords } from "./words.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {{ load: (id: string, options: { precision?: string, pinned?: boolean }) => void, unload: (id: string) => void }} LoadActions */

const PRECISIONS = ["auto", "int8", "bfloat16", "float16", "float32"];

/** Changes in place, so that what has the focus keeps it. */
export class LoadBox {
  #dot = element("span", { className: "dot", "aria-hidden": "true" });
  #state = element("span", { className: "load-state" });
  #fit = element("span", { className: "quiet small" });
  #error = element("p", { className: "load-error", dir: "auto" });
  #bar = element("progress", { className: "bar", max: 1 });
  #precision = element("select", { id: "precision" }, ...PRECISIONS.map((name) => option(name)));
  #pinned = element("input", { type: "checkbox", id: "pinned" });
  #main = element("button", { type: "button", className: "main-button" });
  #pin = element("button", { type: "button", className: "plain-button" });
  #choices;
  #links = element("div", { className: "load-links" });
  /** @type {Model|null} */
  #model = null;

  /** @param {LoadActions} actions */
  constructor(actions) {
    const precision = element("label", { htmlFor: "precision" }, t("checkpoints.precision"));
    const pinned = element("label", { className: "check" }, this.#pinned, t("checkpoints.pin_at_load"));
    this.#choices = element("div", { className: "load-choices" }, precision, this.#precision, pinned);
    const line = element("p", { className: "load-line", role: "status" }, this.#dot, this.#state, this.#fit);
    const buttons = element("div", { className: "load-buttons" }, this.#main, this.#pin, this.#links);
    this.element = element("div", { className: "load-box" }, line, this.#bar, this.#error, this.#choices, buttons);
    this.#main.addEventListener("click", () => this.#press(actions));
    this.#pin.addEventListener("click", () => this.#model && actions.load(this.#model.id, { pinned: !isPinned(this.#model) }));
  }

  /** @param {LoadActions} actions */
  #press(actions) {
    if (!this.#model) return;
    const act = ACTS[this.#model.status.state];
    if (act === "unload" || act === "cancel") return actions.unload(this.#model.id);
    const precision = this.#precision.value;
    const options = { ...(precision === "auto" ? {} : { precision }), ...(this.#pinned.checked ? { pinned: true } : {}) };
    actions.load(this.#model.id, options);
  }

  /**
   * @param {Model} model
   * @param {import("./memory.js").Budget} budget
   */
  show(model, budget) {
    const isOther = this.#model?.id !== model.id;
    this.#model = model;
    this.element.hidden = model.problem != null;
    const { state, progress, error, precision, device } = model.status;
    this.#dot.dataset.state = dotState(model);
    const place = state === "ready" ? [precision, device, isPinned(model) ? t("checkpoints.pinned") : null] : [];
    this.#state.textContent = [stateWords(model), ...place].filter(Boolean).join(" · ");
    const fit = fitWords(model, budget);
    this.#fit.textContent = fit ? `${fit.text} · ${fit.title}` : "";
    this.#bar.hidden = state !== "loading";
    this.#bar.value = progress?.fraction ?? 0;
    this.#bar.setAttribute("aria-label", `${t("common.loading_named", { name: model.name })} ${percent(progress?.fraction ?? 0)}`);
    this.#error.textContent = state === "failed" && error ? inSentences(error) : "";
    this.#showButtons(model);
    if (isOther) this.#links.replaceChildren(...linksOf(model));
  }

  /** @param {Model} model */
  #showButtons(model) {
    const { problem, status } = model;
    const act = problem ? null : ACTS[status.state];
    this.#main.hidden = act === null;
    this.#main.textContent = act ? t(`checkpoints.act_${act}`) : "";
    this.#choices.hidden = act !== "load" && act !== "again";
    this.#pin.hidden = status.state !== "ready";
    this.#pin.textContent = isPinned(model) ? t("checkpoints.unpin") : t("checkpoints.pin");
    this.#links.hidden = problem != null;
  }
}

/** @param {Model} model */
function isPinned({ status }) {
  return Reflect.get(status, "pinned") === true;
}

/** @param {string} name */
function option(name) {
  return element("option", { value: name }, name === "auto" ? t("checkpoints.precision_auto") : name);
}

/** @param {Model} model */
function linksOf({ id }) {
  const playground = `/playground?model=${encodeURIComponent(id)}`;
  return [
    element("a", { className: "plain-button", href: chatAddress(id) }, t("checkpoints.chat")),
    element("a", { className: "plain-button", href: playground }, t("common.page_playground")),
  ];
}
