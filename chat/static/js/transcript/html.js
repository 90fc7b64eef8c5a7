// @ts-check
/** The only door through which markup enters the page: HTML that our own server made and cleaned. */

const NAME = "parley-blocks"; // as the server's Content-Security-Policy allows it

const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy(NAME, {
  createHTML: (/** @type {string} */ html) => html,
});

/**
 * The nodes of a block. Give it nothing but the `html` of a message or of a block event.
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function blockNodes(html) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return template.content;
}
