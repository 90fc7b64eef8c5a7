/** What a file of presets may hold. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { presetsIn } from "../../chat/static/js/presets.js";
import { speak } from "./speaking.mjs";

speak("en");

test("presets come out of a file, without what nobody understands", () => {
  const preset = { name: "mine", model: null, parameters: { top_k: 5, evil: 1 }, system: "Be brief.", more: 1 };
  const [read] = presetsIn(JSON.stringify({ format: "parley-presets", presets: [preset] }));
  assert.deepEqual(read, { name: "mine", model: null, parameters: { top_k: 5 }, system: "Be brief." });
});

test("a file that holds something else is refused", () => {
  assert.throws(() => presetsIn('{"messages": []}'), /no presets of Parley/);
  assert.throws(() => presetsIn("{broken"), SyntaxError);
});
