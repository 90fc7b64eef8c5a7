// @ts-check
/** Keeps small texts in the browser; where it refuses (blocked, full), they last as long as the page. */

/** One of the browser's two stores. */
export class Keeper {
  #area;
  /** @type {Map<string, string>} */
  #memory = new Map();

  /** @param {() => Storage} area asked for only when it is used, since a browser may refuse even that */
  constructor(area) {
    this.#area = area;
  }

  /** @param {string} key */
  read(key) {
    try {
      return this.#memory.get(key) ?? this.#area().getItem(key);
    } catch (error) {
      console.warn("the browser's storage cannot be read", error);
      return null;
    }
  }

  /**
   * @param {string} key
   * @param {string} value
   * @returns {boolean} whether it will outlast the page
   */
  write(key, value) {
    try {
      this.#area().setItem(key, value);
      this.#memory.delete(key);
      return true;
    } catch (error) {
      console.warn("the browser's storage cannot be written", error);
      this.#memory.set(key, value);
      return false;
    }
  }
}

export const tabStorage = new Keeper(() => sessionStorage);
export const browserStorage = new Keeper(() => localStorage);
