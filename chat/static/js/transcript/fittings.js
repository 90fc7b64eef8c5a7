// @ts-check
/** Fits blocks of the server with what needs the page: names, buttons, and edges that can be scrolled by keyboard. */

import { copyButton, element } from "../dom.js";
import { t } from "../i18n.js";
import { sourceText } from "./growing-text.js";

/** @typedef {(event: Event) => void} Listener */

/**
 * Fit the blocks inside of this root, once, before they are shown.
 * @param {ParentNode} root
 * @param {{ isThinking?: boolean }} [how] whether the thoughts are still being written
 */
export function fit(root, { isThinking = false } = {}) {
  for (const figure of root.querySelectorAll("figure.code-block")) fitCode(/** @type {HTMLElement} */ (figure));
  for (const table of root.querySelectorAll("div.table")) scrollable(table, t("transcript.table"));
  for (const mark of root.querySelectorAll("mark.unseen")) mark.setAttribute("title", t("transcript.unseen"));
  for (const link of root.querySelectorAll("a.picture")) link.setAttribute("title", t("transcript.picture"));
  for (const formula of root.querySelectorAll(".display")) scrollable(formula, t("transcript.formula"));
  const words = isThinking ? t("transcript.thinking") : t("transcript.thoughts");
  for (const summary of root.querySelectorAll("details.reasoning > summary")) summary.replaceChildren(words);
}

/** @param {HTMLElement} figure */
function fitCode(figure) {
  const { language } = figure.dataset;
  const code = /** @type {Element} */ (figure.querySelector("code"));
  const name = element("span", { className: "code-language", dir: "auto" }, language || t("transcript.code"));
  const copy = copyButton(t("transcript.copy_code"), () => sourceText(code));
  figure.prepend(element("figcaption", { className: "code-head" }, name, copy));
  const words = language ? t("transcript.code_in", { language }) : t("transcript.code");
  scrollable(/** @type {Element} */ (figure.querySelector("pre")), words);
}

/**
 * What is too wide is scrolled sideways, also by who has no mouse.
 * @param {Element} part
 * @param {string} label
 */
function scrollable(part, label) {
  part.setAttribute("tabindex", "0");
  part.setAttribute("role", "group");
  part.setAttribute("aria-label", label);
}
