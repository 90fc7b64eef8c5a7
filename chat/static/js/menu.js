// @ts-check
/** A menu at a button: opens beside it, is walked with the arrows, and gives the focus back. */

import { element, icon } from "./dom.js";

/** @typedef {{ label: string, icon?: string, act?: () => void, href?: string, isDangerous?: boolean }} MenuItem */

const GAP = 4;

/**
 * Show a menu at this button.
 * @param {HTMLElement} anchor
 * @param {string} label
 * @param {MenuItem[]} items
 */
export function openMenu(anchor, label, items) {
  const menu = element("div", { className: "menu act-menu", popover: "auto", role: "menu", "aria-label": label });
  menu.append(...items.map((item) => menuItem(item, menu)));
  menu.addEventListener("keydown", onKey);
  menu.addEventListener("toggle", (event) => {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    anchor.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) return;
    const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (hadFocus && anchor.isConnected) anchor.focus({ preventScroll: true });
  });
  // Within the same part of the page: what lies outside a modal dialog could not be reached from it.
  (anchor.closest("dialog, nav, main, header") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor);
  /** @type {HTMLElement|null} */ (menu.firstElementChild)?.focus({ preventScroll: true });
}

/**
 * @param {MenuItem} item
 * @param {HTMLElement} menu
 */
function menuItem({ label, icon: image, act, href, isDangerous = false }, menu) {
  const className = `menu-item ${isDangerous ? "is-dangerous" : ""}`;
  const parts = [image ? icon(image) : null, element("span", {}, label)];
  const close = () => menu.hidePopover();
  if (href) return element("a", { className, href, download: "", role: "menuitem", tabIndex: -1, onclick: close }, ...parts);
  const choose = () => {
    close();
    act?.();
  };
  return element("button", { type: "button", className, role: "menuitem", tabIndex: -1, onclick: choose }, ...parts);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const items = /** @type {HTMLElement[]} */ ([...menu.children]);
  const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const places = /** @type {Record<string, number>} */ ({
    ArrowDown: (index + 1) % items.length,
    ArrowUp: (index - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  });
  if (event.key === "Tab") return menu.hidePopover();
  if (!(event.key in places)) return;
  event.preventDefault();
  items[places[event.key]].focus();
}

/**
 * Below the anchor where there is room, else above it, and never beyond the edges.
 * @param {HTMLElement} menu
 * @param {HTMLElement} anchor
 */
function place(menu, anchor) {
  const around = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const isBelow = around.bottom + GAP + height <= innerHeight || around.top < height;
  const top = isBelow ? around.bottom + GAP : around.top - GAP - height;
  const left = around.left + width <= innerWidth - GAP ? around.left : around.right - width;
  menu.style.setProperty("inset", "auto");
  menu.style.setProperty("top", `${Math.max(GAP, Math.min(top, innerHeight - height - GAP))}px`);
  menu.style.setProperty("left", `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`);
}
