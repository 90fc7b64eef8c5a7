// @ts-check
/** Does what needs the server, and shows why where it cannot be done. */

import { noticeOf } from "./notices.js";

/**
 * @param {import("./store.js").Store} store
 * @returns {(action: () => Promise<unknown>) => Promise<void>}
 */
export function attempts(store) {
  return async (action) => {
    try {
      await action();
    } catch (error) {
      store.dispatch({ type: "notice/shown", notice: { ...noticeOf(error), actions: [] } });
    }
  };
}
