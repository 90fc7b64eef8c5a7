// @ts-check
/** Keeps what the page knows as the server has it: runs by one stream of events, jobs by asking now and then. */

import { isWorking } from "./store.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
const BUSY_JOBS_PAUSE = 1000;
const IDLE_JOBS_PAUSE = 5000;

/**
 * Follows while the page is seen. Jobs have no stream of their own here: browsers open six connections to a server, and a page
 * that held two of them for as long as it is open would leave too few for others.
 */
export class TrainingFeed {
  #store;
  #api;
  #stopped = new AbortController();
  #wake = () => {};

  /**
   * @param {import("./store.js").TrainingStore} store
   * @param {Pick<typeof import("./api.js"), "runEvents"|"listJobs">} api
   */
  constructor(store, api) {
    this.#store = store;
    this.#api = api;
    document.addEventListener("visibilitychange", () => this.#restart());
    addEventListener("online", () => this.#restart());
    addEventListener("pagehide", () => this.#stopped.abort());
    addEventListener("pageshow", (event) => event.persisted && this.#restart());
    this.#restart();
  }

  /** Ask for the jobs at once. */
  hurry() {
    this.#wake();
  }

  #restart() {
    this.#stopped.abort();
    this.#stopped = new AbortController();
    if (document.hidden) return;
    const { signal } = this.#stopped;
    this.#follow(signal);
    this.#askForJobs(signal);
  }

  /** @param {AbortSignal} signal */
  async #follow(signal) {
    let failures = 0;
    while (!signal.aborted) {
      try {
        for await (const event of this.#api.runEvents(signal)) {
          failures = 0;
          this.#store.take(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        console.warn("the runs are not followed at the moment", error);
        this.#store.reach(false);
      }
      const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
      await this.#pause(longest * (0.75 + Math.random() / 4), signal); // so that many pages do not come back in step
    }
  }

  /** @param {AbortSignal} signal */
  async #askForJobs(signal) {
    while (!signal.aborted) {
      try {
        this.#store.takeJobs(await this.#api.listJobs());
      } catch (error) {
        if (!signal.aborted) console.warn("the jobs are not known at the moment", error);
      }
      const milliseconds = this.#store.jobs.some(isWorking) ? BUSY_JOBS_PAUSE : IDLE_JOBS_PAUSE;
      await Promise.race([this.#pause(milliseconds, signal), new Promise((wake) => (this.#wake = () => wake(undefined)))]);
    }
  }

  /** @param {number} milliseconds @param {AbortSignal} signal ends the pause */
  #pause(milliseconds, signal) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
    });
  }
}
