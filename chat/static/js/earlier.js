// @ts-check
/** The way to the messages before those that are shown: a button that presses itself when it comes into view. */

/**
 * @param {HTMLButtonElement} button
 * @param {import("./store.js").Store} store
 * @param {() => Promise<void>} read
 */
export function showEarlier(button, store, read) {
  let isReading = false;
  const more = async () => {
    if (isReading || button.hidden) return;
    isReading = true;
    await read();
    isReading = false;
  };
  store.addEventListener("conversation", () => (button.hidden = store.state.conversation.earlier === null));
  button.addEventListener("click", more);
  new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && more()).observe(button);
}
