/** What the parameters panel keeps and sends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as settings from "../../chat/static/js/settings.js";

const { NOTHING_SET, settingsFrom, stopStrings, stopText, withParameter } = settings;

test("only what was set is kept, and going back to the default takes it out again", () => {
  const set = withParameter(NOTHING_SET, "temperature", 0);
  assert.deepEqual(set.parameters, { temperature: 0 });
  assert.deepEqual(withParameter(set, "temperature", null), NOTHING_SET);
});

test("stop strings come one a line, and may hold line ends", () => {
  const strings = ["###", "User:", "\n\n"];
  assert.deepEqual(stopStrings("###\n\nUser:\n\\n\\n"), strings);
  assert.deepEqual(stopStrings(stopText(strings)), strings);
  assert.equal(stopText(undefined), "");
});

test("what was kept comes back", () => {
  const kept = { parameters: { temperature: 0.2, seed: 7, stop: ["END"] }, system: "Be brief." };
  assert.deepEqual(settingsFrom(JSON.stringify(kept)), kept);
  assert.deepEqual(settingsFrom(null), NOTHING_SET);
});

test("what cannot be understood is left out", () => {
  const kept = { parameters: { temperature: "hot", wisdom: 3, top_k: 5, stop: [1] }, system: 1 };
  assert.deepEqual(settingsFrom(JSON.stringify(kept)), { ...NOTHING_SET, parameters: { top_k: 5 } });
  for (const odd of ["null", "1", "[]", '{"parameters": 5}']) assert.deepEqual(settingsFrom(odd), NOTHING_SET);
});

test("kept settings that are broken are forgotten, with a word in the console", (context) => {
  const warn = context.mock.method(console, "warn", () => undefined);
  assert.deepEqual(settingsFrom("{broken"), NOTHING_SET);
  assert.equal(warn.mock.callCount(), 1);
});
