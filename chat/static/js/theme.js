// @ts-check
/** Gives the first picture its colours and its sidebar: a classic script, since a module would come after that picture. */

try {
  document.documentElement.dataset.theme = localStorage.getItem("parley.theme") ?? "system";
  document.documentElement.dataset.sidebar = localStorage.getItem("parley.sidebar") ?? "open";
} catch (error) {
  console.warn("the browser's storage cannot be read, so the page begins as it is by default", error);
}
