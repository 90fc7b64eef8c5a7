// @ts-check
/** Cuts an answer into prose and fenced code while it streams: any split of the text gives the same pieces. */

/** @typedef {{ kind: "text"|"code", language: string, text: string, isClosed: boolean }} Segment */

/**
 * Where the pieces go. `open` begins a piece, `write` adds text to it, `close` ends it.
 * @typedef {object} Sink
 * @property {(kind: "text"|"code", language: string) => void} open
 * @property {(text: string) => void} write
 * @property {() => void} close
 */

const OPENING = /^([ \t]*)(`{3,}|~{3,})([^`\n]*)$/;
const MAY_BECOME_FENCE = /^[ \t]*(`{1,2}|~{1,2}|(`{3,}|~{3,})[^`\n]*)?$/;

/** Reads text in any pieces and tells its sink what it is. Line ends next to a fence, and at the end, are left out. */
export class SegmentReader {
  #sink;
  #line = ""; // of the line being read: what could still be a fence
  #isHeld = true;
  #lineEnds = ""; // seen and not yet written, since nothing may follow them
  /** @type {{ mark: string, indent: number }|null} */
  #fence = null;
  #isOpen = false;

  /** @param {Sink} sink */
  constructor(sink) {
    this.#sink = sink;
  }

  /** @param {string} text */
  push(text) {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.#add(text.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#add(text.slice(start));
  }

  /** The text is over: what was held back is shown after all. */
  finish() {
    const isLastFence = this.#isHeld && this.#fence !== null && this.#closes();
    if (this.#isHeld && !isLastFence) this.#release();
    if (isLastFence) this.#leave();
    else if (this.#isOpen && !this.#fence) this.#close();
    this.#line = "";
  }

  /** @param {string} text a part of a line */
  #add(text) {
    if (text === "") return;
    if (!this.#isHeld) return this.#write(text);
    this.#line += text;
    if (!MAY_BECOME_FENCE.test(this.#line)) this.#release();
  }

  #endLine() {
    const opening = this.#isHeld && !this.#fence ? OPENING.exec(this.#line) : null;
    if (opening) this.#enter(opening[1].length, opening[2], opening[3]);
    else if (this.#isHeld && this.#fence && this.#closes()) this.#leave();
    else {
      if (this.#isHeld) this.#release();
      if (this.#isOpen) this.#lineEnds += "\n";
    }
    [this.#line, this.#isHeld] = ["", true];
  }

  #closes() {
    const mark = this.#line.trim();
    return this.#fence !== null && mark.startsWith(this.#fence.mark) && mark === mark[0].repeat(mark.length);
  }

  #release() {
    const indent = this.#fence?.indent ?? 0;
    const spaces = this.#line.length - this.#line.trimStart().length;
    const line = this.#line.slice(Math.min(indent, spaces));
    [this.#line, this.#isHeld] = ["", false];
    if (line !== "") this.#write(line);
  }

  /** @param {string} text */
  #write(text) {
    if (!this.#isOpen) this.#open("text", "");
    this.#sink.write(this.#lineEnds + text);
    this.#lineEnds = "";
  }

  /**
   * @param {number} indent
   * @param {string} mark
   * @param {string} language
   */
  #enter(indent, mark, language) {
    if (this.#isOpen) this.#close();
    this.#fence = { mark, indent };
    this.#open("code", language.trim().split(/\s/)[0]);
  }

  #leave() {
    this.#fence = null;
    this.#close();
  }

  /**
   * @param {"text"|"code"} kind
   * @param {string} language
   */
  #open(kind, language) {
    this.#isOpen = true;
    this.#lineEnds = "";
    this.#sink.open(kind, language);
  }

  #close() {
    this.#isOpen = false;
    this.#sink.close();
  }
}

/**
 * The pieces of a finished text.
 * @param {string} text
 * @returns {Segment[]}
 */
export function segmentsOf(text) {
  /** @type {Segment[]} */
  const segments = [];
  const last = () => segments[segments.length - 1];
  const reader = new SegmentReader({
    open: (kind, language) => segments.push({ kind, language, text: "", isClosed: false }),
    write: (piece) => (last().text += piece),
    close: () => (last().isClosed = true),
  });
  reader.push(text);
  reader.finish();
  return segments;
}
