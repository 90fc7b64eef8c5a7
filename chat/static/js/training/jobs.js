// @ts-check
/** Long pieces of work of the server: how far each is, its log, calling it off, and beginning a training to look at. */

import { element, required } from "../dom.js";
import { decimal, percent } from "../format.js";
import { has, t } from "../i18n.js";
import { inSentences } from "../words.js";
import { KeyedList } from "./keyed-list.js";
import { LogView } from "./log-view.js";
import { isWorking } from "./store.js";
import { ago, span, stateWords } from "./words.js";

/** @typedef {import("./api.js").Job} Job */
/** @typedef {Pick<typeof import("./api.js"), "jobLog">} JobApi */
/** @typedef {{ cancel: (job: Job) => void, openRun: (id: string) => void }} JobActions */

const SHOWN = 20;

/** The newest jobs. */
export class Jobs {
  #section = required("jobs-section", HTMLElement);
  #list;

  /** @param {JobApi} api @param {JobActions} actions */
  constructor(api, actions) {
    this.#list = new KeyedList(required("jobs", HTMLElement), (/** @type {Job} */ { id }) => id, (job) => new JobRow(job, api, actions));
  }

  /** @param {Job[]} jobs the newest first */
  show(jobs) {
    this.#section.hidden = jobs.length === 0;
    this.#list.show(jobs.slice(0, SHOWN));
  }
}

class JobRow {
  #job;
  #dot = element("span", { className: "dot", "aria-hidden": "true" });
  #state = element("span", { role: "status" });
  #bar = element("progress", { className: "bar", max: 1 });
  #words = element("p", { className: "small quiet", dir: "auto" });
  #error = element("div", { className: "job-error", hidden: true });
  #cancel = element("button", { type: "button", className: "plain-button" }, t("common.cancel"));
  #run = element("button", { type: "button", className: "plain-button", hidden: true }, t("training.show_run"));
  #fold = element("details", { className: "fold" }, element("summary", {}, t("training.job_log")));
  #log;
  element = element("li", { className: "job-row" });

  /** @param {Job} job @param {JobApi} api @param {JobActions} actions */
  constructor(job, api, actions) {
    this.#job = job;
    const title = titleOf(job);
    this.#log = new LogView(t("training.log_of", { name: title }), (offset) => api.jobLog(job.id, offset));
    this.#fold.append(this.#log.element);
    this.#fold.addEventListener("toggle", () => this.#readLog());
    this.#cancel.setAttribute("aria-label", `${t("common.cancel")}: ${title}`);
    this.#bar.setAttribute("aria-label", title);
    this.#cancel.addEventListener("click", () => actions.cancel(this.#job));
    this.#run.addEventListener("click", () => this.#job.run && actions.openRun(this.#job.run));
    const state = element("span", { className: "job-state small" }, this.#dot, this.#state);
    const head = element("div", { className: "job-head" }, element("span", { className: "job-title", dir: "auto" }, title), state);
    const buttons = element("div", { className: "job-buttons" }, this.#run, this.#cancel);
    this.element.append(head, this.#bar, this.#words, this.#error, buttons, this.#fold);
  }

  /** @param {Job} job */
  update(job) {
    this.#job = job;
    this.#dot.dataset.state = job.state;
    const share = job.state === "running" && typeof job.progress === "number" ? percent(job.progress) : null;
    const said = [stateWords("job", job.state), share].filter(Boolean).join(" · ");
    if (this.#state.textContent !== said) this.#state.textContent = said;
    this.#bar.hidden = !isWorking(job);
    if (typeof job.progress === "number") this.#bar.value = job.progress;
    else this.#bar.removeAttribute("value");
    this.#words.textContent = progressWords(job).join(" · ");
    this.#cancel.hidden = !isWorking(job) || Boolean(job.elsewhere);
    this.#fold.hidden = Boolean(job.elsewhere);
    this.#run.hidden = !job.run;
    this.#showError(job);
    this.#readLog();
  }

  /** @param {Job} job */
  #showError({ error }) {
    this.#error.hidden = !error;
    if (!error || this.#error.childElementCount > 0) return;
    const lines = error.last_lines ?? [];
    this.#error.append(element("p", { dir: "auto" }, inSentences(error)));
    if (lines.length > 0) this.#error.append(element("pre", { tabIndex: 0, dir: "ltr" }, lines.join("\n")));
  }

  async #readLog() {
    if (!this.#fold.open) return;
    try {
      await this.#log.poll();
    } catch (error) {
      console.warn("the job's log is not read at the moment", error);
    }
  }
}

/** "Health check · sft/step-500".  @param {Job} job */
function titleOf({ kind, parameters = {} }) {
  const name = has(`training.kind_${kind}`) ? t(`training.kind_${kind}`) : kind;
  const about = parameters.model ?? parameters.name;
  return [name, typeof about === "string" ? about : null].filter(Boolean).join(" · ");
}

/** @param {Job} job */
function progressWords({ message, stage, current, total, started_at: from, ended_at: to, state, elsewhere }) {
  const place = elsewhere ? t("training.job_elsewhere", { machine: elsewhere }) : null;
  const done = current != null && total ? t("training.of", { value: decimal(current), total: decimal(total) }) : null;
  const lasted = from != null && to != null ? t("training.took", { time: span(Math.max(0, to - from)) }) : null;
  const age = to == null ? null : ago(to);
  return [state === "running" ? (message ?? stage ?? null) : null, state === "running" ? done : null, lasted, age, place].filter((part) => part !== null);
}
