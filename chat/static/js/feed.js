// @ts-check
/** Keeps the list of models as the server has it, by one stream of changes while the page is seen and no other runs. */

/** @typedef {import("./store.js").Store} Store */

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
const POLL_PAUSE = 1500;

/**
 * Follows the models. While an answer streams, the list is polled instead: browsers open six connections to a server,
 * and a tab that held two of them for long would leave too few for the others.
 */
export class ModelFeed {
  #store;
  #api;
  #stopped = new AbortController();
  #failures = 0;
  #isPolling = false;

  /**
   * @param {Store} store
   * @param {Pick<typeof import("./api.js"), "listModels"|"modelEvents">} api
   */
  constructor(store, api) {
    this.#store = store;
    this.#api = api;
    store.addEventListener("run", () => this.#isPolling !== (store.state.run !== null) && this.#restart());
    document.addEventListener("visibilitychange", () => this.#restart());
    addEventListener("online", () => this.#restart());
    this.#restart();
  }

  #restart() {
    this.#stopped.abort();
    this.#stopped = new AbortController();
    this.#isPolling = this.#store.state.run !== null;
    if (!document.hidden) this.#keepUp(this.#stopped.signal);
  }

  /** @param {AbortSignal} signal */
  async #keepUp(signal) {
    while (!signal.aborted) {
      try {
        if (this.#isPolling) await this.refresh();
        else await this.#listen(signal);
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failures += 1;
        this.#store.dispatch({ type: "models/unreachable", error });
      }
      await pause(this.#nextPause(), signal);
    }
  }

  #nextPause() {
    if (this.#failures === 0) return this.#isPolling ? POLL_PAUSE : FIRST_PAUSE;
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1));
    return longest * (0.75 + Math.random() / 4); // so that many tabs do not come back in step
  }

  /** @param {AbortSignal} signal */
  async #listen(signal) {
    const own = new AbortController();
    const events = this.#api.modelEvents(AbortSignal.any([signal, own.signal]));
    const first = events.next(); // open the stream before the list is fetched, so that no change falls between them
    first.catch(() => undefined); // it is awaited below; where the list fails first, that failure is the one to tell
    try {
      await this.refresh();
      for (let { done, value } = await first; !done; { done, value } = await events.next()) await this.#take(value);
    } finally {
      own.abort();
    }
  }

  /** @param {any} event */
  async #take(event) {
    if (event.type === "status") this.#store.dispatch({ type: "model/status", status: event });
    else await this.refresh();
  }

  /**
   * Fetch the list once.
   * @param {boolean} [rescan]
   */
  async refresh(rescan = false) {
    this.#store.dispatch({ type: "models/listed", listing: await this.#api.listModels(rescan) });
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal ends the pause
 */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
