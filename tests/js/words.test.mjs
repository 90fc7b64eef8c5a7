/** How numbers, states and ends are put into words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../chat/static/js/format.js";
import * as words from "../../chat/static/js/words.js";
import { speak } from "./speaking.mjs";

speak("en");

test("numbers read as people say them", () => {
  assert.equal(format.count(134_515_008), "135M");
  assert.equal(format.integer(20_000), "20,000");
  assert.equal(format.decimal(3.21412), "3.214");
  assert.equal(format.percent(0.424), "42%");
  assert.equal(format.percent(7), "100%");
});

test("sizes find their unit", () => {
  assert.deepEqual([0, 999, 98e6, 8.59e9, 3e15].map(format.size), ["0 bytes", "999 bytes", "98 MB", "8.59 GB", "3,000 TB"]);
});

test("durations find their unit", () => {
  assert.deepEqual([0, 840, 2345, 65_000].map(format.duration), ["0ms", "840ms", "2.35s", "1m 5s"]);
});

test("words are counted where no spaces part them, too", () => {
  assert.equal(format.wordCount("Two words, no more."), 4);
  assert.ok(format.wordCount("今天天气很好") > 1);
});

test("a state names its percent only while loading", () => {
  assert.equal(
    words.stateWords({ id: "a", state: "loading", progress: { stage: "reading", fraction: 0.42 } }),
    "loading 42%",
  );
  assert.equal(words.stateWords({ id: "a", state: "unloaded", progress: null }), "not loaded");
});

test("waiting says what for", () => {
  assert.equal(words.waitingWords(null, "one"), "Waiting for the server");
  assert.equal(words.waitingWords({ stage: "loading", fraction: 0.5 }, "one"), "Loading one 50%");
  assert.equal(words.waitingWords({ stage: "prefill", fraction: 0 }, "one"), "Reading the conversation");
  assert.equal(
    words.waitingWords({ stage: "queued", fraction: 0, queue_position: 2 }, "one"),
    "Waiting, number 2 in the queue",
  );
});

const answer = (parts) => ({
  status: "complete",
  finish_reason: "stop",
  limit: 256,
  usage: { completion_tokens: 12 },
  ...parts,
});

test("an end says which end it was", () => {
  assert.equal(words.endWords(answer({})), "ended");
  assert.equal(
    words.endWords(answer({ finish_reason: "length", usage: { completion_tokens: 256 } })),
    "reached the limit of 256 tokens",
  );
  assert.equal(words.endWords(answer({ finish_reason: "length" })), "filled the context after 12 tokens");
  assert.equal(words.endWords(answer({ status: "cancelled", finish_reason: "cancelled" })), "stopped by you");
  assert.equal(words.endWords(answer({ status: "interrupted" })), "interrupted");
  assert.equal(words.endWords(answer({ status: "failed" })), "broke off");
  assert.equal(words.endWords(answer({ finish_reason: null })), "written by hand");
});

test("the facts under an answer leave out what is not known", () => {
  const timings = { tokens_per_second: 38.24, time_to_first_token_ms: 120 };
  assert.deepEqual(words.answerFacts(answer({ model: "sft/one", timings })), [
    "one", "12 tokens", "38.2 tok/s", "first token after 120ms", "ended",
  ]); // prettier-ignore
  assert.deepEqual(words.answerFacts(answer({ model: "sft/one", usage: null }), { step: 500 }), ["one", "step 500", "ended"]);
  assert.deepEqual(words.answerFacts(answer({ model: null, usage: null, finish_reason: null })), ["written by hand"]);
  const stopped = answer({ model: "a/one.gguf", status: "cancelled", usage: { completion_tokens: 0 } });
  assert.deepEqual(words.answerFacts(stopped, { name: "one" }), ["one", "stopped by you"]);
});

test("a reason reads as a sentence, but a name stays as it is written", () => {
  const said = (message) => words.inWords({ code: "brand_new", message }).message;
  assert.equal(said("the prompt is too long"), "The prompt is too long");
  assert.equal(said("smollm2-135m is not loaded"), "smollm2-135m is not loaded");
  assert.equal(said("64 wait already"), "64 wait already");
});

test("an answer that is not whole says why and what to do", () => {
  assert.equal(words.failureWords(answer({})), null);
  assert.match(words.failureWords(answer({ status: "interrupted", content: "half" })).hint, /Continue/);
  assert.match(words.failureWords(answer({ status: "interrupted", content: "" })).hint, /try again/);
  const error = { code: "worker_failed", message: "it broke" };
  const broken = answer({ status: "failed", content: "half", error });
  assert.equal(words.failureWords(broken).summary, "The answer broke off: it broke");
  assert.equal(words.failureWords({ ...broken, content: "" }).summary, "It broke");
  assert.equal(words.failureWords(answer({ warning: "another precision" })).summary, "another precision");
});

test("a model that needs more memory than there is says so", () => {
  const memory = { weights_bytes: 1, kv_bytes_per_token: 1, total_bytes: 9e9, fits: false };
  assert.deepEqual(words.fitWords({ memory }, 8e9), { text: "needs 9 GB of 8 GB: too much", fits: false });
});

test("a loss is named by its kind", () => {
  assert.equal(words.lossName({ kind: "validation" }), "Validation loss");
  assert.equal(words.lossName({ kind: "reward" }), "Reward");
});

test("what a load is at has words of the page's language, and else the server's", () => {
  const loading = (stage) => ({ name: "one", status: { state: "loading", progress: { stage, fraction: 0.5 } } });
  speak("ru");
  assert.equal(words.modelLine(loading("reading the tokenizer")), "Загружается one: чтение токенизатора");
  assert.equal(words.modelLine(loading("counting sheep")), "Загружается one: counting sheep");
  speak("en");
});

test("an error in one text is whole sentences, whatever the server ended with", () => {
  const error = { code: "brand_new", message: "it needs 9 GB of 8 GB", hint: "Unload another model" };
  assert.equal(words.inSentences(error), "It needs 9 GB of 8 GB. Unload another model.");
  assert.equal(words.inSentences({ code: "brand_new", message: "it is gone!", hint: null }), "It is gone!");
});
