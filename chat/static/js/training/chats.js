// @ts-check
/** The conversations with the checkpoints of the run that is shown: asked for when it is opened, and now and then again. */

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./api.js").Mark} Mark */
/** @typedef {import("./api.js").Run} Run */

const AGAIN_MILLISECONDS = 10_000;
/** @type {Chat[]} */
const NONE = [];

/** Knows those of one run at a time. */
export class RunChats {
  /** @type {string|null} */
  #runId = null;
  #chats = NONE;
  #askedAt = -Infinity;
  #fetch;
  #changed;

  /** @param {(id: string) => Promise<Chat[]>} fetchChats @param {() => void} changed called when there are others */
  constructor(fetchChats, changed) {
    this.#fetch = fetchChats;
    this.#changed = changed;
  }

  /** Those of this run, as far as they are known. @param {Run} run */
  of(run) {
    if (run.id !== this.#runId) [this.#runId, this.#chats, this.#askedAt] = [run.id, NONE, -Infinity];
    if (run.checkpoints.length > 0 && Date.now() - this.#askedAt > AGAIN_MILLISECONDS) this.#ask(run.id);
    return this.#chats;
  }

  /** @param {string} id */
  async #ask(id) {
    this.#askedAt = Date.now();
    try {
      const found = await this.#fetch(id);
      if (id !== this.#runId || JSON.stringify(found) === JSON.stringify(this.#chats)) return;
      this.#chats = found;
      this.#changed();
    } catch (error) {
      console.warn("the conversations with this run's checkpoints are not known at the moment", error);
    }
  }
}

/**
 * A mark for each checkpoint that was talked to, where its own mark is.
 * @param {Mark[]} marks of the run
 * @param {Chat[]} chats the newest first
 * @returns {Mark[]}
 */
export function chatMarks(marks, chats) {
  const checkpoints = marks.filter(({ kind, checkpoint }) => kind === "checkpoint" && chats.some((chat) => chat.checkpoint === checkpoint));
  return checkpoints.map((mark) => {
    const own = chats.filter(({ checkpoint }) => checkpoint === mark.checkpoint);
    return { ...mark, kind: "chat", text: own.map(({ title }) => title).join(", "), chats: own };
  });
}
