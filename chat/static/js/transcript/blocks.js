// @ts-check
/** The blocks of an answer as `block` events tell of them. Pure functions, no page. */

/**
 * What stands at one place of the answer: safe HTML of the server, and the text that has grown at its end since.
 * @typedef {{ html: string, text: string, final: boolean }} ShownBlock
 */

/** @typedef {{ index: number, html: string, final: boolean, append?: boolean }} BlockEvent */

/** @type {Record<string, string>} */
const CHARACTERS = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

/**
 * The blocks after an event; those that it does not speak of are the same objects as before.
 * @param {readonly ShownBlock[]} blocks
 * @param {BlockEvent} event
 * @returns {ShownBlock[]}
 */
export function withBlock(blocks, { index, html, final, append = false }) {
  const after = blocks.slice();
  const before = after[index];
  while (after.length < index) after.push({ html: "", text: "", final: false });
  after[index] = append && before ? { ...before, text: before.text + plainText(html) } : { html, text: "", final };
  return after;
}

/** @param {string} escaped text without tags, as an appending event carries it */
function plainText(escaped) {
  return escaped.replace(/&(?:amp|lt|gt|quot|#x27);/g, (entity) => CHARACTERS[entity]);
}
