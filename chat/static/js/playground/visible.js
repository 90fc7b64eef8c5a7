// @ts-check
/** A token's text with what cannot be seen made visible: spaces, line ends, tabs, controls. Pure functions. */

/** @type {Record<string, string>} */
const SIGNS = { " ": "·", "\n": "↵", "\r": "␍", "\t": "⇥", "\u00a0": "⍽", "\u3000": "□", "\u007f": "␡" };
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u;
const LAST_CONTROL = 0x1f;
const CONTROL_PICTURES = 0x2400;

/**
 * The text in pieces; a sign stands for something that itself would not be seen.
 * @param {string} text
 * @returns {{ text: string, isSign: boolean }[]}
 */
export function visiblePieces(text) {
  /** @type {{ text: string, isSign: boolean }[]} */
  const pieces = [];
  for (const character of text) {
    const sign = signOf(character);
    const last = pieces.at(-1);
    const piece = { text: sign ?? character, isSign: sign !== null };
    if (last && last.isSign === piece.isSign) last.text += piece.text;
    else pieces.push(piece);
  }
  return pieces;
}

/** The same as one text. @param {string} text */
export function visible(text) {
  return visiblePieces(text)
    .map((piece) => piece.text)
    .join("");
}

/** @param {string} character */
function signOf(character) {
  const known = SIGNS[character];
  if (known) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code <= LAST_CONTROL) return String.fromCodePoint(CONTROL_PICTURES + code);
  return UNSEEN.test(character) ? `\\u{${code.toString(16)}}` : null;
}
