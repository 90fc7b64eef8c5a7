// @ts-check
/** Tabs as people know them: one panel is seen, the arrows lead from tab to tab. */

/**
 * Make the tabs of a list work; each names its panel by `aria-controls`.
 * @param {HTMLElement} list with the role tablist
 * @returns {(name: string) => void} shows the panel with this id
 */
export function workTabs(list) {
  const tabs = /** @type {HTMLElement[]} */ (Array.from(list.querySelectorAll("[role=tab]")));
  const show = (/** @type {string} */ name) => {
    for (const tab of tabs) {
      const panel = tab.getAttribute("aria-controls") ?? "";
      const isShown = panel === name;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      const element = document.getElementById(panel);
      if (element) element.hidden = !isShown;
    }
  };
  list.addEventListener("click", (event) => {
    const tab = /** @type {Element} */ (event.target).closest("[role=tab]");
    if (tab) show(tab.getAttribute("aria-controls") ?? "");
  });
  list.addEventListener("keydown", (event) => {
    const index = tabs.findIndex((tab) => tab === event.target);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined || index < 0) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    show(tab.getAttribute("aria-controls") ?? "");
    tab.focus();
  });
  return show;
}
