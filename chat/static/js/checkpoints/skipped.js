// @ts-check
/** What the scan came upon and could not even describe: each file with the reason. */

import { element, required } from "../dom.js";
import { t } from "../i18n.js";

/** @param {{ path: string, reason: string }[]} skipped */
export function showSkipped(skipped) {
  const fold = required("skipped", HTMLDetailsElement);
  const drawn = JSON.stringify(skipped);
  if (fold.dataset.drawn === drawn) return;
  fold.dataset.drawn = drawn;
  fold.hidden = skipped.length === 0;
  required("skipped-count", HTMLElement).textContent = t("checkpoints.skipped", { count: skipped.length });
  required("skipped-list", HTMLElement).replaceChildren(...skipped.map(item));
}

/** @param {{ path: string, reason: string }} skipped */
function item({ path, reason }) {
  const words = element("span", { className: "quiet", dir: "auto" }, ` ${reason}`);
  return element("li", {}, element("code", { dir: "ltr" }, path), words);
}
