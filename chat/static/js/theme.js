// @ts-check
/** Light, dark or as the system has it. A classic script in the head, so that the first picture has its colours. */

(() => {
  const KEY = "parley.theme";
  const NAMES = ["system", "light", "dark"];
  const root = document.documentElement;

  let chosen = "system";

  const read = () => {
    const kept = localStorage.getItem(KEY) ?? "system";
    chosen = NAMES.includes(kept) ? kept : "system";
    root.dataset.theme = chosen;
  };

  const attempt = (/** @type {() => void} */ act) => {
    try {
      act();
    } catch (error) {
      console.warn("the browser does not keep the theme", error);
    }
  };

  const choose = (/** @type {string} */ name) => {
    root.dataset.theme = chosen = name;
    attempt(() => localStorage.setItem(KEY, name));
  };

  const wire = () => {
    const button = document.getElementById("theme");
    if (!(button instanceof HTMLButtonElement)) throw new Error("the page has no button with the id theme");
    const next = () => NAMES[(NAMES.indexOf(chosen) + 1) % NAMES.length];
    const label = () => {
      button.ariaLabel = `Theme: ${chosen}. Switch to ${next()}`;
      button.title = `Theme: ${chosen}`;
    };
    button.addEventListener("click", () => (choose(next()), label()));
    addEventListener("storage", () => (attempt(read), label()));
    label();
  };

  attempt(read);
  document.addEventListener("DOMContentLoaded", wire);
})();
