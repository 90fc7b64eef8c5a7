// @ts-check
/** One long piece of work that the server can do with a checkpoint: its button, its progress, what came of it. */

import { element } from "../dom.js";
import { percent } from "../format.js";
import { t } from "../i18n.js";
import { inSentences, stageName } from "../words.js";

/** @typedef {import("./api.js").Job} Job */
/** @typedef {Pick<typeof import("./api.js"), "begin"|"job">} JobApi */

const POLL_MILLISECONDS = 500;
const UNDER_WAY = ["queued", "running"];

/** Follows one job at a time; it stays where it is while the page shows something else. */
export class JobBox {
  #button = element("button", { type: "button", className: "plain-button" });
  #bar = element("progress", { className: "bar", max: 1, hidden: true });
  #words = element("p", { className: "job-words", role: "status" });
  #result = element("div", { className: "job-result" });
  #kind;
  #api;
  #id;
  #options;

  /**
   * @param {import("./api.js").JobKind} kind
   * @param {string} id of the checkpoint
   * @param {JobApi} api
   * @param {() => object} [options] what is sent along
   */
  constructor(kind, id, api, options = () => ({})) {
    this.#kind = kind;
    this.#id = id;
    this.#api = api;
    this.#options = options;
    this.#button.textContent = t(`checkpoints.start_${kind}`);
    this.#button.addEventListener("click", () => this.#run());
    this.#bar.setAttribute("aria-label", t(`checkpoints.section_${kind}`));
    this.element = element("div", { className: "job" }, this.#button, this.#bar, this.#words, this.#result);
  }

  async #run() {
    this.#button.disabled = true;
    this.#result.replaceChildren();
    try {
      let job = await this.#api.begin(this.#id, this.#kind, this.#options());
      while (UNDER_WAY.includes(job.state) && this.element.isConnected) {
        this.#showProgress(job);
        await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
        job = await this.#api.job(job.id);
      }
      this.#showEnd(job);
    } catch (error) {
      this.#showFailure(/** @type {Error & { code: string, hint?: string|null }} */ (error));
    } finally {
      this.#bar.hidden = true;
      this.#button.disabled = false;
    }
  }

  /** @param {Job} job */
  #showProgress({ state, progress, message }) {
    this.#bar.hidden = false;
    if (typeof progress === "number") this.#bar.value = progress;
    else this.#bar.removeAttribute("value");
    const share = typeof progress === "number" ? percent(progress) : "";
    const stage = message ? stageName(message) : t(state === "queued" ? "common.state_queued" : "checkpoints.job_running");
    this.#words.textContent = [share, stage].filter(Boolean).join(" · ");
  }

  /** @param {Job} job */
  #showEnd(job) {
    if (job.error && job.state !== "cancelled") return this.#showFailure(job.error);
    this.#words.textContent = t(`checkpoints.job_${job.state === "succeeded" ? "done" : "cancelled"}`);
    this.#result.replaceChildren(...resultParts(job.result));
  }

  /** @param {{ code: string, message: string, hint?: string|null }} error */
  #showFailure(error) {
    this.#words.textContent = inSentences(error);
  }
}

/**
 * Whatever a job brought, as a list of names and values; findings come first.
 * @param {any} result
 * @returns {HTMLElement[]}
 */
export function resultParts(result) {
  if (result === null || result === undefined) return [];
  const findings = Array.isArray(result.findings) ? result.findings : [];
  const rest = Object.entries(result).filter(([name]) => name !== "findings");
  const list = element("ul", { className: "findings" }, ...findings.map(finding));
  const facts = rest.flatMap(([name, value]) => [
    element("dt", {}, name.replaceAll("_", " ")),
    element("dd", { dir: "auto" }, typeof value === "object" ? JSON.stringify(value) : String(value)),
  ]);
  return [...(findings.length > 0 ? [list] : []), ...(facts.length > 0 ? [element("dl", { className: "facts" }, ...facts)] : [])];
}

/** @param {any} found a sentence, or what it is about with a level */
function finding(found) {
  if (typeof found === "string") return element("li", { dir: "auto" }, found);
  const item = element("li", { dir: "auto" }, String(found.message ?? JSON.stringify(found)));
  item.dataset.level = String(found.level ?? "info");
  return item;
}
