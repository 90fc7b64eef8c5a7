// @ts-check
/** Light, dark or as the system has it. A classic script in the head, so that the first picture has the right colours. */

(() => {
  const KEY = "parley.theme";
  const NAMES = ["system", "light", "dark"];
  const root = document.documentElement;

  const chosen = () => {
    const kept = localStorage.getItem(KEY) ?? "system";
    return NAMES.includes(kept) ? kept : "system";
  };

  const show = () => {
    root.dataset.theme = chosen();
  };

  const wire = () => {
    const button = document.getElementById("theme");
    if (!(button instanceof HTMLButtonElement)) throw new Error("the page has no button with the id theme");
    const label = () => {
      const next = NAMES[(NAMES.indexOf(chosen()) + 1) % NAMES.length];
      button.ariaLabel = `Theme: ${chosen()}. Switch to ${next}`;
      button.title = `Theme: ${chosen()}`;
    };
    button.addEventListener("click", () => {
      localStorage.setItem(KEY, NAMES[(NAMES.indexOf(chosen()) + 1) % NAMES.length]);
      show();
      label();
    });
    addEventListener("storage", () => (show(), label()));
    label();
  };

  show();
  document.addEventListener("DOMContentLoaded", wire);
})();
