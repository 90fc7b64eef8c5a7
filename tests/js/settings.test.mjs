/** What the parameters panel keeps and sends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING_SET, samplingOf, settingsFrom, stopStrings, withNumber } from "../../chat/static/js/settings.js";

test("only what was set is sent", () => {
  assert.deepEqual(samplingOf(NOTHING_SET), {});
  assert.deepEqual(samplingOf(withNumber(NOTHING_SET, "temperature", 0)), { temperature: 0 });
});

test("going back to the default sends nothing again", () => {
  const set = withNumber(NOTHING_SET, "top_k", 40);
  assert.deepEqual(samplingOf(withNumber(set, "top_k", null)), {});
});

test("stop strings come one a line, and may hold line ends", () => {
  assert.deepEqual(stopStrings("###\n\nUser:\n\\n\\n"), ["###", "User:", "\n\n"]);
  assert.deepEqual(samplingOf({ ...NOTHING_SET, stop: "END" }), { stop: ["END"] });
});

test("what was kept comes back", () => {
  const settings = { numbers: { temperature: 0.2, seed: 7 }, stop: "END", systemPrompt: "Be brief." };
  assert.deepEqual(settingsFrom(JSON.stringify(settings)), settings);
  assert.deepEqual(settingsFrom(null), NOTHING_SET);
});

test("what cannot be understood is left out", () => {
  const kept = { numbers: { temperature: "hot", wisdom: 3, top_k: 5 }, stop: 1 };
  assert.deepEqual(settingsFrom(JSON.stringify(kept)), { ...NOTHING_SET, numbers: { top_k: 5 } });
});

test("kept settings that are broken are forgotten, with a word in the console", (context) => {
  const warn = context.mock.method(console, "warn", () => undefined);
  assert.deepEqual(settingsFrom("{broken"), NOTHING_SET);
  assert.equal(warn.mock.callCount(), 1);
});
