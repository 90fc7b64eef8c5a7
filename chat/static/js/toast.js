// @ts-check
/** Says in passing what has been done, with a way to undo it; it waits while it is pointed at or has the focus. */

import { element } from "./dom.js";
import { t } from "./i18n.js";

const STAY_MILLISECONDS = 10_000;

/**
 * Say something; the one before goes.
 * @param {string} words
 * @param {() => void} [undo]
 */
export function say(words, undo) {
  const place = toasts();
  const focused = document.activeElement;
  const toast = element("div", { className: "toast" }, element("span", { dir: "auto" }, words));
  place.replaceChildren(toast);
  const gone = () => toast.remove();
  let timer = setTimeout(gone, STAY_MILLISECONDS);
  const wait = () => clearTimeout(timer);
  const goOn = () => (timer = setTimeout(gone, STAY_MILLISECONDS));
  toast.addEventListener("pointerenter", wait);
  toast.addEventListener("pointerleave", goOn);
  toast.addEventListener("focusin", wait);
  toast.addEventListener("focusout", goOn);
  if (!undo) return;
  const button = element("button", { type: "button", className: "plain-button", onclick: () => (gone(), undo()) });
  button.textContent = t("chat.undo");
  toast.append(button);
  // What had the focus is likely to have gone with what was deleted.
  if (focused === null || focused === document.body || !focused.isConnected) button.focus({ preventScroll: true });
}

function toasts() {
  const known = document.getElementById("toasts");
  if (known) return known;
  const made = element("div", { id: "toasts", className: "toasts", role: "status" });
  document.body.append(made);
  return made;
}
