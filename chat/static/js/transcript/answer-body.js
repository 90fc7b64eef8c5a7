// @ts-check
/** The text of one answer: whole, as blocks that come and grow, or plain as long as there is nothing better. */

import { element } from "../dom.js";
import { fit } from "./fittings.js";
import { GrowingText } from "./growing-text.js";
import { blockNodes } from "./html.js";

/** @typedef {import("./blocks.js").ShownBlock} ShownBlock */
/** @typedef {{ block: ShownBlock, node: HTMLElement, grown: GrowingText|null }} Place */

const EMPTY = { html: "", text: "", final: false };

/** One body; `show` brings it up to date and touches nothing that has not changed. */
export class AnswerBody {
  element = element("div", { className: "answer-text" });
  /** @type {Place[]} */
  #places = [];
  /** @type {string|null} */
  #html = null;
  /** @type {{ text: string, grown: GrowingText }|null} */
  #plain = null;
  #isOpen = false; // as the reader has left the thoughts

  constructor() {
    const onToggle = (/** @type {Event} */ event) => this.#onToggle(/** @type {HTMLDetailsElement} */ (event.target));
    this.element.addEventListener("toggle", onToggle, { capture: true });
  }

  /** @param {{ blocks?: ShownBlock[], html?: string|null, content: string }} message */
  show({ blocks, html, content }) {
    if (blocks?.length) this.#showBlocks(blocks);
    else if (html) this.#showWhole(html);
    else this.#showPlain(content);
  }

  /** Whether there is nothing to see. */
  get isEmpty() {
    return this.element.childNodes.length === 0;
  }

  /** @param {ShownBlock[]} blocks */
  #showBlocks(blocks) {
    if (this.#places.length === 0 || this.#places.length > blocks.length) this.#clear();
    for (let index = this.#firstOpen(); index < blocks.length; index += 1) {
      const place = (this.#places[index] ??= this.#newPlace());
      if (place.block !== blocks[index]) this.#draw(place, blocks[index]);
    }
  }

  /** Where the first block stands that is not final; none before it changes. */
  #firstOpen() {
    const index = this.#places.findIndex(({ block }) => !block.final);
    return index < 0 ? this.#places.length : index;
  }

  /** @returns {Place} */
  #newPlace() {
    const node = element("div", { className: "block" });
    this.element.append(node);
    return { block: EMPTY, node, grown: null };
  }

  /**
   * @param {Place} place
   * @param {ShownBlock} block
   */
  #draw(place, block) {
    const before = place.block;
    place.block = block;
    const isSame = before.html === block.html && before.final === block.final && block.text.startsWith(before.text);
    if (!isSame) {
      place.node.replaceChildren(this.#fitted(block.html, block.final));
      const target = place.node.querySelector(".grows");
      place.grown = target && new GrowingText(target);
    }
    place.grown?.push(isSame ? block.text.slice(before.text.length) : block.text);
  }

  /** @param {string} html */
  #showWhole(html) {
    if (this.#html === html) return;
    this.#clear();
    this.#html = html;
    this.element.append(this.#fitted(html, true));
  }

  /** @param {string} text */
  #showPlain(text) {
    if (this.#plain === null || !text.startsWith(this.#plain.text)) {
      this.#clear();
      const line = element("p", { className: "plain", dir: "auto" });
      if (text !== "") this.element.append(line);
      this.#plain = text === "" ? null : { text: "", grown: new GrowingText(line) };
    }
    if (this.#plain === null) return;
    this.#plain.grown.push(text.slice(this.#plain.text.length));
    this.#plain.text = text;
  }

  #clear() {
    this.element.replaceChildren();
    [this.#places, this.#html, this.#plain] = [[], null, null];
  }

  /**
   * @param {string} html
   * @param {boolean} isFinal
   */
  #fitted(html, isFinal) {
    const nodes = blockNodes(html);
    fit(nodes, { isThinking: !isFinal });
    if (this.#isOpen) nodes.querySelector("details.reasoning")?.setAttribute("open", "");
    return nodes;
  }

  /** @param {HTMLDetailsElement} details */
  #onToggle(details) {
    if (details.isConnected && details.matches(".reasoning")) this.#isOpen = details.open;
  }
}
