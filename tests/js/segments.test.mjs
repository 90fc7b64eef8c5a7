/** What cutting an answer into prose and code must hold. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SegmentReader, segmentsOf } from "../../chat/static/js/segments.js";

/** @param {string} text */
const short = (text) => segmentsOf(text).map(({ kind, language, text: piece }) => [kind, language, piece]);

/**
 * What a reader writes when it gets the text in pieces.
 * @param {string[]} pieces
 */
function streamed(pieces) {
  const segments = [];
  const reader = new SegmentReader({
    open: (kind, language) => segments.push({ kind, language, text: "", isClosed: false }),
    write: (piece) => (segments.at(-1).text += piece),
    close: () => (segments.at(-1).isClosed = true),
  });
  pieces.forEach((piece) => reader.push(piece));
  reader.finish();
  return segments;
}

test("prose stays as it is written, with the line ends inside it", () => {
  assert.deepEqual(short("one\n\n  two\n"), [["text", "", "one\n\n  two"]]);
});

test("a fence makes a code block with its language", () => {
  const text = "Look:\n\n```python\ndef f():\n\n    return 1\n```\nThere.";
  assert.deepEqual(short(text), [
    ["text", "", "Look:"],
    ["code", "python", "def f():\n\n    return 1"],
    ["text", "", "There."],
  ]);
});

test("a fence that never closes is code to the end, and says that it is open", () => {
  assert.deepEqual(segmentsOf("```\na\nb"), [{ kind: "code", language: "", text: "a\nb", isClosed: false }]);
});

test("a longer fence holds a shorter one, and tildes hold backticks", () => {
  assert.deepEqual(short("````\n```\n````"), [["code", "", "```"]]);
  assert.deepEqual(short("~~~\n```\n~~~"), [["code", "", "```"]]);
});

test("a closing fence has nothing after it", () => {
  assert.deepEqual(short("```\na\n```js\nb\n```"), [["code", "", "a\n```js\nb"]]);
});

test("backticks inside a line are no fence", () => {
  assert.deepEqual(short("use `x` or\n```inline``` code"), [["text", "", "use `x` or\n```inline``` code"]]);
});

test("an indented fence takes its indent away from its lines, and no more", () => {
  assert.deepEqual(short("  ```js\n  a\n    b\nc\n  ```"), [["code", "js", "a\n  b\nc"]]);
});

test("only the first word after a fence is its language", () => {
  assert.deepEqual(short('```js title="x"\n1\n```'), [["code", "js", "1"]]);
});

test("no text gives no pieces", () => {
  assert.deepEqual(short(""), []);
  assert.deepEqual(short("\n\n"), []);
});

test("any split of a stream gives the pieces of the whole", () => {
  const text =
    "Hi 😀:\n```py\nx = `1`\n\n  ``\n```\n\n1. list\n   ~~~\n   a\n   ~~~\nend `a` ``\n```` text\nb\n````\n```";
  const whole = segmentsOf(text);
  for (let size = 1; size <= text.length; size += 1) {
    const pieces = [];
    for (let start = 0; start < text.length; start += size) pieces.push(text.slice(start, start + size));
    assert.deepEqual(streamed(pieces), whole, `pieces of ${size}`);
  }
});

test("text that cannot become a fence is shown without delay", () => {
  let shown = "";
  const reader = new SegmentReader({
    open: () => undefined,
    write: (piece) => (shown += piece),
    close: () => undefined,
  });
  reader.push("He");
  assert.equal(shown, "He");
  reader.push("llo\n`");
  assert.equal(shown, "Hello");
  reader.push("x");
  assert.equal(shown, "Hello\n`x");
});
