/** How the checkpoint browser filters, sorts, groups and follows the server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf } from "../../chat/static/js/checkpoints/lines.js";
import { fitOf, segments } from "../../chat/static/js/checkpoints/memory.js";
import { runsOf, walked } from "../../chat/static/js/checkpoints/runs.js";
import { INITIAL, reduce } from "../../chat/static/js/checkpoints/store.js";
import { chosen, PLAIN, queryOf, sortedBy, viewFrom } from "../../chat/static/js/checkpoints/view.js";

const model = (id, more = {}) => ({
  id,
  name: id.split("/").at(-1),
  group: "Other",
  format: "torch",
  stage: null,
  status: { id, state: "unloaded", memory_bytes: 0 },
  ...more,
});
const MODELS = [
  model("base/step-200", { step: 200, stage: "pretrain", loss: { kind: "validation", value: 3.1 }, size_bytes: 30 }),
  model("base/step-100", { step: 100, stage: "pretrain", loss: { kind: "validation", value: 3.5 }, size_bytes: 10 }),
  model("sft/end", { step: 9, stage: "sft", parent: "/home/somebody/runs/base/step-200", format: "huggingface" }),
  model("alone/model.gguf", { format: "gguf", status: { id: "alone/model.gguf", state: "ready", memory_bytes: 40 } }),
  model("broken/half", { problem: { code: "file_truncated", message: "half ends after 3 bytes" } }),
];
const ids = (models) => models.map(({ id }) => id);
const seen = (parts) => ids(chosen(MODELS, { ...PLAIN, ...parts }));
const shown = (lines) => lines.map((line) => (line.kind === "heading" ? `# ${line.label}` : line.model.id));

test("every word of the search must stand somewhere, in a problem's words too", () => {
  assert.deepEqual(seen({ search: "STEP base 100" }), ["base/step-100"]);
  assert.deepEqual(seen({ search: "ends after" }), ["broken/half"]);
  assert.deepEqual(seen({ search: "nothing like it" }), []);
});

test("filters narrow the list together", () => {
  assert.deepEqual(seen({ stage: "pretrain", search: "200" }), ["base/step-200"]);
  assert.deepEqual(seen({ format: "gguf" }), ["alone/model.gguf"]);
  assert.deepEqual(seen({ state: "ready" }), ["alone/model.gguf"]);
  assert.deepEqual(seen({ problem: "with" }), ["broken/half"]);
  assert.equal(seen({ problem: "without" }).length, 4);
});

test("sorting puts what is not known last in both directions", () => {
  assert.deepEqual(seen({ sort: "loss" }).slice(0, 2), ["base/step-200", "base/step-100"]);
  assert.deepEqual(seen({ sort: "loss", isDescending: true }).slice(0, 2), ["base/step-100", "base/step-200"]);
  assert.equal(seen({ sort: "step" })[0], "sft/end");
});

test("names are sorted as people count", () => {
  const numbered = [model("r/step-10"), model("r/step-9")];
  assert.deepEqual(ids(chosen(numbered, { ...PLAIN, sort: "name" })), ["r/step-9", "r/step-10"]);
});

test("a column's head sorts upwards, downwards, and then not at all", () => {
  const once = sortedBy(PLAIN, "step");
  const twice = sortedBy(once, "step");
  assert.deepEqual([once.sort, once.isDescending, twice.isDescending, sortedBy(twice, "step").sort], ["step", false, true, ""]);
});

test("a view survives its way through the address", () => {
  const view = { ...viewFrom(""), search: "a & b", stage: "sft", sort: "loss", isDescending: true, group: "" };
  assert.deepEqual(viewFrom(`?${queryOf(view)}`), view);
  assert.equal(queryOf(viewFrom("")).toString(), "");
});

test("an address that makes no sense gives the usual view", () => {
  assert.deepEqual(viewFrom("?sort=<script>&by=colour&state=asleep&problem=maybe"), viewFrom(""));
});

test("a run that went on from another one's checkpoint stands below it, and lone files stand together", () => {
  const { lines, found } = linesOf(MODELS, { ...PLAIN, group: "run" }, new Set(), []);
  assert.equal(found, 5);
  assert.deepEqual(shown(lines), [
    "# base", "base/step-200", "base/step-100", "# sft", "sft/end", "# ", "alone/model.gguf", "broken/half",
  ]);
  assert.deepEqual(lines.map((line) => line.level), [1, 2, 2, 2, 3, 1, 2, 2]);
});

test("closing a run hides its checkpoints and the runs below it", () => {
  const { lines } = linesOf(MODELS, { ...PLAIN, group: "run" }, new Set(["run base"]), []);
  assert.deepEqual(shown(lines), ["# base", "# ", "alone/model.gguf", "broken/half"]);
});

test("a run has a timeline from its second step on", () => {
  const { lines } = linesOf(MODELS, { ...PLAIN, group: "run" }, new Set(), []);
  assert.deepEqual(lines.filter((line) => line.hasTimeline).map((line) => line.label), ["base"]);
});

test("groups come in the server's order and none is lost", () => {
  const groups = ["SFT", "Pretrained"];
  const grouped = [model("a", { group: "Pretrained" }), model("b", { group: "Strange" }), model("c", { group: "SFT" })];
  const { lines } = linesOf(grouped, { ...PLAIN, group: "group" }, new Set(), groups);
  assert.deepEqual(shown(lines), ["# SFT", "c", "# Pretrained", "a", "# Strange", "b"]);
});

test("runs that name each other as parents are still shown, each once", () => {
  const tangled = [model("a/1", { parent: "b/1" }), model("b/1", { parent: "a/1" })];
  assert.deepEqual(walked(runsOf(tangled)).map(({ run }) => run.name), ["a", "b"]);
});

const listing = (models) => ({ models, groups: [], memory: { budget_bytes: 100, used_bytes: 0 }, scan: { skipped: [] } });

test("what comes after the first list is marked as new and stands beside its run", () => {
  const listed = reduce(INITIAL, { type: "models/listed", listing: listing([model("a/1"), model("b/1")]) });
  assert.equal(listed.fresh.size, 0);
  const grown = reduce(listed, { type: "model/changed", model: model("a/2") });
  assert.deepEqual(ids(grown.models), ["a/1", "a/2", "b/1"]);
  assert.deepEqual([...grown.fresh], ["a/2"]);
  assert.deepEqual(ids(reduce(grown, { type: "model/gone", id: "a/1" }).models), ["a/2", "b/1"]);
});

test("a status changes its model alone, and the memory in use with it", () => {
  const listed = reduce(INITIAL, { type: "models/listed", listing: listing([model("a"), model("b")]) });
  const ready = reduce(listed, { type: "model/status", status: { id: "b", state: "ready", memory_bytes: 7 } });
  assert.equal(ready.models[0], listed.models[0]);
  assert.equal(ready.memory.used_bytes, 7);
  assert.equal(reduce(ready, { type: "model/status", status: { id: "gone" } }), ready);
});

test("a checkpoint fits now, or once others have given way, or never", () => {
  const budget = { budget_bytes: 100, used_bytes: 60 };
  const needs = (total_bytes) => model("m", { memory: { total_bytes, fits: total_bytes <= 100 } });
  assert.deepEqual([30, 70, 170].map((bytes) => fitOf(needs(bytes), budget)), ["now", "after", "never"]);
  assert.equal(fitOf(MODELS[4], budget), null);
});

test("the shares of the memory bar add up to the whole", () => {
  const machine = { total_bytes: 200, available_bytes: 100 };
  const parts = segments(MODELS, { budget_bytes: 100, used_bytes: 40 }, machine);
  assert.deepEqual(parts.map(({ kind, bytes }) => [kind, bytes]), [["model", 40], ["other", 60], ["free", 100]]);
  assert.equal(parts.reduce((sum, part) => sum + part.share, 0), 1);
});
