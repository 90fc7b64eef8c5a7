/** Which checkpoints are talked to and which go on with a text. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { modeFor, whyBase } from "../../chat/static/js/modes.js";

const TEMPLATE = { source: "tokenizer_config.json" };

test("a checkpoint without a template, or pretrained only, has not learned to answer", () => {
  assert.equal(whyBase({ chat_template: null, stage: null, group: "Other" }), "no_template");
  assert.equal(whyBase({ chat_template: TEMPLATE, stage: null, group: "Pretrained" }), "pretrained");
  assert.equal(whyBase({ chat_template: TEMPLATE, stage: "sft", group: "SFT" }), null);
});

test("only where it has not learned to answer may one choose", () => {
  const base = { chat_template: null, group: "Other" };
  assert.deepEqual([modeFor(base, null), modeFor(base, "chat")], ["completion", "chat"]);
  assert.equal(modeFor({ chat_template: TEMPLATE, group: "SFT" }, "completion"), "chat");
});
