// @ts-check
/** Keeps the page at its end while an answer grows, unless the reader has gone elsewhere; offers the way back. */

const NEAR_PIXELS = 80;

/** Follows the end of the page. */
export class Follower {
  #isFollowing = true;
  #lastTop = 0;
  #button;
  #isWanted;

  /**
   * @param {Element[]} growing elements whose size moves the end
   * @param {HTMLButtonElement} button the way back to the end
   * @param {() => boolean} isWanted whether there is an end worth following
   */
  constructor(growing, button, isWanted) {
    this.#button = button;
    this.#isWanted = isWanted;
    button.addEventListener("click", () => this.jump());
    addEventListener("scroll", () => this.#onScroll(), { passive: true });
    const observer = new ResizeObserver(() => this.#keep());
    growing.forEach((part) => observer.observe(part));
  }

  /** Go to the end and stay there. */
  jump() {
    this.#isFollowing = true;
    this.#keep();
  }

  #keep() {
    if (this.#isFollowing && this.#isWanted())
      scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    this.#showButton();
  }

  #onScroll() {
    const wentUp = scrollY < this.#lastTop - 1;
    this.#lastTop = scrollY;
    if (wentUp && distance() > 1) this.#isFollowing = false;
    else if (distance() <= NEAR_PIXELS) this.#isFollowing = true;
    this.#showButton();
  }

  #showButton() {
    this.#button.hidden = distance() <= NEAR_PIXELS || !this.#isWanted();
  }
}

/** How far the end of the page is below what is seen, in pixels. */
function distance() {
  return document.documentElement.scrollHeight - innerHeight - scrollY;
}
