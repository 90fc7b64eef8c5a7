// @ts-check
/** A pasted text as the model finds it: each token's probability and rank, and how surprising all of it was. */

import { element, required } from "../dom.js";
import { decimal, integer } from "../format.js";
import { t } from "../i18n.js";
import { probabilityOf } from "./levels.js";
import { TokenTable } from "./token-table.js";
import { TokenText } from "./token-text.js";

/** @typedef {import("./api.js").Scores} Scores */
/** @typedef {import("./run.js").TokenRow} TokenRow */

const TOP = 10;

/** The numbers, the text by its shades, and the table. */
export class Score {
  #text;
  #table = new TokenTable(
    required("score-table", HTMLElement),
    ["number", "text", "id", "probability", "rank", "entropy"],
    t("playground.scored_tokens"),
  );
  #numbers = required("score-numbers", HTMLElement);

  /** @param {(rows: TokenRow[], index: number, text: string) => void} choose told which token another was chosen for */
  constructor(choose) {
    this.#text = new TokenText(required("score-text", HTMLElement), choose);
  }

  /** What is asked for. @param {string|null} model */
  body(model) {
    return { model, text: required("score-source", HTMLTextAreaElement).value, top: TOP };
  }

  /** @param {Scores} scores */
  show(scores) {
    const rows = rowsOf(scores);
    required("score-result", HTMLElement).hidden = false;
    this.#text.clear("");
    this.#text.show(rows);
    this.#table.show([]);
    this.#table.show(rows);
    const { perplexity, bits_per_byte: bits, nats } = scores;
    const facts = [
      ["perplexity", perplexity === null ? "–" : decimal(perplexity)],
      ["bits", bits === null ? "–" : decimal(bits)],
      ["nats", decimal(nats)],
      ["tokens", integer(rows.length)],
    ];
    this.#numbers.replaceChildren(...facts.map(([name, value]) => stat(name, value)));
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function stat(name, value) {
  const label = t(`playground.score_${name}`);
  return element("div", { className: "stat" }, element("dt", {}, label), element("dd", {}, value));
}

/**
 * The server's tokens as the rows that text and table show.
 * @param {Scores} scores
 * @returns {TokenRow[]}
 */
export function rowsOf({ tokens }) {
  return tokens.map(({ id, text, logprob, rank, entropy, top }, place) => ({
    index: place + 1,
    id,
    text,
    probability: probabilityOf(logprob),
    milliseconds: 0,
    top,
    rank,
    entropy,
  }));
}
