// @ts-check
/** Marks the page once what its address names stands there, for whoever has to wait for it from outside. */

/**
 * The mark `data-ready` is there while the checkpoints, the list and the conversation are drawn as they were read.
 * @param {HTMLElement} main
 * @param {import("./store.js").Store} store
 */
export function markReadiness(main, store) {
  const mark = () => {
    const { catalog, library, conversation } = store.state;
    main.toggleAttribute("data-ready", [catalog, library, conversation].every(({ phase }) => phase !== "loading"));
  };
  // The transcript is drawn in the next frame, and asked for it before this was.
  for (const part of ["catalog", "library", "conversation"]) {
    store.addEventListener(part, () => requestAnimationFrame(mark));
  }
}
