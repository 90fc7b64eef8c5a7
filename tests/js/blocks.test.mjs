import assert from "node:assert/strict";
import { test } from "node:test";

import { withBlock } from "../../chat/static/js/transcript/blocks.js";

const block = (index, html, more = {}) => ({ index, html, final: false, ...more });

test("a block takes the place of what stood there, and leaves the others the objects they were", () => {
  const before = [block(0, "a", { final: true }), block(1, "b")].reduce(withBlock, []);
  const after = withBlock(before, block(1, "c"));
  assert.deepEqual(after[1], { html: "c", text: "", final: false });
  assert.equal(after[0], before[0]);
  assert.equal(before[1].html, "b");
});

test("what is appended is text, whatever it looks like", () => {
  const after = [block(0, "<code>"), block(0, "a &lt;b&gt; &amp;amp; &quot;", { append: true }), block(0, "&#x27;", { append: true })];
  assert.equal(after.reduce(withBlock, [])[0].text, "a <b> &amp; \"'");
});

test("a block that comes anew forgets what was appended", () => {
  const events = [block(0, "<code>"), block(0, "a", { append: true }), block(0, "<b>", { final: true })];
  assert.deepEqual(events.reduce(withBlock, []), [{ html: "<b>", text: "", final: true }]);
});

test("a block that comes before those in front of it leaves their places free", () => {
  assert.deepEqual([block(2, "c")].reduce(withBlock, []).map(({ html }) => html), ["", "", "c"]);
});
