// @ts-check
/** Makes and finds elements without markup, so that no text can ever become HTML. */

import { t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * A new element. Properties are set as they are named; a name with a dash, and `role`, is set as an attribute.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node|string|null)} children null is left out
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, String(value));
    else Reflect.set(made, name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * One of the page's icons, for the eye only.
 * @param {string} name
 */
export function icon(name) {
  const image = document.createElementNS(SVG, "svg");
  image.setAttribute("class", "icon");
  image.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  image.append(use);
  return image;
}

/**
 * A button with an icon and, for everybody, its words.
 * @param {string} iconName
 * @param {string} label
 * @param {() => void} action
 */
export function iconButton(iconName, label, action) {
  const words = element("span", { className: "button-label", textContent: label });
  return element("button", { type: "button", className: "quiet-button", onclick: action }, icon(iconName), words);
}

/**
 * The element of the page with this id.
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 * @throws {Error} where the template lacks it
 */
export function required(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} with the id ${id}`);
}

/**
 * Put text on the clipboard, also where the page is no secure context and the clipboard's own interface is missing.
 * @param {string} text
 */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = element("textarea", { value: text, className: "visually-hidden", readOnly: true });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!isCopied) throw new Error("the browser does not let this page use the clipboard");
}

/**
 * A button that copies, and says that it did.
 * @param {string} label
 * @param {() => string} text
 */
export function copyButton(label, text) {
  const button = iconButton("copy", label, async () => {
    const words = /** @type {HTMLElement} */ (button.lastElementChild);
    const outcome = await copyText(text()).then(
      () => t("common.copied"),
      () => t("common.copy_refused"),
    );
    words.textContent = outcome;
    setTimeout(() => (words.textContent = label), 1500);
  });
  return button;
}
