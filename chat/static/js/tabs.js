// @ts-check
/** Tells the other tabs of this browser what has changed, and hears it from them. */

const NAME = "parley.conversations";

/** A line to the other tabs; where the browser has none, asking the server now and then has to do. */
export class Tabs {
  #channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(NAME);

  /** @param {string} conversationId that has changed */
  tell(conversationId) {
    this.#channel?.postMessage({ changed: conversationId });
  }

  /** @param {(conversationId: string) => void} take called for each change in another tab */
  listen(take) {
    this.#channel?.addEventListener("message", ({ data }) => {
      if (typeof data?.changed === "string") take(data.changed);
    });
  }
}
