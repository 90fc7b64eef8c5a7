// @ts-check
/** How fast tokens come: over the last seconds, and said seldom enough to be read. Pure, no page. */

const WINDOW = 3000;
const LEAST = 800; // before that, the rate of a few tokens says nothing
const BETWEEN = 500;

/** The pace of one answer. All times are in milliseconds. */
export class Pace {
  /** @type {{ at: number, tokens: number }[]} */
  #marks = [];
  #saidAt = -Infinity;

  /**
   * Note how many tokens there are now.
   * @param {number} tokens
   * @param {number} now
   * @returns {number|null} tokens per second; null where there is nothing new to say
   */
  note(tokens, now) {
    this.#marks.push({ at: now, tokens });
    while (this.#marks.length > 2 && now - this.#marks[1].at >= WINDOW) this.#marks.shift();
    const [first] = this.#marks;
    const passed = now - first.at;
    if (passed < LEAST || now - this.#saidAt < BETWEEN) return null;
    this.#saidAt = now;
    return (1000 * (tokens - first.tokens)) / passed;
  }
}
