// @ts-check
/** Reads text/event-stream from a fetch body: bytes in, whole events out. It knows nothing of what the events mean. */

/** @typedef {{ event: string, data: string, id: string }} ServerEvent */

const LINE_END = /\r\n|\n|\r/;
const BYTE_ORDER_MARK = "\uFEFF";

/** Cuts text that arrives in any pieces into events, as the HTML standard's event stream grammar says. */
export class EventParser {
  #rest = "";
  #hasBegun = false;
  #endedInCarriageReturn = false;
  #event = "";
  #id = "";
  /** @type {string[]} */
  #data = [];

  /**
   * The events that this piece of text completes.
   * @param {string} text
   * @returns {ServerEvent[]}
   */
  push(text) {
    if (text === "") return [];
    if (!this.#hasBegun && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
    this.#hasBegun = true;
    // The CR that ended the last piece already ended its line; an LF right after it belongs to the same line end.
    if (this.#endedInCarriageReturn && text.startsWith("\n")) text = text.slice(1);
    else if (text === "") return [];
    this.#endedInCarriageReturn = text.endsWith("\r");
    // Only what is new is searched: a line of megabytes comes in thousands of pieces.
    const lines = text.split(LINE_END);
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    return lines.map((line) => this.#take(line)).filter((event) => event !== null);
  }

  /**
   * @param {string} line
   * @returns {ServerEvent|null} the event that an empty line completes
   */
  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  /** @returns {ServerEvent|null} */
  #dispatch() {
    const [event, data] = [this.#event || "message", this.#data];
    [this.#event, this.#data] = ["", []];
    return data.length === 0 ? null : { event, data: data.join("\n"), id: this.#id };
  }
}

/** The stream stayed silent for longer than its heartbeat allows. */
export class SilenceError extends Error {}

/**
 * The events of a response body; a block that the end of the stream cuts off is dropped.
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} [silenceMilliseconds] give up after so long without a byte; 0 waits for ever
 * @returns {AsyncGenerator<ServerEvent, void, void>}
 * @throws {SilenceError}
 */
export async function* readEvents(body, silenceMilliseconds = 0) {
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // the parser strips the mark, and only once
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silenceMilliseconds);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined); // rejects only where reading already failed, and that is already known
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} milliseconds
 * @returns {Promise<T>}
 */
async function within(promise, milliseconds) {
  if (milliseconds === 0) return promise;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new SilenceError("nothing came from the server")), milliseconds);
  });
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (silence)]);
  } finally {
    clearTimeout(timer);
  }
}
