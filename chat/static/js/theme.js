// @ts-check
/** Gives the first picture its colours: a classic script in the head, since a module would come after that picture. */

try {
  document.documentElement.dataset.theme = localStorage.getItem("parley.theme") ?? "system";
} catch (error) {
  console.warn("the browser's storage cannot be read, so the theme is the system's", error);
}
