// @ts-check
/** The way to the messages before those that are shown: a button that presses itself before it comes into view. */

const AHEAD = "1500px 0px"; // so that who scrolls up finds them there

/**
 * @param {HTMLButtonElement} button
 * @param {import("./store.js").Store} store
 * @param {() => Promise<void>} read
 */
export function showEarlier(button, store, read) {
  let isReading = false;
  const more = async () => {
    const { earlier } = store.state.conversation;
    if (isReading || earlier === null) return;
    isReading = true;
    await read();
    isReading = false;
    if (store.state.conversation.earlier === earlier) return; // in vain: the button is there to try again
    observer.unobserve(button);
    observer.observe(button); // it tells anew where the button stands, which may still be near
  };
  const isNear = (/** @type {IntersectionObserverEntry} */ entry) => entry.isIntersecting;
  const observer = new IntersectionObserver((entries) => entries.some(isNear) && more(), { rootMargin: AHEAD });
  store.addEventListener("conversation", () => (button.hidden = store.state.conversation.earlier === null));
  button.addEventListener("click", more);
  observer.observe(button);
}
