/** What is known of the context's use, and how tight it is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { levelOf, measured } from "../../chat/static/js/gauge.js";

test("what an answer's usage tells is not counted again", () => {
  const messages = [
    { content: "first question" },
    { content: "answer", usage: { total_tokens: 40 } },
    { content: "said by hand", usage: null },
  ];
  assert.deepEqual(measured(messages, "draft", "system"), { known: 40, text: "said by hand\ndraft" });
});

test("before the first answer all text counts, the system prompt too", () => {
  assert.deepEqual(measured([], "draft", "Be brief."), { known: 0, text: "Be brief.\ndraft" });
  assert.deepEqual(measured([], "", null), { known: 0, text: "" });
});

test("a context is free, tight for the answer, or full", () => {
  assert.deepEqual([levelOf(10, 100, 50), levelOf(60, 100, 50), levelOf(100, 100, 50)], ["free", "tight", "full"]);
});
