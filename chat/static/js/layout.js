// @ts-check
/** What every page's header does: the choice of light, dark or the system's colours, in all tabs alike. */

import { browserStorage } from "./storage.js";

const KEY = "parley.theme";
export const THEMES = ["system", "light", "dark"];

/** Show the pages in these colours and keep the choice. @param {string} name one of THEMES */
export function chooseTheme(name) {
  browserStorage.write(KEY, name);
  showTheme(name);
}

/** @param {string|null} name */
function showTheme(name) {
  const known = THEMES.includes(name ?? "") ? /** @type {string} */ (name) : "system";
  document.documentElement.dataset.theme = known;
  const choice = document.querySelector(`#theme input[value=${known}]`);
  if (choice instanceof HTMLInputElement) choice.checked = true;
}

document.getElementById("theme")?.addEventListener("change", (event) => {
  if (event.target instanceof HTMLInputElement) chooseTheme(event.target.value);
});
addEventListener("storage", (event) => event.key === KEY && showTheme(event.newValue));
showTheme(browserStorage.read(KEY));
