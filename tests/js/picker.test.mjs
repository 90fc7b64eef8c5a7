/** How the picker finds, groups and moves. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { grouped, matches, moved } from "../../chat/static/js/picker-row.js";

const model = (id, group, more = {}) => ({
  id,
  name: id.split("/").at(-1),
  group,
  format: "torch",
  family: "llama",
  ...more,
});
const MODELS = [
  model("run/step-10", "Pretrained", { step: 10 }),
  model("sft/a", "SFT"),
  model("x", "Strange"),
  model("sft/b", "SFT"),
];

test("every word of the filter must stand somewhere, in any order and case", () => {
  assert.ok(matches(MODELS[0], "STEP pretrained"));
  assert.ok(matches(MODELS[0], "step 10"));
  assert.ok(!matches(MODELS[0], "step sft"));
  assert.ok(matches(MODELS[0], ""));
});

test("groups come in the server's order, without the empty ones, and none is lost", () => {
  const found = grouped(MODELS, ["Pretrained", "SFT", "RL"], "").map(({ group, models }) => [
    group,
    models.map(({ id }) => id),
  ]);
  assert.deepEqual(found, [
    ["Pretrained", ["run/step-10"]],
    ["SFT", ["sft/a", "sft/b"]],
    ["Strange", ["x"]],
  ]);
});

test("the filter leaves out groups that have nothing left", () => {
  assert.deepEqual(
    grouped(MODELS, ["Pretrained", "SFT"], "sft").map(({ group }) => group),
    ["SFT"],
  );
});

test("the arrows go round, Home and End go to the ends", () => {
  assert.deepEqual([moved("ArrowDown", -1, 3), moved("ArrowDown", 2, 3)], [0, 0]);
  assert.deepEqual([moved("ArrowUp", 0, 3), moved("ArrowUp", -1, 3), moved("ArrowUp", 2, 3)], [2, 2, 1]);
  assert.deepEqual([moved("Home", 2, 3), moved("End", 0, 3)], [0, 2]);
});

test("other keys, and an empty list, lead nowhere", () => {
  assert.deepEqual([moved("a", 0, 3), moved("ArrowDown", -1, 0)], [null, null]);
});
