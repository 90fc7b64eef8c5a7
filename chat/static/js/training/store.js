// @ts-check
/** What the page knows of runs and jobs; tells with the event "change" when that becomes different. No page. */

/** @typedef {import("./api.js").Run} Run */
/** @typedef {import("./api.js").Job} Job */

const GOING = new Set(["running", "paused", "stalled"]);
const WORKING = new Set(["queued", "running"]);

/** Whether a run has not come to its end. @param {Run} run */
export function isGoing(run) {
  return GOING.has(run.state);
}

/** Whether a job has not come to its end. @param {Job} job */
export function isWorking(job) {
  return WORKING.has(job.state);
}

/** Runs by id, in the server's order: the newest first. */
export class TrainingStore extends EventTarget {
  /** @type {Map<string, Run>} */
  #runs = new Map();
  /** @type {Job[]} */
  jobs = [];
  isReachable = true;
  isListed = false;

  /** @returns {Run[]} */
  get runs() {
    return [...this.#runs.values()];
  }

  /** @param {string|null} id @returns {Run|null} */
  run(id) {
    return (id !== null && this.#runs.get(id)) || null;
  }

  /** @param {any} event of the server's stream */
  take(event) {
    if (Array.isArray(event.runs)) {
      this.#runs = new Map(event.runs.map((/** @type {Run} */ run) => [run.id, run]));
      this.isListed = true;
    } else if (event.run) {
      const isNew = !this.#runs.has(event.run.id);
      const others = isNew ? [...this.#runs] : [];
      if (isNew) this.#runs = new Map([[event.run.id, event.run], ...others]);
      else this.#runs.set(event.run.id, event.run);
    } else if (event.id) this.#runs.delete(event.id);
    this.isReachable = true;
    this.#tell();
  }

  /** @param {Job[]} jobs */
  takeJobs(jobs) {
    if (JSON.stringify(jobs) === JSON.stringify(this.jobs)) return;
    this.jobs = jobs;
    this.#tell();
  }

  /** @param {boolean} isReachable */
  reach(isReachable) {
    if (this.isReachable === isReachable) return;
    this.isReachable = isReachable;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
